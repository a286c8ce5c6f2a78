/* Runs the analyzers over a world: the index they share, the list of findings, its order and its text. */
#include "analysis/internal.h"

static const struct {
    const char *code, *name;
    enum analysis_level level;
} codes[] = {
#define ROW(id, code, level, name) [IST_##id] = { code, name, ANALYSIS_##level },
    ANALYSIS_CODES(ROW)
#undef ROW
};

static void (*const analyzers[])(struct run *) = {
    analyze_references, analyze_mesh_hosts,    analyze_route_rules, analyze_destination_ports, analyze_destination_rules,
    analyze_gateways,   analyze_gateway_hosts, analyze_services,    analyze_traffic,
};

const char *analysis_level_name(enum analysis_level l)
{
    static const char *const names[] = { "Info", "Warning", "Error" };
    return names[l];
}

/* The annotation holds codes separated by commas, or "*". */
static bool suppressed(const struct resource *r, const char *code)
{
    struct str rest = str_of(resource_annotation(r, "galley.istio.io/analyze-suppress"));
    while (rest.p && rest.n) {
        struct str one = str_trim(str_cut(&rest, ','));
        if (str_eqc(one, "*") || str_eqc(one, code)) return true;
    }
    return false;
}

void report(struct run *x, enum analysis_code code, struct resource *r, const void *slot, const char *fmt, ...)
{
    if (suppressed(r, codes[code].code)) return;
    struct analysis_list *l = x->out;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->v = xrealloc(l->v, l->cap, sizeof *l->v);
    }
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct err_at at = slot ? pb_where(r->pos, slot) : (struct err_at){ 0 };
    l->v[l->n++] = (struct analysis_message){
        .code = codes[code].code,
        .level = codes[code].level,
        .resource = resource_ref(r),
        .at = at.line ? at : r->at,
        .text = xstrdup(text),
    };
}

/* --- the index --- */

static void index_services(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_SERVICE);
    for (size_t i = 0; i < l.n; i++) map_put(&x->services, str_of(full_host(x, l.v[i]->name, l.v[i]->ns)), l.v[i]);
    l = world_list(x->w, KIND_SERVICE_ENTRY);
    for (size_t i = 0; i < l.n; i++) {
        const ServiceEntry *s = as_service_entry(l.v[i])->spec;
        for (size_t k = 0; k < s->n_hosts; k++) {
            const char *host = full_host(x, s->hosts[k], l.v[i]->ns);
            if (host[0] == '*')
                vec_push(&x->entry_wildcards, host);
            else
                map_put(&x->entry_hosts, str_of(host), l.v[i]);
        }
    }
}

static void index_subsets(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_DESTINATION_RULE);
    for (size_t i = 0; i < l.n; i++) {
        const DestinationRule *d = as_destination_rule(l.v[i])->spec;
        const char *host = d->host ? full_host(x, d->host, l.v[i]->ns) : "";
        for (size_t k = 0; k < d->n_subsets; k++)
            map_put(&x->subsets, str_of(arena_printf(&x->a, "%s+%s", host, d->subsets[k]->name ? d->subsets[k]->name : "")), l.v[i]);
    }
}

static void add_workload(struct run *x, struct resource *r, const ObjectMeta *m, K8sPodSpec *spec)
{
    vec_push(&x->workloads,
             (struct workload){
                 .r = r, .ns = r->ns, .labels = m ? STRING_ENTRIES(m->labels) : NULL, .n_labels = m ? m->n_labels : 0, .spec = spec });
}

static void index_workloads(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_DEPLOYMENT);
    for (size_t i = 0; i < l.n; i++) {
        const K8s__Io__Api__Core__V1__PodTemplateSpec *t = as_deployment(l.v[i])->spec->template_;
        if (t) add_workload(x, l.v[i], t->metadata, t->spec);
    }
    l = world_list(x->w, KIND_POD);
    for (size_t i = 0; i < l.n; i++) add_workload(x, l.v[i], l.v[i]->meta, as_pod(l.v[i])->spec);
}

/* --- results --- */

static int by_weight(const void *a, const void *b)
{
    const struct analysis_message *x = a, *y = b;
    int c = (int)y->level - (int)x->level;
    if (!c) c = strcmp(x->code, y->code);
    if (!c) c = strcmp(x->resource->kind->kind, y->resource->kind->kind);
    if (!c) c = strcmp(x->resource->ns, y->resource->ns);
    if (!c) c = strcmp(x->resource->name, y->resource->name);
    if (!c) c = (x->at.line > y->at.line) - (x->at.line < y->at.line);
    return c ? c : strcmp(x->text, y->text);
}

/* The same text about the same resource once is enough. */
static void drop_repeats(struct analysis_list *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct analysis_message *m = &l->v[i], *p = n ? &l->v[n - 1] : NULL;
        if (p && p->resource == m->resource && p->at.line == m->at.line && strcmp(p->code, m->code) == 0 && strcmp(p->text, m->text) == 0) {
            resource_unref(m->resource);
            free(m->text);
        } else {
            l->v[n++] = *m;
        }
    }
    l->n = n;
}

void analysis_run(const struct world *w, struct analysis_list *out)
{
    struct run x = { .w = w, .out = out };
    arena_init(&x.a, 16384, 0);
    index_services(&x);
    index_subsets(&x);
    index_workloads(&x);
    for (size_t i = 0; i < ARRAY_LEN(analyzers); i++) analyzers[i](&x);
    if (out->n) qsort(out->v, out->n, sizeof *out->v, by_weight);
    drop_repeats(out);
    map_free(&x.services, NULL);
    map_free(&x.entry_hosts, NULL);
    map_free(&x.subsets, NULL);
    vec_free(&x.entry_wildcards);
    vec_free(&x.workloads);
    arena_free(&x.a);
}

void analysis_only(struct analysis_list *l, struct resource *const *these, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct resource *r = l->v[i].resource;
        bool keep = false;
        for (size_t k = 0; k < n && !keep; k++)
            keep = r == these[k] || (r->kind == these[k]->kind && strcmp(r->ns, these[k]->ns) == 0 && strcmp(r->name, these[k]->name) == 0);
        if (keep) {
            l->v[kept++] = l->v[i];
            continue;
        }
        resource_unref(r);
        free(l->v[i].text);
    }
    l->n = kept;
}

char *analysis_text(const struct analysis_message *m, char *buf, size_t n)
{
    char title[600], at[300] = "";
    if (m->at.file && m->at.file[0]) snprintf(at, sizeof at, " %s:%u", m->at.file, m->at.line);
    snprintf(buf, n, "%s [%s] (%s%s) %s", analysis_level_name(m->level), m->code, resource_title(m->resource, title, sizeof title), at,
             m->text);
    return buf;
}

size_t analysis_count(const struct analysis_list *l, enum analysis_level at_least)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) n += l->v[i].level >= at_least;
    return n;
}

void analysis_free(struct analysis_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        resource_unref(l->v[i].resource);
        free(l->v[i].text);
    }
    free(l->v);
    *l = (struct analysis_list){ 0 };
}
