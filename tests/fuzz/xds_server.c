/* The ADS server against a hostile client. The first byte chooses the framing; then records of (what, length, bytes): a
 * request, a change of the world, time passing. After each, answers are pulled, and all must come to an end. */
#include "xds/server.h"
#include "xds/wire.h"

struct state {
    struct xds_server *sv;
    struct xds_stream *s;
    enum xds_framing f;
    uint64_t now;
    unsigned world; /* bit i: resource i exists; upper bits: its version */
};

static int authorise(void *ctx, struct str node, void *peer, void **user, struct err *e)
{
    *user = ctx;
    return node.n % 7 == 6 ? err_set(e, -EACCES, "no") : 0;
}

static struct xds_set *generate(void *ctx, void *user, struct xds_stream *s, enum xds_type t, const struct xds_interest *want)
{
    struct state *st = ctx;
    if (st->world % 11 == 10) return NULL;
    struct xds_set *set = xds_set_new(xds_server_intern(st->sv));
    for (unsigned i = 0; i < 4; i++) {
        char name[2] = { (char)('a' + i), 0 };
        struct buf b = { 0 };
        if (!(st->world >> i & 1)) continue;
        pb_put(&b, 1, str_of(name));
        if (t == XDS_CLUSTER) buf_append(&b, "\x10\x03", 2);
        pb_put(&b, 15, str_make(&"0123456789abcdef"[st->world >> (4 + i) & 15], 1));
        xds_set_add(set, str_of(name), buf_str(&b), 0);
        buf_free(&b);
    }
    return set;
}

static void on_outcome(void *arg, const struct xds_outcome *o) { must(o->acked + o->n_missing + o->n_refused <= o->of || o->of == 0); }

static void restart(struct state *st)
{
    xds_stream_free(st->s);
    st->s = xds_stream_new(st->sv, st->f, st, st->now);
}

static void act(struct state *st, unsigned what, struct str bytes)
{
    int grpc = 0;
    struct err e = { 0 };
    switch (what % 4) {
    case 0:
        for (size_t i = 0; i < bytes.n && i < 4; i++) st->world = st->world << 8 ^ (unsigned char)bytes.p[i];
        xds_server_wait(st->sv, xds_server_changed(st->sv, st->now), 100, st->now, on_outcome, NULL);
        break;
    case 1: st->now += 60; break;
    default:
        if (xds_stream_recv(st->s, bytes, st->now, &grpc, &e) < 0) restart(st);
    }
    xds_server_tick(st->sv, st->now);
    struct buf out = { 0 };
    for (int i = 0; xds_stream_pull(st->s, st->now, &out); i++) must(i < 100);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct xds_server_ops ops = { authorise, generate, NULL, NULL };
    struct state st = { .now = 1, .world = 0xf };
    if (n < 1) return 0;
    st.f = data[0] & 1 ? XDS_DELTA : XDS_SOTW;
    st.sv = xds_server_new(&ops, &st, &(struct xds_server_limits){ .gate_ms = 100 });
    st.s = xds_stream_new(st.sv, st.f, &st, st.now);
    for (size_t i = 1; i + 2 <= n;) {
        size_t len = MIN((size_t)data[i + 1], n - i - 2);
        act(&st, data[i], str_make(data + i + 2, len));
        i += 2 + len;
    }
    xds_stream_free(st.s);
    xds_server_tick(st.sv, st.now + 1000);
    xds_server_free(st.sv);
    return 0;
}
