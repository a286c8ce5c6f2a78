/* Index of VirtualServices and Gateways: full host names, gateways as "ns/name", delegates resolved; and which virtual
 * services a client may use for a host (istio.md 2.2). */
#include "config/world.h"
#include "translate/mesh.h"
#include "translate/names.h"
#include "translate/vs_http.h"

static const i_virtual_service *delegate_of(const struct mesh *m, const struct vs *root, const i_http_route *r)
{
    const char *ns = r->delegate->namespace_ && *r->delegate->namespace_ ? r->delegate->namespace_ : root->ns;
    const struct resource *res = r->delegate->name ? world_get(m->world, KIND_VIRTUAL_SERVICE, ns, r->delegate->name) : NULL;
    const i_virtual_service *d = res ? ((const Weft__Config__VirtualService *)res->msg)->spec : NULL;
    if (!d || d->n_hosts || !visible((const char *const *)d->export_to, d->n_export_to, ns, root->ns)) return NULL;
    return d;
}

/* The routes of a virtual service with each delegating route replaced by what it delegates to. */
static void resolve_delegates(struct mesh *m, struct vs *vs)
{
    bool any = false;
    size_t n = 0;
    for (size_t i = 0; i < vs->spec->n_http; i++) {
        const i_virtual_service *d = vs->spec->http[i]->delegate ? delegate_of(m, vs, vs->spec->http[i]) : NULL;
        any = any || vs->spec->http[i]->delegate;
        n += d ? d->n_http : 1;
    }
    vs->http = vs->spec->http;
    vs->n_http = vs->spec->n_http;
    if (!any) return;
    vs->http = arena_array(&m->arena, i_http_route *, n + 1);
    vs->n_http = 0;
    for (size_t i = 0; i < vs->spec->n_http; i++) {
        i_http_route *root = vs->spec->http[i];
        if (!root->delegate) {
            vs->http[vs->n_http++] = root;
            continue;
        }
        const i_virtual_service *d = delegate_of(m, vs, root);
        for (size_t k = 0; d && k < d->n_http; k++) {
            i_http_route *r = arena_alloc(&m->arena, sizeof *r);
            if (vs_delegate_merge(&m->arena, root, d->http[k], r)) vs->http[vs->n_http++] = r;
        }
    }
}

static void add_vs(struct mesh *m, const struct resource *res)
{
    const i_virtual_service *spec = ((const Weft__Config__VirtualService *)res->msg)->spec;
    if (!spec || !spec->n_hosts) return; /* without hosts it is only a delegate */
    struct vs *vs = arena_new(&m->arena, struct vs);
    vs->spec = spec;
    vs->ns = res->ns;
    vs->name = res->name;
    vs->order = m->n_vss;
    vs->hosts = arena_array(&m->arena, const char *, spec->n_hosts);
    for (size_t i = 0; i < spec->n_hosts; i++) vs->hosts[vs->n_hosts++] = name_host(&m->arena, spec->hosts[i], res->ns, m->domain);
    vs->gateways = arena_array(&m->arena, const char *, spec->n_gateways + 1);
    for (size_t i = 0; i < spec->n_gateways; i++) vs->gateways[vs->n_gateways++] = name_gateway(&m->arena, spec->gateways[i], res->ns);
    if (!vs->n_gateways) vs->gateways[vs->n_gateways++] = "mesh";
    resolve_delegates(m, vs);
    m->vss[m->n_vss++] = vs;
    for (size_t i = 0; i < vs->n_gateways; i++) {
        if (strcmp(vs->gateways[i], "mesh") != 0) {
            vec_push(&map_vec(&m->vs_by_gateway, str_of(vs->gateways[i]))->v, vs);
            continue;
        }
        vs->mesh = true;
        for (size_t k = 0; k < vs->n_hosts; k++) {
            host_index_add(&m->vs_by_host, vs->hosts[k], vs);
            if (!mesh_service(m, vs->hosts[k]) && strcmp(vs->hosts[k], "*") != 0)
                vec_push(&m->foreign, (struct foreign_host){ vs, vs->hosts[k] });
        }
    }
}

void index_routes(struct mesh *m)
{
    struct resource_list l = world_list(m->world, KIND_VIRTUAL_SERVICE);
    m->vss = arena_array(&m->arena, struct vs *, l.n + 1);
    for (size_t i = 0; i < l.n; i++) add_vs(m, l.v[i]);
    host_index_done(&m->vs_by_host);
}

void index_gateways(struct mesh *m)
{
    struct resource_list l = world_list(m->world, KIND_GATEWAY);
    m->gateways = arena_array(&m->arena, struct gateway, l.n + 1);
    for (size_t i = 0; i < l.n; i++) {
        const i_gateway *spec = ((const Weft__Config__Gateway *)l.v[i]->msg)->spec;
        if (!spec) continue;
        struct gateway *g = &m->gateways[m->n_gateways++];
        g->spec = spec;
        g->ns = l.v[i]->ns;
        g->name = l.v[i]->name;
        g->full = arena_printf(&m->arena, "%s/%s", g->ns, g->name);
        g->selector = LABELS_OF(&m->arena, spec->selector, spec->n_selector);
    }
}

/* 0: exported to its own namespace, which is the client's; 1: exported to the client's by name; 2: public; -1: not at all. */
static int export_group(const struct client *c, const struct vs *vs)
{
    const i_virtual_service *s = vs->spec;
    if (!visible((const char *const *)s->export_to, s->n_export_to, vs->ns, c->ns)) return -1;
    bool everybody = s->n_export_to == 0;
    for (size_t i = 0; i < s->n_export_to; i++) everybody = everybody || strcmp(s->export_to[i], "*") == 0;
    if (everybody) return 2;
    return strcmp(vs->ns, c->ns) == 0 && s->n_export_to == 1 ? 0 : 1;
}

static void push_groups(const struct client *c, const struct ptr_vec *v, struct ptr_vec *ret)
{
    for (int group = 0; group < 3; group++)
        for (size_t i = 0; v && i < v->v.n; i++)
            if (export_group(c, v->v.v[i]) == group) vec_push(&ret->v, v->v.v[i]);
}

void vs_candidates(const struct client *c, const char *host, struct ptr_vec *ret)
{
    const struct host_index *ix = &c->m->vs_by_host;
    push_groups(c, map_get(&ix->exact, str_of(host)), ret);
    for (size_t i = 0; !ret->v.n && i < ix->wildcards.n; i++)
        if (host_covers(ix->wildcards.v[i], host)) push_groups(c, map_get(&ix->exact, str_of(ix->wildcards.v[i])), ret);
}
