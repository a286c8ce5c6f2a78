/* The ADS client against a hostile server. The first byte chooses the framing; then records of (what, length, bytes):
 * an answer, a subscription change, a broken stream, time passing. After each, all requests are pulled. */
#include "xds/client.h"

struct state {
    struct xds_client *c;
    uint64_t now;
    unsigned calls;
};

static void on_response(void *ctx, enum xds_type t, struct xds_update *added, size_t n, const struct str *removed, size_t n_removed)
{
    struct state *s = ctx;
    s->calls++;
    for (size_t i = 0; i < n; i++) {
        if (added[i].hash % 5 == 0)
            err_set(added[i].refuse, -EINVAL, "no");
        else if (t == XDS_CLUSTER)
            xds_client_subscribe(s->c, XDS_ENDPOINT, added[i].name, s->now);
    }
    for (size_t i = 0; i < n_removed; i++) {
        xds_client_unsubscribe(s->c, t, removed[i]);
        xds_client_unsubscribe(s->c, XDS_ENDPOINT, removed[i]);
    }
}

static void on_missing(void *ctx, enum xds_type t, struct str name)
{
    struct state *s = ctx;
    if (++s->calls % 2) xds_client_unsubscribe(s->c, t, name);
}

static void act(struct state *s, unsigned what, struct str bytes)
{
    enum xds_type t = (enum xds_type)(what / 8 % XDS__N);
    struct err e = { 0 };
    switch (what % 8) {
    case 0: xds_client_subscribe(s->c, t, str_first(bytes, 3), s->now); break;
    case 1: xds_client_unsubscribe(s->c, t, str_first(bytes, 3)); break;
    case 2:
        xds_client_closed(s->c, s->now);
        xds_client_opened(s->c, s->now);
        break;
    case 3: s->now += 8000; break;
    default:
        if (xds_client_recv(s->c, bytes, s->now, &e) == 0) break;
        xds_client_closed(s->c, s->now);
        xds_client_opened(s->c, s->now);
    }
    xds_client_tick(s->c, s->now);
    struct buf out = { 0 };
    for (int i = 0; xds_client_pull(s->c, s->now, &out); i++) must(i < 1000);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct xds_client_ops ops = { on_response, on_missing, NULL };
    struct state s = { .now = 1 };
    if (n < 1) return 0;
    s.c = xds_client_new(&(struct xds_client_options){ .framing = data[0] & 1 ? XDS_DELTA : XDS_SOTW,
                                                       .node = STR("\x0a\x01n"),
                                                       .initial_fetch_ms = UINT64_MAX },
                         &ops, &s);
    xds_client_subscribe(s.c, XDS_CLUSTER, STR(""), s.now);
    xds_client_subscribe(s.c, XDS_LISTENER, STR(""), s.now);
    xds_client_opened(s.c, s.now);
    for (size_t i = 1; i + 2 <= n;) {
        size_t len = MIN((size_t)data[i + 1], n - i - 2);
        act(&s, data[i], str_make(data + i + 2, len));
        i += 2 + len;
    }
    xds_client_free(s.c);
    return 0;
}
