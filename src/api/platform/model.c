#include "api/platform/model.h"

#include <math.h>

const TrafficSpec *model_traffic(const struct resource *r)
{
    return r && r->kind->id == KIND_TRAFFIC ? ((const WD(Traffic) *)r->msg)->spec : NULL;
}

const ReleaseSpec *model_release(const struct resource *r)
{
    return r && r->kind->id == KIND_RELEASE ? ((const WD(Release) *)r->msg)->spec : NULL;
}

uint64_t model_version(const struct resource *r)
{
    uint64_t v = 0;
    return r && str_u64(str_of(r->version), &v) ? v : 0;
}

/* host is the service's name, or that with its namespace, or the full name. */
static bool host_is(const char *host, const char *ns, const char *service)
{
    struct str h = str_of(host), name = str_of(service);
    if (str_ieq(h, name)) return true;
    if (h.n <= name.n + 1 || !str_ieq(str_first(h, name.n), name) || h.p[name.n] != '.') return false;
    h = str_skip(h, name.n + 1);
    if (!str_ieq(str_first(h, strlen(ns)), str_of(ns))) return false;
    h = str_skip(h, strlen(ns));
    return h.n == 0 || str_starts(h, STR(".svc"));
}

struct resource *model_traffic_of(const struct world *w, const char *ns, const char *service)
{
    struct resource *r = world_get(w, KIND_TRAFFIC, ns, service);
    const TrafficSpec *s = model_traffic(r);
    if (r && (!s || !s->host || !s->host[0] || host_is(s->host, ns, service))) return r;
    struct resource_list l = world_list_ns(w, KIND_TRAFFIC, ns);
    for (size_t i = 0; i < l.n; i++) {
        s = model_traffic(l.v[i]);
        if (s && s->host && s->host[0] && host_is(s->host, ns, service)) return l.v[i];
    }
    return NULL;
}

json_t *model_tree_json(const struct node *n)
{
    if (!n) return json_null();
    struct buf b = { 0 };
    tree_json(n, 0, &b);
    struct str s = buf_str(&b);
    json_t *j = json_loadb(s.p ? s.p : "", s.n, JSON_DECODE_ANY, NULL);
    buf_free(&b);
    return j ? j : json_null();
}

json_t *model_json(const ProtobufCMessage *m)
{
    struct arena a;
    if (!m) return json_null();
    arena_init(&a, 2048, 0);
    json_t *j = model_tree_json(pb_to_tree(m, NULL, &a));
    arena_free(&a);
    return j;
}

struct node *model_json_tree(const json_t *j, struct arena *a)
{
    struct errs errs = { 0 };
    tree_docs docs = { 0 };
    char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
    struct str kept = arena_str(a, str_of(text ? text : "null"));
    free(text);
    tree_read_json(kept, "body", a, &docs, &errs);
    struct node *n = docs.n ? docs.v[0] : NULL;
    vec_free(&docs);
    errs_free(&errs);
    return n;
}

struct resource *model_read(enum kind_id kind, const char *ns, const char *name, const struct node *spec, struct errs *errors,
                            struct errs *warnings)
{
    struct arena a;
    char version[80];
    const struct kind *k = kind_of(kind);
    arena_init(&a, 4096, 0);
    struct node *root = tree_new(&a, NODE_MAP), *meta = tree_new(&a, NODE_MAP);
    tree_add(&a, root, STR("apiVersion"), tree_string(&a, str_of(kind_api_version(k, version, sizeof version))));
    tree_add(&a, root, STR("kind"), tree_string(&a, str_of(k->kind)));
    tree_add(&a, meta, STR("name"), tree_string(&a, str_of(name)));
    if (k->namespaced) tree_add(&a, meta, STR("namespace"), tree_string(&a, str_of(ns)));
    tree_add(&a, root, STR("metadata"), meta);
    if (spec) tree_add(&a, root, STR("spec"), (struct node *)(uintptr_t)spec);
    const struct config_options opt = { .default_namespace = ns, .keep_positions = true };
    struct resource *r = config_read_tree(root, "", &opt, errors, warnings);
    arena_free(&a);
    return r;
}

static bool pointer_to(const struct node *n, unsigned line, unsigned col, struct buf *out)
{
    size_t at = out->len;
    for (size_t i = 0; n && (n->type == NODE_MAP || n->type == NODE_SEQ) && i < n->n; i++) {
        const struct node_pair *p = n->type == NODE_MAP ? &n->pairs[i] : NULL;
        const struct node *v = p ? p->value : n->items[i];
        if (p) {
            buf_puts(out, "/");
            for (size_t k = 0; k < p->key.n; k++) {
                char c = p->key.p[k];
                buf_append(out, c == '~' ? "~0" : c == '/' ? "~1" : &c, c == '~' || c == '/' ? 2 : 1);
            }
        } else {
            buf_printf(out, "/%zu", i);
        }
        if ((p && p->line == line && p->col == col) || (v->line == line && v->col == col) || pointer_to(v, line, col, out)) return true;
        out->len = at;
    }
    return false;
}

const char *model_pointer(const struct node *root, unsigned line, unsigned col, struct arena *a)
{
    struct buf b = { 0 };
    const char *p = "";
    if (line && pointer_to(root, line, col, &b)) p = arena_strndup(a, buf_data(&b), b.len);
    buf_free(&b);
    return p;
}

void model_yaml(const struct resource *r, struct buf *out)
{
    static const char *const noise[] = { "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields" };
    struct arena a;
    if (!r) return;
    arena_init(&a, 8192, 0);
    struct node *tree = resource_to_tree(r, NULL, &a), *meta = tree_get(tree, "metadata");
    for (size_t i = 0; meta && i < ARRAY_LEN(noise); i++) tree_remove(meta, noise[i]);
    tree_remove(tree, "status");
    tree_yaml(tree, out);
    arena_free(&a);
}

int64_t model_ms(const PbDuration *d, int64_t none) { return d ? d->seconds * 1000 + d->nanos / 1000000 : none; }

char *model_span(int64_t ms, char *buf, size_t n)
{
    char num[32];
    if (ms < 1000)
        snprintf(buf, n, "%" PRId64 " ms", ms);
    else if (ms < 60000)
        snprintf(buf, n, "%s s", model_number((double)ms / 1000, num, sizeof num));
    else if (ms < 3600000)
        snprintf(buf, n, ms % 60000 ? "%" PRId64 " min %" PRId64 " s" : "%" PRId64 " min", ms / 60000, ms / 1000 % 60);
    else
        snprintf(buf, n, ms % 3600000 ? "%" PRId64 " h %" PRId64 " min" : "%" PRId64 " h", ms / 3600000, ms / 60000 % 60);
    return buf;
}

char *model_number(double v, char *buf, size_t n)
{
    snprintf(buf, n, "%.2f", v);
    for (size_t len = strlen(buf); len > 1 && strchr(buf, '.'); len--) {
        char c = buf[len - 1];
        if (c != '0' && c != '.') break;
        buf[len - 1] = 0;
        if (c == '.') break;
    }
    return buf;
}

json_t *model_time(int64_t wall_ms)
{
    char buf[48];
    if (wall_ms <= 0) return json_null();
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    size_t n = strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + n, sizeof buf - n, ".%03dZ", (int)(wall_ms % 1000));
    return json_string(buf);
}

json_t *model_real(double v) { return isfinite(v) ? json_real(v) : json_null(); }
double model_cut(double v, double scale) { return isfinite(v) ? round(v * scale) / scale : v; }

json_t *model_text(const char *s)
{
    if (!s) return json_null();
    json_t *j = json_string(s);
    return j ? j : json_string("?");
}
