#include "proxy/original_dst.h"

#include "proxy/upstream.h"

#define HOSTS_MAX 4096 /* destinations of one cluster and worker: peers choose them */

struct dst {
    struct host host;
    struct host_shared shared;
    char text[ADDR_TEXT];
};

static bool unused(const struct dst *d, const struct wcluster *wc)
{
    if (atomic_load_explicit(&d->shared.refs, memory_order_relaxed) > 1) return false;
    if (atomic_load_explicit(&d->shared.active_requests, memory_order_relaxed)) return false;
    return wc->now->users == 1 || !d->shared.extra;
}

static void dst_free(struct dst *d)
{
    free(d->shared.extra);
    free(d);
}

void original_dst_tick(struct wcluster *wc, bool all)
{
    map_foreach (e, &wc->destinations) {
        struct dst *d = e->value;
        if (!all && !unused(d, wc)) continue;
        map_remove(&wc->destinations, map_key(e));
        dst_free(d);
    }
    if (all) map_free(&wc->destinations, NULL);
}

const struct host *original_dst_host_at(struct wcluster *wc, const struct addr *to, struct generation **ret)
{
    char text[ADDR_TEXT];
    addr_text(to, text, sizeof text);
    struct dst *d = map_get(&wc->destinations, str_of(text));
    if (!d) {
        if (wc->destinations.n >= HOSTS_MAX) original_dst_tick(wc, false);
        if (wc->destinations.n >= HOSTS_MAX) return NULL;
        d = aligned_alloc(64, (sizeof *d + 63) & ~(size_t)63);
        must(d);
        memset(d, 0, sizeof *d);
        snprintf(d->text, sizeof d->text, "%s", text);
        d->shared.refs = 1;
        d->shared.cluster = wc->shared;
        d->shared.address = d->text;
        d->host = (struct host){ .addr = *to, .address = str_of(d->text), .weight = 1, .shared = &d->shared };
        map_put(&wc->destinations, str_of(text), d);
    }
    *ret = wc->now;
    /* Cluster-wide TLS applies to these hosts too. */
    d->host.tls = wc->now->c->n_tls_matches ? &wc->now->c->tls_matches[wc->now->c->n_tls_matches - 1] : NULL;
    return &d->host;
}

const struct host *original_dst_host(struct stream *s, struct generation **ret)
{
    const struct cluster *c = s->wc->now->c;
    struct addr to;
    if (!s->conn) return NULL;
    to = s->conn->local;
    if (c->original_dst_header) {
        struct str v = headers_get(&s->req, HDR_X_ENVOY_ORIGINAL_DST_HOST);
        if (v.p && addr_parse(&to, v, NULL) < 0) return NULL;
    }
    if (c->original_dst_port) addr_set_port(&to, c->original_dst_port);
    return original_dst_host_at(s->wc, &to, ret);
}
