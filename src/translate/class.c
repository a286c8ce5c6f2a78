/* Which sidecars get the same: what of a client the outbound half of a translation looks at is its namespace and its labels, and of those
 * only what some resource of the world makes a condition of. A namespace that nothing tells apart from others is none.
 *
 *   clusters, endpoints   exportTo of services and rules; rules of the client's namespace that others do not see as well; workloadSelector
 *   listeners             the same, and exportTo, sourceNamespace and sourceLabels of VirtualServices
 *   routes                the same, and always the namespace: its services have short names there */
#include "base/buf.h"
#include "translate/mesh.h"
#include "translate/resources.h"

static char present;

/* The same for whoever asks: in the service's own namespace, or in the root. */
static bool for_everybody(const struct mesh *m, const struct rule *r)
{
    const struct service *s = mesh_service(m, r->host);
    return !r->has_clients && !r->n_export_to && ((s && strcmp(s->ns, r->ns) == 0) || strcmp(r->ns, "istio-system") == 0);
}

static void note_labels(struct mesh *m, const struct labels *l)
{
    for (size_t i = 0; i < l->n; i++) map_put(&m->label_keys, str_of(l->v[i].key), &present);
}

static void rules_looked_at(struct mesh *m)
{
    for (size_t i = 0; i < m->n_rules; i++) {
        const struct rule *r = m->rules[i];
        if (for_everybody(m, r)) continue;
        map_put(&m->rule_ns, str_of(r->ns), &present);
        note_labels(m, &r->clients);
        for (int t = 0; t < TR__N; t++) m->ns_matters[t] |= r->n_export_to && !r->has_clients;
    }
}

#define NOTE_CONDITIONS(m, routes, n)                                                                                                      \
    for (size_t r_ = 0; r_ < (n); r_++)                                                                                                    \
        for (size_t k_ = 0; k_ < (routes)[r_]->n_match; k_++) {                                                                            \
            struct labels on_ = LABELS_OF(&(m)->arena, (routes)[r_]->match[k_]->source_labels, (routes)[r_]->match[k_]->n_source_labels);  \
            const char *ns_ = (routes)[r_]->match[k_]->source_namespace;                                                                   \
            note_labels((m), &on_);                                                                                                        \
            (m)->ns_matters[TR_LISTENER] |= ns_ && *ns_;                                                                                   \
        }

void index_classes(struct mesh *m)
{
    for (size_t i = 0; i < m->n_services; i++)
        for (int t = 0; t < TR__N; t++) m->ns_matters[t] |= m->services[i]->n_export_to > 0;
    rules_looked_at(m);
    for (size_t i = 0; i < m->n_vss; i++) {
        const struct vs *vs = m->vss[i];
        if (!vs->mesh) continue;
        m->ns_matters[TR_LISTENER] |= vs->spec->n_export_to > 0;
        NOTE_CONDITIONS(m, vs->http, vs->n_http)
        NOTE_CONDITIONS(m, vs->spec->tcp, vs->spec->n_tcp)
    }
    m->ns_matters[TR_ROUTE] = true;
    m->pieces = piece_cache_new();
}

struct str tr_class(const struct mesh *m, const struct tr_node *n, enum tr_type type, struct arena *a)
{
    struct buf b = { 0 };
    if (n->kind != TR_SIDECAR || type == TR_SECRET) return STR("");
    const struct workload *pod = mesh_pod(m, n->ns, n->pod);
    if (!pod) return STR("");
    buf_puts(&b, "sidecar");
    if (m->ns_matters[type] || map_get(&m->rule_ns, str_of(n->ns))) buf_printf(&b, " %s", n->ns);
    map_foreach (e, &m->label_keys) {
        const char *v = label_get(&pod->labels, e->key);
        if (v) buf_printf(&b, " %s=%s", e->key, v);
    }
    for (size_t i = 0; type == TR_LISTENER && i < pod->services.n; i++) /* a pod has no listener for its own address */
        if (pod->services.v[i]->resolution == RES_HEADLESS) {
            buf_printf(&b, " pod %s/%s", n->ns, n->pod);
            break;
        }
    struct str ret = arena_str(a, buf_str(&b));
    buf_free(&b);
    return ret;
}
