/* The xDS server's questions, answered from the world: who is this client, and what shall it have. */
#include "api/controller.h"
#include "api/stats.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include "envoy.config.core.v3.pb-c.h"
#include "pb/pb.h"

/* One stream's client, and what was translated for it last: controller_changed() and the names asked for. */
struct client {
    struct link link;
    void *peer;
    char ip[64];
    struct tr_node node;
    struct {
        uint64_t mesh, names;
    } has[XDS__N];
};

static const Google__Protobuf__Value *meta_value(const Google__Protobuf__Struct *s, const char *key)
{
    for (size_t i = 0; s && i < s->n_fields; i++) {
        if (s->fields[i]->key && strcmp(s->fields[i]->key, key) == 0) return s->fields[i]->value;
    }
    return NULL;
}

static struct str meta_text(const Google__Protobuf__Struct *s, const char *key)
{
    const Google__Protobuf__Value *v = meta_value(s, key);
    return v && v->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE ? str_of(v->string_value) : (struct str){ 0 };
}

static int authorise(void *ctx, struct str packed, void *peer, void **ret_user, struct err *e)
{
    struct controller *c = ctx;
    struct arena a;
    struct client *cl = xcalloc(1, sizeof *cl);
    *cl = (struct client){ .peer = peer, .ip = "127.0.0.1" };
    arena_init(&a, 4096, 1 << 20);
    Envoy__Config__Core__V3__Node *n = (Envoy__Config__Core__V3__Node *)pb_unpack(&envoy__config__core__v3__node__descriptor, packed, &a);
    int r = n ? 0 : err_set(e, -EINVAL, "the node is no envoy.config.core.v3.Node");
    if (r == 0) {
        struct tr_node_claim claim = { str_of(n->id), meta_text(n->metadata, "GENERATOR"), meta_text(n->metadata, "NAMESPACE"),
                                       str_of(n->user_agent_name) };
        if (controller_settings(c)->peer_ip) controller_settings(c)->peer_ip(peer, cl->ip, sizeof cl->ip);
        r = tr_node_init(&cl->node, &claim, e);
    }
    if (r == 0) r = tr_node_verify(&cl->node, controller_mesh(c), str_of(cl->ip), e);
    if (r < 0) log_warn("xDS: node \"%.200s\" from %s is refused: %s", n && n->id ? n->id : "", cl->ip, e->what);
    arena_free(&a);
    if (r < 0) {
        free(cl);
        return r;
    }
    list_append(controller_clients(c), &cl->link);
    *ret_user = cl;
    return 0;
}

/* The names that a client asked for; NULL and 0 when it wants all. */
static struct str *wanted(const struct xds_interest *want, size_t *ret_n)
{
    *ret_n = 0;
    if (want->wildcard || !want->names) return NULL;
    struct str *v = xcalloc(want->names->n + 1, sizeof *v); /* "none at all" is not "all" */
    map_foreach (entry, want->names) v[(*ret_n)++] = map_key(entry);
    return v;
}

/* Equal for equal sets of names, in any order; never 0. */
static uint64_t names_hash(const struct str *v, size_t n)
{
    uint64_t h = v ? 1 + 2 * n : UINT64_MAX; /* none, or all */
    for (size_t i = 0; i < n; i++) h += hash_str(v[i]) | 1;
    return h ? h : 1;
}

static void add_all(struct xds_set *set, const struct translation *tr)
{
    static_assert(sizeof(struct tr_piece) == sizeof(struct xds_part) && offsetof(struct tr_piece, hash) == offsetof(struct xds_part, hash),
                  "alike");
    for (size_t i = 0; i < tr->n; i++) {
        const struct tr_resource *r = &tr->v[i];
        if (r->n_pieces)
            xds_set_add_parts(set, r->name, (const struct xds_part *)(const void *)r->pieces, r->n_pieces, r->hash);
        else
            xds_set_add(set, r->name, r->data, r->hash);
    }
}

static struct xds_set *translated(struct controller *c, struct client *cl, enum xds_type t, enum tr_part part,
                                  const struct xds_interest *want)
{
    struct translation *tr = NULL;
    struct err e = { 0 };
    size_t n = 0;
    struct str *names = part == TR_ALL ? wanted(want, &n) : NULL;
    uint64_t begin = clock_ns();
    int r = part == TR_ALL ? translate(controller_mesh(c), &cl->node, (enum tr_type)t, names, n, &tr, &e)
                           : translate_part(controller_mesh(c), &cl->node, (enum tr_type)t, part, &tr, &e);
    stats_translated(controller_stats(c), (enum tr_type)t, (clock_ns() - begin) / 1000);
    free(names);
    if (r < 0) { /* the pod is going: it keeps what it has until its connection ends */
        log_debug("xDS: %s for %s: %s", xds_types[t].name, cl->node.pod, e.what);
        return NULL;
    }
    struct xds_set *set = xds_set_new(xds_server_intern(controller_xds(c)));
    add_all(set, tr);
    translation_free(tr);
    return set;
}

/* ---- what many have in common ---- */

struct common {
    uint64_t mesh; /* that it was made from */
    struct xds_set *set;
};

static void common_free(void *p)
{
    struct common *k = p;
    xds_set_free(k->set);
    free(k);
}

void clients_free(struct controller *c) { map_free(controller_commons(c), common_free); }

static void count_one(void *arg, struct str name, struct xds_blob *old, struct xds_blob *new)
{
    (void)name, (void)old, (void)new;
    ++*(size_t *)arg;
}

/* The set of a class, borrowed; made once per mesh that may have changed the type. The old one stays where nothing differs, so that
 * nobody has to look for differences. */
static struct xds_set *common_set(struct controller *c, struct client *cl, enum xds_type t, struct str class)
{
    struct map *all = controller_commons(c);
    char key[700];
    snprintf(key, sizeof key, "%d %.*s", (int)t, STR_ARG(class));
    struct common *k = map_get(all, str_of(key));
    uint64_t mesh = controller_changed(c, (enum tr_type)t);
    if (k && k->mesh == mesh) return k->set;
    struct xds_set *set = translated(c, cl, t, TR_SHARED, NULL);
    size_t differ = 0;
    if (!set) return NULL;
    if (!k) map_put(all, str_of(key), k = xcalloc(1, sizeof *k));
    k->mesh = mesh;
    if (k->set) xds_set_compare(k->set, set, count_one, &differ);
    if (k->set && !differ) {
        xds_set_free(set);
        return k->set;
    }
    xds_set_free(k->set);
    return k->set = set;
}

/* Classes that nobody asked for since the type last changed are nobody's. */
void clients_tidy(struct controller *c)
{
    struct map *all = controller_commons(c);
    map_foreach (e, all) {
        struct common *k = e->value;
        if (k->mesh == controller_changed(c, (enum tr_type)(e->key[0] - '0'))) continue;
        map_remove(all, map_key(e));
        common_free(k);
    }
}

static struct xds_set *generate(void *ctx, void *user, struct xds_stream *s, enum xds_type t, const struct xds_interest *want)
{
    static_assert((int)XDS__N == (int)TR__N && (int)XDS_SECRET == (int)TR_SECRET && (int)XDS_ROUTE == (int)TR_ROUTE, "one order of types");
    struct controller *c = ctx;
    struct client *cl = user;
    struct arena a;
    (void)s;
    uint64_t mesh = controller_changed(c, (enum tr_type)t);
    bool sidecar = cl->node.kind == TR_SIDECAR && t != XDS_SECRET;
    if (sidecar && cl->has[t].mesh == mesh) return NULL; /* nothing that it is made from changed; names do not matter */
    uint64_t asked = 0;
    if (!sidecar) {
        size_t n;
        struct str *names = wanted(want, &n);
        asked = names_hash(names, n);
        free(names);
        if (cl->node.kind != TR_GRPC && cl->has[t].mesh == mesh && cl->has[t].names == asked) return NULL;
    }
    arena_init(&a, 1024, 0);
    struct str class = tr_class(controller_mesh(c), &cl->node, (enum tr_type)t, &a);
    struct xds_set *common = class.n ? common_set(c, cl, t, class) : NULL, *set;
    bool whole = common && t != XDS_CLUSTER && t != XDS_LISTENER; /* no sidecar has endpoints or routes of its own */
    set = whole ? xds_set_ref(common) : translated(c, cl, t, common ? TR_OWN : TR_ALL, want);
    arena_free(&a);
    if (!set) return NULL;
    if (common && !whole) set->shared = xds_set_ref(common);
    cl->has[t].mesh = mesh;
    cl->has[t].names = asked;
    return set;
}

static void gone(void *ctx, void *user)
{
    struct client *cl = user;
    (void)ctx;
    list_del(&cl->link);
    free(cl);
}

void clients_check(struct controller *c)
{
    struct err e = { 0 };
    if (!controller_settings(c)->drop) return;
    list_foreach (cl, controller_clients(c), struct client, link) {
        if (tr_node_verify(&cl->node, controller_mesh(c), str_of(cl->ip), &e) == 0) continue;
        log_info("xDS: %s/%s: its pod is gone, the stream ends", cl->node.ns, cl->node.pod);
        controller_settings(c)->drop(cl->peer);
    }
}

static void wake(void *ctx, void *peer)
{
    const struct controller_config *cfg = controller_settings(ctx);
    if (cfg->wake) cfg->wake(peer);
}

const struct xds_server_ops controller_xds_ops = { .authorise = authorise, .generate = generate, .gone = gone, .wake = wake };
