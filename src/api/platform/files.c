/* What people write about a service, as YAML: look at it, check it, change it; and which fields there are. */
#include "api/platform/lookups.h"

#include "analysis/analyze.h"
#include "api/merge.h"
#include "api/platform/admission.h"
#include "api/platform/change.h"
#include "api/platform/diff.h"
#include "api/platform/engine_inside.h"
#include "api/platform/preq.h"
#include "config/labels.h"

static bool names_host(const char *h, const struct resource *r, const char *ns, const char *name)
{
    char full[340], dotted[330];
    snprintf(dotted, sizeof dotted, "%s.%s", name, ns);
    snprintf(full, sizeof full, "%s.%s.svc.cluster.local", name, ns);
    return h && (strcmp(h, full) == 0 || strcmp(h, dotted) == 0 || (strcmp(r->ns, ns) == 0 && strcmp(h, name) == 0));
}

/* Whether a VirtualService, DestinationRule, Traffic, Release or Service is about the service. */
static bool about(const struct resource *r, const char *ns, const char *name)
{
    const VirtualServiceObject *vs = as_virtual_service(r);
    const DestinationRuleObject *dr = as_destination_rule(r);
    const TrafficSpec *t = model_traffic(r);
    const ReleaseSpec *rel = model_release(r);
    if (dr) return dr->spec && names_host(dr->spec->host, r, ns, name);
    if (t) return t->host && t->host[0] ? names_host(t->host, r, ns, name) : strcmp(r->ns, ns) == 0 && strcmp(r->name, name) == 0;
    if (rel) return strcmp(r->ns, ns) == 0 && rel->service && strcmp(rel->service, name) == 0;
    for (size_t i = 0; vs && vs->spec && i < vs->spec->n_hosts; i++)
        if (names_host(vs->spec->hosts[i], r, ns, name)) return true;
    for (size_t i = 0; vs && vs->spec && i < vs->spec->n_http; i++)
        for (size_t k = 0; k < vs->spec->http[i]->n_route; k++)
            if (vs->spec->http[i]->route[k]->destination && names_host(vs->spec->http[i]->route[k]->destination->host, r, ns, name))
                return true;
    return false;
}

static void file(const struct resource *r, json_t *out)
{
    struct buf b = { 0 };
    model_yaml(r, &b);
    json_t *text = json_stringn(buf_data(&b), b.len);
    buf_free(&b);
    json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:o, s:s}", "kind", r->kind->kind, "namespace", r->ns, "name", r->name, "yaml",
                                         text ? text : json_string(""), "etag", r->version));
}

void files_list(struct preq *q)
{
    static const enum kind_id kinds[] = { KIND_TRAFFIC, KIND_VIRTUAL_SERVICE, KIND_DESTINATION_RULE };
    const struct world *w = platform_world(q->p);
    char *ns = arena_strndup(q->arena, q->service_ns.p, q->service_ns.n), *name = arena_strndup(q->arena, q->service.p, q->service.n);
    json_t *items = json_array();
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct resource_list l = world_list(w, kinds[k]);
        for (size_t i = 0; i < l.n; i++)
            if (about(l.v[i], ns, name)) file(l.v[i], items);
    }
    const struct resource *s = world_get(w, KIND_SERVICE, ns, name);
    if (s) {
        struct versions v;
        file(s, items);
        versions_of(w, s, q->arena, &v);
        for (size_t i = 0; i < v.n; i++)
            if (v.v[i].deployment) file(v.v[i].deployment, items);
    }
    preq_items(q, items, NULL);
}

/* ---- checking ---- */

static void finding(json_t *list, const char *message, unsigned line, unsigned col, const char *code)
{
    json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:s}", "message", model_text(message), "line",
                                          line ? json_integer(line) : json_null(), "column", col ? json_integer(col) : json_null(), "code",
                                          model_text(code), "pointer", "/yaml"));
}

static void findings(json_t *list, const struct errs *errs)
{
    char text[560];
    for (size_t i = 0; i < errs->n; i++) {
        snprintf(text, sizeof text, "%s%s%s", errs->v[i].what, errs->v[i].hint[0] ? "; " : "", errs->v[i].hint);
        finding(list, text, errs->v[i].at.line, errs->v[i].at.col, NULL);
    }
}

struct reading {
    struct config_set set;
    json_t *errors, *warnings;
};

static void read_yaml(struct platform *p, struct str yaml, const char *ns, struct reading *r)
{
    const struct config_input in = { "-", yaml };
    const struct config_options opt = { .default_namespace = ns, .keep_positions = true };
    struct analysis_list found = { 0 };
    *r = (struct reading){ .errors = json_array(), .warnings = json_array() };
    config_read(&in, 1, &opt, &r->set);
    vec_foreach (x, &r->set.resources) admission_check(p, *x, &r->set.errors);
    findings(r->errors, &r->set.errors);
    findings(r->warnings, &r->set.warnings);
    if (r->set.errors.n == 0) {
        struct world *next = world_put(platform_world(p), r->set.resources.v, r->set.resources.n);
        analysis_run(next, &found);
        analysis_only(&found, r->set.resources.v, r->set.resources.n);
        for (size_t i = 0; i < found.n; i++)
            finding(found.v[i].level == ANALYSIS_ERROR ? r->errors : r->warnings, found.v[i].text, found.v[i].at.line, found.v[i].at.col,
                    found.v[i].code);
        world_unref(next);
    }
    analysis_free(&found);
}

static void reading_free(struct reading *r)
{
    config_set_free(&r->set);
    json_decref(r->errors);
    json_decref(r->warnings);
}

void validate_call(struct preq *q)
{
    struct reading r;
    struct str project = preq_text(q, "project");
    const struct resource *p = project.n ? platform_project(q->p, project) : NULL;
    const WD(ProjectSpec) *s = p && who_may(&q->who, p, false, RIGHT_READ) ? ((const WD(Project) *)p->msg)->spec : NULL;
    read_yaml(q->p, preq_text(q, "yaml"),
              s && s->n_environments && s->environments[0]->namespace_ ? s->environments[0]->namespace_ : "default", &r);
    preq_json(q, 200, json_pack("{s:O, s:O}", "errors", r.errors, "warnings", r.warnings));
    reading_free(&r);
}

/* ---- changing ---- */

static const char *not_allowed(const struct resource *r, const char *ns, const char *name)
{
    enum kind_id k = r->kind->id;
    if (k != KIND_TRAFFIC && k != KIND_VIRTUAL_SERVICE && k != KIND_DESTINATION_RULE && k != KIND_RELEASE)
        return "only Traffic, VirtualService, DestinationRule and Release can be written here";
    return about(r, ns, name) ? NULL : "this is not about the service";
}

struct put {
    struct preq *q;
    json_t *answer;
    struct change_wait *wait;
};

static void answered(void *arg, const json_t *proxies)
{
    struct put *d = arg;
    json_object_set(d->answer, "proxies", (json_t *)(uintptr_t)proxies);
    preq_json(d->q, 200, d->answer);
}

static void gone(struct call *c)
{
    struct put *d = c->user;
    change_forget(d->wait);
    json_decref(d->answer);
}

void files_put(struct preq *q)
{
    struct reading r;
    struct batch b = { 0 };
    struct errs errs = { 0 };
    const struct world *w = platform_world(q->p);
    char *ns = arena_strndup(q->arena, q->service_ns.p, q->service_ns.n), *name = arena_strndup(q->arena, q->service.p, q->service.n);
    read_yaml(q->p, preq_text(q, "yaml"), ns, &r);
    vec_foreach (x, &r.set.resources) {
        const char *why = not_allowed(*x, ns, name);
        if (why) finding(r.errors, why, (*x)->at.line, (*x)->at.col, NULL);
    }
    json_t *lines = json_array(), *before = json_object(), *after = json_object();
    for (size_t i = 0; json_array_size(r.errors) == 0 && i < r.set.resources.n; i++) {
        struct resource *x = r.set.resources.v[i], *old = world_get(w, x->kind->id, x->ns, x->name),
                        *next = old ? merge_apply(old, x) : merge_new(x);
        bool same = old && resource_spec_hash(old) == resource_spec_hash(next);
        char title[600];
        if (!same && (!old || merge_allowed(old, next, x->at, &errs))) batch_put(&b, next, 0);
        resource_title(x, title, sizeof title);
        json_array_append_new(lines, json_pack("{s:s, s:s, s:o}", "title", title, "action",
                                               same  ? "unchanged"
                                               : old ? "configured"
                                                     : "created",
                                               "diff", diff_manifests(old, next)));
        json_object_set_new(before, title, old ? model_json(old->msg) : json_null());
        json_object_set_new(after, title, model_json(next->msg));
        resource_unref(next);
    }
    findings(r.errors, &errs);
    errs_free(&errs);
    bool dry = preq_bool(q, "dryRun"), bad = json_array_size(r.errors) > 0;
    json_t *answer = json_pack("{s:o, s:O, s:O}", "resources", lines, "errors", r.errors, "warnings", r.warnings);
    reading_free(&r);
    if (bad || dry || !b.items.n) {
        batch_free(&b);
        json_decref(before);
        json_decref(after);
        if (!bad || dry) return preq_json(q, 200, answer);
        const char *first = json_string_value(json_object_get(json_array_get(json_object_get(answer, "errors"), 0), "message"));
        char *text = arena_printf(q->arena, "%s", first ? first : "it is refused");
        return problem_with(q, 422, "invalid", answer, "%s", text);
    }
    preq_audit(q, &b, "config:write", arena_printf(q->arena, "service %s.%s", name, ns), before, after);
    json_decref(before);
    json_decref(after);
    struct err e = { 0 };
    int done = admission_before(q->p, &b, &e);
    if (done < 0) {
        admission_after(q->p, &b, done);
        batch_free(&b);
        json_decref(answer);
        return problem(q, 422, "invalid", "%s%s%s", e.what, e.hint[0] ? "; " : "", e.hint);
    }
    bool ok = preq_commit(q, &b);
    admission_after(q->p, NULL, ok ? 0 : -EIO);
    if (!ok) return json_decref(answer);
    struct put *d = arena_new(q->arena, struct put);
    *d = (struct put){ .q = q, .answer = answer };
    q->call->user = d;
    q->call->gone = gone;
    struct change_wait *wait = change_wait(q->p, ns, name, 0, answered, d);
    if (wait) d->wait = wait;
}

/* ---- which fields there are ---- */

#define DEPTH 8

static const char *type_name(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_BOOL: return "boolean";
    case PROTOBUF_C_TYPE_STRING: return "string";
    case PROTOBUF_C_TYPE_BYTES: return "string";
    case PROTOBUF_C_TYPE_ENUM: return "enum";
    case PROTOBUF_C_TYPE_MESSAGE: return "object";
    default: return "number";
    }
}

static void camel(const char *snake, char *out, size_t n)
{
    size_t k = 0;
    for (bool up = false; *snake && k + 1 < n; snake++) {
        if (*snake == '_') {
            up = true;
            continue;
        }
        out[k++] = up && *snake >= 'a' && *snake <= 'z' ? (char)(*snake - 32) : *snake;
        up = false;
    }
    out[k] = 0;
}

static bool is_map(const ProtobufCMessageDescriptor *d)
{
    return d->n_fields == 2 && strstr(d->name, "Entry") && strcmp(d->fields[0].name, "key") == 0;
}

static void fields(const ProtobufCMessageDescriptor *d, const char *path, int depth, json_t *out)
{
    for (unsigned i = 0; i < d->n_fields && json_array_size(out) < 3000; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        char name[80], at[400];
        camel(f->name, name, sizeof name);
        bool list = f->label == PROTOBUF_C_LABEL_REPEATED, message = f->type == PROTOBUF_C_TYPE_MESSAGE;
        const ProtobufCMessageDescriptor *m = message ? f->descriptor : NULL;
        bool map = list && m && is_map(m);
        const char *type = map ? "map" : type_name(f);
        if (m && strcmp(m->name, "google.protobuf.Duration") == 0) type = "duration";
        if (m && strcmp(m->name, "google.protobuf.Timestamp") == 0) type = "time";
        snprintf(at, sizeof at, "%s%s%s%s", path, path[0] ? "." : "", name, list && !map ? "[]" : "");
        json_t *values = json_array();
        const ProtobufCEnumDescriptor *en = f->type == PROTOBUF_C_TYPE_ENUM ? f->descriptor : NULL;
        for (unsigned k = 0; en && k < en->n_values; k++) json_array_append_new(values, json_string(en->values[k].name));
        json_array_append_new(out, json_pack("{s:s, s:s, s:o, s:s}", "path", at, "type", type, "enum", values, "doc", ""));
        bool opaque = m && strncmp(m->name, "google.protobuf.", 16) == 0;
        if (m && !opaque && !map && depth < DEPTH) fields(m, at, depth + 1, out);
    }
}

void schema_get(struct preq *q)
{
    struct str word = preq_value(q, 'k');
    const struct kind *k = kind_by_name(word);
    char version[80];
    if (!k) return problem(q, 404, "not-found", "there is no kind %.*s", STR_ARG(word));
    json_t *list = json_array();
    const ProtobufCFieldDescriptor *spec = protobuf_c_message_descriptor_get_field_by_name(k->desc, "spec");
    if (spec && spec->type == PROTOBUF_C_TYPE_MESSAGE)
        fields(spec->descriptor, "spec", 0, list);
    else
        fields(k->desc, "", 0, list);
    preq_json(q, 200,
              json_pack("{s:s, s:s, s:o}", "kind", k->kind, "apiVersion", kind_api_version(k, version, sizeof version), "fields", list));
}
