/* Entry: one type for one node. Resources are packed as they are made, in memory of the translation. */
#include "translate/translate.h"

#include "base/hash.h"
#include "translate/resources.h"

static const struct {
    const char *url;
    make_fn *make;
} types[TR__N] = {
    [TR_CLUSTER] = { "type.googleapis.com/envoy.config.cluster.v3.Cluster", make_clusters },
    [TR_ENDPOINT] = { "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", make_endpoints },
    [TR_LISTENER] = { "type.googleapis.com/envoy.config.listener.v3.Listener", make_listeners },
    [TR_ROUTE] = { "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", make_routes },
    [TR_SECRET] = { "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", make_secrets },
};

const char *tr_type_url(enum tr_type t) { return types[t].url; }

enum tr_type tr_type_of(struct str url)
{
    for (size_t i = 0; i < TR__N; i++)
        if (str_eqc(url, types[i].url)) return (enum tr_type)i;
    return TR__N;
}

bool output_wants(const struct output *o, const char *name) { return !o->n_want || map_get(&o->wanted, str_of(name)); }

void output_add(struct output *o, const char *name, const ProtobufCMessage *m)
{
    struct str n = { name, strlen(name) };
    struct str data = msg_pack(o->keep, m);
    vec_push(&o->list, (struct tr_resource){ .name = arena_str(o->keep, n), .data = data, .hash = hash64(data.p, data.n) });
}

/* The hash is made of the pieces' either way, so that a class and a node alone agree. */
void output_add_pieces(struct output *o, const char *name, const struct tr_piece *v, size_t n)
{
    struct tr_resource r = { .name = arena_str(o->keep, (struct str){ name, strlen(name) }) };
    uint64_t *hashes = arena_alloc(&o->scratch, n * sizeof *hashes);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        hashes[i] = v[i].hash;
        len += v[i].data.n;
    }
    r.hash = hash64(hashes, n * sizeof *hashes);
    if (o->part == TR_SHARED) {
        struct tr_piece *own = arena_alloc(o->keep, n * sizeof *own);
        memcpy(own, v, n * sizeof *own);
        r.pieces = own;
        r.n_pieces = n;
    } else {
        char *p = arena_alloc(o->keep, len + 1);
        r.data = str_make(p, len);
        for (size_t i = 0; i < n; i++) {
            memcpy(p, v[i].data.p, v[i].data.n);
            p += v[i].data.n;
        }
    }
    vec_push(&o->list, r);
}

int tr_node_verify(const struct tr_node *n, const struct mesh *m, struct str peer_ip, struct err *e)
{
    if (!n->pod[0]) return 0; /* a gRPC client that is no pod: gets routes and endpoints, never secrets */
    const struct workload *w = mesh_pod(m, n->ns, n->pod);
    if (!w && n->kind == TR_GRPC) return 0;
    if (!w) {
        err_set(e, -EACCES, "there is no pod %s in namespace %s", n->pod, n->ns);
        return err_hint(e, "the node id must name the pod that the proxy runs in");
    }
    if (!str_eqc(peer_ip, w->ip) || strcmp(n->ip, w->ip) != 0)
        return err_set(e, -EACCES, "node id names pod %s/%s at %s, but the connection comes from %.*s", n->ns, n->pod,
                       *w->ip ? w->ip : "no address", (int)MIN(peer_ip.n, (size_t)60), peer_ip.p);
    return 0;
}

struct str tr_node_workload(const struct tr_node *n, const struct mesh *m)
{
    const struct workload *w = n->pod[0] ? mesh_pod(m, n->ns, n->pod) : NULL;
    return str_of(w ? w->owner : "");
}

/* A gRPC node's labels count only when it is a pod; its name was verified with its address. */
static int client_init(struct client *c, const struct mesh *m, const struct tr_node *n, struct arena *scratch, struct err *e)
{
    static const struct labels none = { 0 };
    *c = (struct client){ .m = m, .a = scratch, .node = n, .ns = n->ns, .labels = &none };
    if (n->pod[0]) c->pod = mesh_pod(m, n->ns, n->pod);
    if (!c->pod && n->kind != TR_GRPC) return err_set(e, -ENOENT, "pod %s/%s is not in the mesh", n->ns, n->pod);
    if (c->pod) c->labels = &c->pod->labels;
    return 0;
}

static int make(const struct mesh *m, const struct tr_node *n, enum tr_type type, enum tr_part part, const struct str *want, size_t n_want,
                struct translation **ret, struct err *e)
{
    struct translation *t = xcalloc(1, sizeof *t);
    struct output o = { .keep = &t->arena, .want = want, .n_want = n_want, .part = part };
    struct client c;
    arena_init(&t->arena, 4096, 0);
    arena_init(&o.scratch, 65536, 0);
    int rc = client_init(&c, m, n, &o.scratch, e);
    if (rc == 0) {
        for (size_t i = 0; i < n_want; i++) map_put(&o.wanted, want[i], &o);
        bool nothing = part == TR_OWN && (type == TR_ENDPOINT || type == TR_ROUTE); /* sidecars have none of their own */
        if (!nothing && (!want || n_want)) types[type].make(&c, &o);
    }
    map_free(&o.wanted, NULL);
    arena_free(&o.scratch);
    t->v = o.list.v;
    t->n = o.list.n;
    if (part == TR_SHARED) t->mesh = mesh_ref((struct mesh *)(uintptr_t)m);
    if (rc < 0)
        translation_free(t);
    else
        *ret = t;
    return rc;
}

int translate(const struct mesh *m, const struct tr_node *n, enum tr_type type, const struct str *want, size_t n_want,
              struct translation **ret, struct err *e)
{
    return make(m, n, type, TR_ALL, want, n_want, ret, e);
}

int translate_part(const struct mesh *m, const struct tr_node *n, enum tr_type type, enum tr_part part, struct translation **ret,
                   struct err *e)
{
    return make(m, n, type, part, NULL, 0, ret, e);
}

void translation_free(struct translation *t)
{
    if (!t) return;
    free(t->v);
    mesh_unref(t->mesh);
    arena_free(&t->arena);
    free(t);
}

const struct tr_resource *translation_find(const struct translation *t, struct str name)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->v[i].name, name)) return &t->v[i];
    return NULL;
}
