/* Manifests -> resources: documents, lists, kinds and versions, then decoding, defaults, rules and warnings for each object. */
#include "config/internal.h"

#include "base/map.h"

static struct err *add(struct errs *l, const struct node *n, const char *file, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static struct err *add(struct errs *l, const struct node *n, const char *file, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return errs_add(l, node_at(n, file), -EINVAL, "%s", text);
}

/* Kinds of a real cluster that manifests often bring along: named as known, so that nobody looks for a typo. */
static const char *const elsewhere[] = {
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "StorageClass",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ReplicationController",
    "Endpoints",
    "LimitRange",
    "ResourceQuota",
    "IngressClass",
    "PriorityClass",
    "Lease",
    "UDPRoute",
    "TrafficExtension",
    "ServiceMonitor",
    "PodMonitor",
};

static void unknown_kind(const struct node *at, const char *file, struct str api, struct str kind, struct errs *errors)
{
    struct str group, version;
    kind_split(api, &group, &version);
    const char *names[KIND__N];
    char buf[80];
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
        if (str_eqc(kind, elsewhere[i])) {
            add(errors, at, file, "kind %s is not supported by Weft yet", elsewhere[i]);
            return;
        }
    for (size_t i = 0; i < KIND__N; i++) {
        const struct kind *k = kind_of((enum kind_id)i);
        names[i] = k->kind;
        if (!str_eqc(kind, k->kind)) continue;
        struct err *e = add(errors, at, file, "there is no kind %s in \"%.*s\"", k->kind, (int)MIN(api.n, (size_t)100), api.p);
        err_hint(e, "did you mean apiVersion: %s?", kind_api_version(k, buf, sizeof buf));
        return;
    }
    const char *near = str_nearest(kind, names, KIND__N);
    struct err *e = add(errors, at, file, "unknown kind \"%.*s\" in \"%.*s\"", (int)MIN(kind.n, (size_t)80), kind.p,
                        (int)MIN(api.n, (size_t)80), api.p);
    if (near) err_hint(e, "did you mean %s?", near);
}

/* A required text at the top of an object. */
static struct node *head_text(const struct node *n, const char *key, const char *file, struct errs *errors)
{
    struct node *v = tree_get(n, key);
    if (!v || v->type == NODE_NULL) {
        struct err *e = add(errors, n, file, "%s is missing", key);
        if (tree_get(n, "kind") == NULL && tree_get(n, "metadata") == NULL) err_hint(e, "this is no Kubernetes or Istio resource");
        return NULL;
    }
    if (v->type != NODE_STRING) {
        add(errors, v, file, "%s: expected a string, got %s", key, node_type_name(v->type));
        return NULL;
    }
    return v;
}

static const struct kind *find_kind(const struct node *n, const char *file, struct str *api, struct errs *errors)
{
    struct node *a = head_text(n, "apiVersion", file, errors), *k = head_text(n, "kind", file, errors);
    if (!a || !k) return NULL;
    struct str group, version;
    *api = a->text;
    kind_split(a->text, &group, &version);
    const struct kind *kind = kind_find(group, k->text);
    if (!kind) {
        unknown_kind(k, file, a->text, k->text, errors);
        return NULL;
    }
    if (kind_serves(kind, version)) return kind;
    char served[100] = "";
    for (size_t i = 0; i < ARRAY_LEN(kind->versions) && kind->versions[i]; i++) {
        size_t at = strlen(served);
        snprintf(served + at, sizeof served - at, "%s%s", i ? ", " : "", kind->versions[i]);
    }
    struct err *e = add(errors, a, file, "apiVersion: %s has no version \"%.*s\"", kind->kind, (int)MIN(version.n, (size_t)60), version.p);
    err_hint(e, "served: %s", served);
    return NULL;
}

static void run_checks(struct resource *r, const struct node *n, const char *file, struct errs *errors, struct errs *warnings)
{
    struct check c = { .r = r, .pos = r->pos, .file = file, .errors = errors, .warnings = warnings, .here = node_at(n, file) };
    validate_resource(&c);
    if (errs_count(errors)) return;
    if (!r->kind->carried_out) {
        struct str class = tree_text(tree_get(n, "spec"), "ingressClassName"); /* of Ingress */
        errs_add(warnings, node_at(n, file), 0, "%s %s: this kind%s%.*s%s is accepted, but not carried out yet", r->kind->kind, r->name,
                 class.n ? " (class " : "", STR_ARG(class), class.n ? ")" : "");
        return;
    }
    config_warn_fields(n, r, file, warnings);
}

struct resource *config_read_tree(const struct node *n, const char *file, const struct config_options *opt, struct errs *errors,
                                  struct errs *warnings)
{
    static const struct config_options none;
    static const char *const head[] = { "apiVersion", "kind", NULL };
    struct errs mine = { 0 }, ignored = { 0 };
    struct str api;
    if (!opt) opt = &none;
    if (n->type != NODE_MAP) {
        add(errors, n, file, "expected an object with apiVersion and kind, got %s", node_type_name(n->type));
        return NULL;
    }
    const struct kind *kind = find_kind(n, file, &api, errors);
    if (!kind) return NULL;
    struct resource *r = resource_alloc();
    r->kind = kind;
    r->at = (struct err_at){ arena_strndup(&r->arena, file, strlen(file)), n->line, n->col };
    r->api_version = arena_strndup(&r->arena, api.p, api.n);
    if (opt->keep_positions || !opt->no_checks) r->pos = xcalloc(1, sizeof *r->pos);
    struct pb_policy policy = { .file = file, .camel_only = true, .skip = head };
    ProtobufCMessage *m = pb_decode(n, kind->desc, &policy, &r->arena, r->pos, &mine);
    if (r->pos) pb_positions_sort(r->pos);
    if (m) {
        resource_index(r, m);
        if (!opt->no_defaults) config_defaults(r, opt->default_namespace);
        if (!opt->no_checks) run_checks(r, n, file, &mine, warnings ? warnings : &ignored);
    }
    if (r->pos) r->pos->file = r->at.file;
    if (r->pos && !opt->keep_positions) {
        pb_positions_free(r->pos);
        free(TAKE(r->pos, NULL));
    }
    bool bad = !m || errs_count(&mine);
    errs_move(errors, &mine);
    errs_free(&ignored);
    if (!bad) return r;
    resource_unref(r);
    return NULL;
}

struct resource *config_read_text(struct str text, const char *file, const struct config_options *opt, struct errs *errors,
                                  struct errs *warnings)
{
    struct arena a;
    arena_init(&a, 4096, 0);
    tree_docs docs = { 0 };
    struct resource *r = NULL;
    if (tree_read(text, file, &a, &docs, errors) == 0) {
        if (docs.n == 1)
            r = config_read_tree(docs.v[0], file, opt, errors, warnings);
        else
            errs_add(errors, (struct err_at){ .file = file }, -EINVAL, "expected one object, got %zu", docs.n);
    }
    vec_free(&docs);
    arena_free(&a);
    return r;
}

/* The name twice in one reading. */
static bool seen_before(struct map *seen, struct resource *r, const char *file, struct errs *errors)
{
    char key[700], title[600];
    snprintf(key, sizeof key, "%d/%s/%s", (int)r->kind->id, r->ns, r->name);
    struct resource *first = map_get(seen, str_of(key));
    if (!first) {
        map_put(seen, str_of(key), r);
        return false;
    }
    errs_add(errors, (struct err_at){ file, r->at.line, r->at.col }, -EEXIST, "%s is here twice, first at %s:%u",
             resource_title(r, title, sizeof title), first->at.file, first->at.line);
    return true;
}

/* Items of a List obey the limit of a document; their size is that of their JSON. */
static bool item_fits(const struct node *n, const char *file, struct errs *errors)
{
    struct buf b = { 0 };
    tree_json(n, 0, &b);
    size_t bytes = b.len;
    buf_free(&b);
    if (bytes <= TREE_DOC_MAX) return true;
    add(errors, n, file, "the resource has %zu bytes, more than the limit of 1 MiB", bytes);
    return false;
}

static void read_object(const struct node *n, const char *file, const struct config_options *opt, struct map *seen, struct config_set *out)
{
    struct str kind = tree_text(n, "kind"), api = tree_text(n, "apiVersion");
    struct node *items = tree_get(n, "items");
    if (str_eqc(api, "v1") && str_ends(kind, STR("List")) && items && items->type == NODE_SEQ) {
        for (size_t i = 0; i < items->n; i++)
            if (item_fits(items->items[i], file, &out->errors)) read_object(items->items[i], file, opt, seen, out);
        return;
    }
    struct resource *r = config_read_tree(n, file, opt, &out->errors, &out->warnings);
    if (!r) return;
    if (seen_before(seen, r, file, &out->errors))
        resource_unref(r);
    else
        vec_push(&out->resources, r);
}

int config_read(const struct config_input *in, size_t n, const struct config_options *opt, struct config_set *out)
{
    struct map seen = { 0 };
    for (size_t i = 0; i < n; i++) {
        const char *file = strcmp(in[i].file, "-") == 0 ? "<stdin>" : in[i].file;
        struct arena a;
        arena_init(&a, 16384, 0);
        tree_docs docs = { 0 };
        tree_read(in[i].text, file, &a, &docs, &out->errors);
        for (size_t k = 0; k < docs.n; k++) read_object(docs.v[k], file, opt, &seen, out);
        vec_free(&docs);
        arena_free(&a);
    }
    map_free(&seen, NULL);
    return errs_count(&out->errors) ? -EINVAL : 0;
}

void config_set_free(struct config_set *s)
{
    for (size_t i = 0; i < s->resources.n; i++) resource_unref(s->resources.v[i]);
    vec_free(&s->resources);
    errs_free(&s->errors);
    errs_free(&s->warnings);
}
