#include "api/weft/findings.h"
#include "api/resources/status.h"

/* More files than that in one call are a mistake (a home directory, say). */
#define FILES_MAX 10000

static bool files_of(struct call *c, struct manifests *m)
{
    json_error_t at;
    size_t i;
    json_t *file, *list;
    m->json = json_loadb(c->body.p ? c->body.p : "", c->body.n, 0, &at);
    list = json_object_get(m->json, "files");
    if (!m->json || !json_is_array(list) || json_array_size(list) > FILES_MAX) {
        status_refuse(c, 400, NULL, (struct str){ 0 }, "the body is not {\"files\": [{\"name\", \"text\"}]}%s%s", m->json ? "" : ": ",
                      m->json ? "" : at.text);
        return false;
    }
    m->in = xcalloc(json_array_size(list) + 1, sizeof *m->in);
    json_array_foreach (list, i, file) {
        const char *name = json_string_value(json_object_get(file, "name")), *text = json_string_value(json_object_get(file, "text"));
        if (!name || !text) {
            status_refuse(c, 400, NULL, (struct str){ 0 }, "file %zu has no name or no text", i + 1);
            return false;
        }
        m->in[m->n++] = (struct config_input){ name, { text, json_string_length(json_object_get(file, "text")) } };
    }
    return true;
}

bool manifests_read(struct call *c, struct manifests *m)
{
    struct str ns = call_query(c, "namespace");
    struct config_options opt = { .default_namespace = ns.n ? ns.p : "default", .keep_positions = true };
    *m = (struct manifests){ .ns = opt.default_namespace };
    if (!files_of(c, m)) {
        manifests_free(m);
        return false;
    }
    config_read(m->in, m->n, &opt, &m->set);
    return true;
}

static bool in_set(const struct manifests *m, const char *ns)
{
    vec_foreach (r, &m->set.resources) {
        if ((*r)->kind->id == KIND_NAMESPACE && strcmp((*r)->name, ns) == 0) return true;
    }
    return false;
}

void manifests_check_namespaces(struct manifests *m, const struct world *w)
{
    char title[600];
    vec_foreach (p, &m->set.resources) {
        const struct resource *r = *p, *ns = world_get(w, KIND_NAMESPACE, "", r->kind->namespaced ? r->ns : r->name);
        if (ns && ns->meta->deletion_timestamp && (r->kind->namespaced || r->kind->id == KIND_NAMESPACE))
            err_hint(errs_add(&m->set.errors, r->at, -EBUSY, "namespace \"%s\" is being terminated (%s)", ns->name,
                              resource_title(r, title, sizeof title)),
                     "wait until it is gone");
        if (!r->kind->namespaced || ns || in_set(m, r->ns)) continue;
        struct err *e =
            errs_add(&m->set.errors, r->at, -ENOENT, "namespaces \"%s\" not found (%s)", r->ns, resource_title(r, title, sizeof title));
        err_hint(e, "make it first, or put it into the same apply");
    }
}

void manifests_free(struct manifests *m)
{
    config_set_free(&m->set);
    free(m->in);
    json_decref(m->json);
    *m = (struct manifests){ 0 };
}

json_t *findings_text(struct str s)
{
    json_t *j = NULL;
    for (size_t cut = 0; !j && cut < 4 && cut <= s.n; cut++)
        j = json_stringn(s.p ? s.p : "", s.n - cut); /* a message may be cut inside a character */
    return j ? j : json_string("(text that is no UTF-8)");
}

json_t *findings_analysis(const struct manifests *m, const struct world *w)
{
    json_t *lines = json_array();
    struct analysis_list found = { 0 };
    struct world *next = world_put(w, m->set.resources.v, m->set.resources.n);
    analysis_run(next, &found);
    analysis_only(&found, m->set.resources.v, m->set.resources.n);
    for (size_t i = 0; i < found.n; i++) {
        char text[1024];
        json_array_append_new(lines, findings_text(str_of(analysis_text(&found.v[i], text, sizeof text))));
    }
    analysis_free(&found);
    world_unref(next);
    return lines;
}

json_t *findings_lines(const struct errs *errs, const char *level)
{
    json_t *lines = json_array();
    for (size_t i = 0; i < errs->n; i++) {
        const struct err *e = &errs->v[i];
        struct buf b = { 0 };
        if (e->at.file) buf_printf(&b, "%s:", strcmp(e->at.file, "-") == 0 ? "<stdin>" : e->at.file);
        if (e->at.line) buf_printf(&b, "%u:", e->at.line);
        if (e->at.line && e->at.col) buf_printf(&b, "%u:", e->at.col);
        buf_printf(&b, "%s%s: %s", b.len ? " " : "", level, e->what);
        if (e->hint[0]) buf_printf(&b, "; %s", e->hint);
        json_array_append_new(lines, findings_text(buf_str(&b)));
        buf_free(&b);
    }
    if (errs->dropped) json_array_append_new(lines, json_sprintf("%s: and %zu more", level, errs->dropped));
    return lines;
}

void findings_answer(struct call *c, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    call_respond(c, text ? status : 500, "application/json", str_of(text));
    free(text);
}
