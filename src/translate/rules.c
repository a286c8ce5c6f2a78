/* DestinationRules: merging those of one host and namespace, look-up by client, and the policy of a port and subset
 * (istio.md 2.5). */
#include "config/world.h"
#include "translate/mesh.h"
#include "translate/names.h"

static bool same_exports(const struct rule *r, const i_destination_rule *d)
{
    if (r->n_export_to != d->n_export_to) return false;
    for (size_t i = 0; i < d->n_export_to; i++)
        if (strcmp(r->export_to[i], d->export_to[i]) != 0) return false;
    return true;
}

const struct subset *subset_of(const struct rule *r, const char *name)
{
    for (size_t i = 0; r && name && i < r->subsets.n; i++)
        if (strcmp(r->subsets.v[i].name, name) == 0) return &r->subsets.v[i];
    return NULL;
}

/* Appends subsets with new names; the policy stays that of the first rule that has one, whole. */
static void merge(struct mesh *m, struct rule *r, const i_destination_rule *d)
{
    if (!r->policy) r->policy = d->traffic_policy;
    for (size_t i = 0; i < d->n_subsets; i++) {
        const i_subset *s = d->subsets[i];
        if (!s->name || subset_of(r, s->name)) continue;
        vec_push(&r->subsets, (struct subset){ s->name, LABELS_OF(&m->arena, s->labels, s->n_labels), s->traffic_policy });
    }
}

static struct rule *mergeable(const struct ptr_vec *same_host, const i_destination_rule *d)
{
    if (!same_host || d->workload_selector) return NULL;
    for (size_t i = 0; i < same_host->v.n; i++) {
        struct rule *r = same_host->v.v[i];
        if (!r->has_clients && same_exports(r, d)) return r;
    }
    return NULL;
}

static void add_rule(struct mesh *m, const struct resource *res, struct rule **all)
{
    const i_destination_rule *d = ((const Weft__Config__DestinationRule *)res->msg)->spec;
    if (!d || !d->host || !*d->host) return;
    struct host_index *ix = map_get(&m->rules_by_ns, str_of(res->ns));
    if (!ix) map_put(&m->rules_by_ns, str_of(res->ns), ix = xcalloc(1, sizeof *ix));
    const char *host = name_host(&m->arena, d->host, res->ns, m->domain);
    struct rule *r = mergeable(map_get(&ix->exact, str_of(host)), d);
    if (r) {
        merge(m, r, d);
        return;
    }
    r = arena_new(&m->arena, struct rule);
    *r = (struct rule){
        .host = host, .ns = res->ns, .name = res->name, .export_to = (const char **)d->export_to, .n_export_to = d->n_export_to
    };
    if (d->workload_selector) {
        static const char *own[] = { "." };
        r->has_clients = true;
        r->clients = LABELS_OF(&m->arena, d->workload_selector->match_labels, d->workload_selector->n_match_labels);
        r->export_to = own;
        r->n_export_to = 1;
    }
    merge(m, r, d);
    all[m->n_rules++] = r;
    host_index_add(ix, host, r);
}

void index_rules(struct mesh *m)
{
    struct resource_list l = world_list(m->world, KIND_DESTINATION_RULE);
    m->rules = xcalloc(l.n + 1, sizeof *m->rules);
    for (size_t i = 0; i < l.n; i++) add_rule(m, l.v[i], m->rules);
    map_foreach (e, &m->rules_by_ns) host_index_done(e->value);
}

/* Of the rules for one host: a matching workload selector first, else the last one without. */
static const struct rule *choose(const struct client *c, const struct ptr_vec *v, bool exported)
{
    const struct rule *ret = NULL;
    for (size_t i = 0; v && i < v->v.n; i++) {
        const struct rule *r = v->v.v[i];
        if (!visible(r->export_to, r->n_export_to, r->ns, c->ns)) continue;
        if (exported && r->has_clients) continue;
        if (r->has_clients && label_match_all(&r->clients, c->labels)) return r;
        if (!r->has_clients) ret = r;
    }
    return ret;
}

static const struct rule *rule_in(const struct client *c, const char *ns, const char *host, bool exported)
{
    const struct host_index *ix = map_get(&c->m->rules_by_ns, str_of(ns));
    if (!ix) return NULL;
    const struct rule *r = choose(c, map_get(&ix->exact, str_of(host)), exported);
    for (size_t i = 0; !r && i < ix->wildcards.n; i++)
        if (host_covers(ix->wildcards.v[i], host)) r = choose(c, map_get(&ix->exact, str_of(ix->wildcards.v[i])), exported);
    return r;
}

/* The client's namespace, then the service's, then the root namespace; the first with any matching host wins, no merge
 * across namespaces. */
const struct rule *rule_for(const struct client *c, const struct service *s)
{
    static const char root[] = "istio-system";
    const struct rule *r = strcmp(c->ns, root) != 0 ? rule_in(c, c->ns, s->host, false) : NULL;
    if (!r && (strcmp(s->ns, c->ns) != 0 || strcmp(c->ns, root) == 0)) r = rule_in(c, s->ns, s->host, true);
    if (!r && strcmp(s->ns, root) != 0) r = rule_in(c, root, s->host, strcmp(c->ns, root) != 0);
    return r;
}

static const i_port_policy *port_policy(const i_traffic_policy *p, uint32_t port)
{
    for (size_t i = 0; p && i < p->n_port_level_settings; i++)
        if (p->port_level_settings[i]->port && p->port_level_settings[i]->port->number == port) return p->port_level_settings[i];
    return NULL;
}

static struct policy of_port(const i_port_policy *p, struct policy old)
{
    return (struct policy){ p->load_balancer, p->connection_pool, p->outlier_detection, p->tls, old.retry_budget };
}

/* A port-level entry replaces the four blocks that it can hold, even where it leaves them empty. A subset's blocks replace
 * one by one. */
struct policy policy_of(const struct rule *r, const struct subset *sub, uint32_t port)
{
    struct policy out = { 0 };
    const i_traffic_policy *p = r ? r->policy : NULL;
    if (p) out = (struct policy){ p->load_balancer, p->connection_pool, p->outlier_detection, p->tls, p->retry_budget };
    const i_port_policy *pp = port_policy(p, port);
    if (pp) out = of_port(pp, out);
    p = sub ? sub->policy : NULL;
    if (!p) return out;
    if (p->load_balancer) out.lb = p->load_balancer;
    if (p->connection_pool) out.pool = p->connection_pool;
    if (p->outlier_detection) out.outlier = p->outlier_detection;
    if (p->tls) out.tls = p->tls;
    if (p->retry_budget) out.retry_budget = p->retry_budget;
    pp = port_policy(p, port);
    return pp ? of_port(pp, out) : out;
}
