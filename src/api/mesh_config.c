#include "api/mesh_config.h"
#include "base/log.h"
#include "config/types.h"

#define NAMESPACE "istio-system"
#define NAME      "istio"
#define KEY       "mesh"

bool mesh_config_is(const struct kind *k, const char *ns, const char *name)
{
    return k->id == KIND_CONFIG_MAP && strcmp(ns, NAMESPACE) == 0 && strcmp(name, NAME) == 0;
}

static void bad(const struct node_pair *p, const char *want)
{
    log_warn("mesh configuration (ConfigMap " NAMESPACE "/" NAME "), line %u: %.*s is not %s", p->line, STR_ARG(p->key), want);
}

static void access_log_file(const struct node_pair *p, struct mesh_options *opt, struct arena *a)
{
    const struct node *v = p->value;
    if (v->type != NODE_STRING && v->type != NODE_NULL) return bad(p, "the name of a file");
    opt->access_log = v->type == NODE_STRING && v->text.n ? arena_strndup(a, v->text.p, v->text.n) : NULL;
}

static void outbound_traffic(const struct node_pair *p, struct mesh_options *opt, struct arena *a)
{
    struct str mode = tree_text(p->value, "mode");
    (void)a;
    if (str_eqc(mode, "REGISTRY_ONLY"))
        opt->registry_only = true;
    else if (str_eqc(mode, "ALLOW_ANY"))
        opt->registry_only = false;
    else
        bad(p, "{mode: ALLOW_ANY} or {mode: REGISTRY_ONLY}");
}

static const struct {
    const char *name;
    void (*read)(const struct node_pair *p, struct mesh_options *opt, struct arena *a);
} fields[] = {
    { "accessLogFile", access_log_file },
    { "outboundTrafficPolicy", outbound_traffic },
};

static void read_field(const struct node_pair *p, struct mesh_options *opt, struct arena *a)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (str_eqc(p->key, fields[i].name)) return fields[i].read(p, opt, a);
    }
    log_warn("mesh configuration (ConfigMap " NAMESPACE "/" NAME "), line %u: %.*s is not carried out", p->line,
             STR_ARG(str_first(p->key, 100)));
}

struct resource *mesh_config_of(const struct world *w) { return world_get(w, KIND_CONFIG_MAP, NAMESPACE, NAME); }

void mesh_config_read(const struct resource *r, struct mesh_options *opt, struct arena *a)
{
    const K8sConfigMap *m = r ? (const K8sConfigMap *)r->msg : NULL;
    struct errs errs = { 0 };
    tree_docs docs = { 0 };
    for (size_t i = 0; m && i < m->n_data; i++) {
        if (strcmp(m->data[i]->key, KEY) != 0) continue;
        tree_read_yaml(str_of(m->data[i]->value), "mesh", a, &docs, &errs);
        if (errs.n) log_warn("mesh configuration (ConfigMap " NAMESPACE "/" NAME "), line %u: %s", errs.v[0].at.line, errs.v[0].what);
        for (size_t k = 0; !errs.n && docs.n == 1 && docs.v[0]->type == NODE_MAP && k < docs.v[0]->n; k++)
            read_field(&docs.v[0]->pairs[k], opt, a);
    }
    vec_free(&docs);
    errs_free(&errs);
}
