/* Virtual hosts of sidecars' shared ports, packed once. A route configuration for two thousand services is a megabyte and a half for
 * each namespace; all but the namespace's own services are the same bytes everywhere. */
#include "translate/resources.h"

#include "base/hash.h"

struct piece_cache {
    struct arena arena;
    struct map ports; /* "PORT CLASS" -> struct port_pieces */
};

struct piece_cache *piece_cache_new(void)
{
    struct piece_cache *c = xcalloc(1, sizeof *c);
    arena_init(&c->arena, 4096, 0);
    return c;
}

void piece_cache_free(struct piece_cache *c)
{
    if (!c) return;
    map_free(&c->ports, NULL);
    arena_free(&c->arena);
    free(c);
}

/* What the routes to a service depend on is what listeners depend on: namespace and labels where some condition looks at them. */
struct port_pieces *port_pieces_of(const struct client *c, uint32_t port)
{
    struct piece_cache *pc = c->m->pieces;
    struct str class = tr_class(c->m, c->node, TR_LISTENER, c->a);
    const char *key = arena_printf(c->a, "%" PRIu32 " %.*s", port, STR_ARG(class));
    struct port_pieces *p = map_get(&pc->ports, str_of(key));
    if (p) return p;
    size_t n = services_on_port(c->m, port)->v.n;
    p = arena_new(&pc->arena, struct port_pieces);
    for (int i = 0; i < 2; i++) p->of[i] = arena_array(&pc->arena, struct vhost_piece, n + 1);
    map_put(&pc->ports, str_of(key), p);
    return p;
}

struct tr_piece piece_of(const struct mesh *m, const ProtobufCMessage *whole)
{
    struct str data = msg_pack(&m->pieces->arena, whole);
    return (struct tr_piece){ data, hash64(data.p, data.n) };
}

struct tr_piece vhost_pack(const struct mesh *m, const e_vhost *vh)
{
    enum { VIRTUAL_HOSTS_TAG = 2 << 3 | 2 };
    size_t n = protobuf_c_message_get_packed_size(&vh->base), head = 0;
    uint8_t *p = arena_alloc(&m->pieces->arena, n + 11);
    p[head++] = VIRTUAL_HOSTS_TAG;
    for (size_t left = n;; left >>= 7) {
        p[head++] = (uint8_t)(left >= 0x80 ? left | 0x80 : left);
        if (left < 0x80) break;
    }
    protobuf_c_message_pack(&vh->base, p + head);
    return (struct tr_piece){ str_make(p, head + n), hash64(p, head + n) };
}

void vhost_keep(const struct mesh *m, struct vhost_piece *p, const e_vhost *vh)
{
    struct arena *a = &m->pieces->arena;
    p->packed = vhost_pack(m, vh);
    p->domains = arena_array(a, const char *, vh->n_domains + 1);
    for (size_t i = 0; i < vh->n_domains; i++) p->domains[p->n_domains++] = arena_strndup(a, vh->domains[i], strlen(vh->domains[i]));
}
