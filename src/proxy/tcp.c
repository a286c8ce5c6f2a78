#include "proxy/tcp.h"

#include "base/hash.h"
#include "base/log.h"
#include "net/sock.h"
#include "proxy/accesslog.h"
#include "proxy/flags.h"
#include "proxy/metrics.h"
#include "proxy/original_dst.h"
#include "proxy/tcp_relay.h"
#include "proxy/tls.h"
#include "proxy/upstream.h"

#include <unistd.h>

#define HIGH      (64u << 10) /* bytes that wait for one side before the other is no longer read */
#define LOW       (16u << 10)
#define REPORT_MS 5000 /* bytes of long connections are counted so often, as Istio does */

static void finish(struct tcp_relay *t, uint32_t flags, const char *details);
static bool connect_next(struct tcp_relay *t);

static void on_dead(struct deferred *d)
{
    struct tcp_relay *t = container_of(d, struct tcp_relay, dead);
    out_clear(&t->out);
    generation_drop(t->gen);
    holder_drop(t->snap);
    free(t);
}

static void touch(struct tcp_relay *t)
{
    uint64_t ms = t->cfg->idle_ms, now = now_ms(t->c->wire.w);
    if (t->connected && now - t->reported_ms >= REPORT_MS) {
        t->reported_ms = now;
        metrics_tcp(t, false);
    }
    if (ms) timer_set(t->c->wire.w->loop, &t->idle, ms);
}

static void drop_upstream(struct tcp_relay *t)
{
    if (!t->host) return;
    struct host_shared *h = t->host->shared;
    timer_stop(&t->connect);
    if (t->counted_cx) breaker_give(t->wc, false, BREAKER_CONNECTIONS);
    t->counted_cx = false;
    if (t->up_open) {
        cell_sub(t->wc->cells, CLU_cx_active);
        cell_add(t->wc->cells, CLU_cx_destroy);
        metric_add(&t->wc->cells->c[CLU_cx_rx_bytes], t->up.rx);
        metric_add(&t->wc->cells->c[CLU_cx_tx_bytes], t->up.tx);
        atomic_fetch_sub_explicit(&h->active_connections, 1, memory_order_relaxed);
        wire_close(&t->up);
        t->up_open = false;
    }
}

/* Everything ends; the client's connection is closed when its queue is empty (or at once when it is gone). */
static void finish(struct tcp_relay *t, uint32_t flags, const char *details)
{
    if (t->done) return;
    struct conn *c = t->c;
    t->done = true;
    t->flags |= flags;
    if (details) t->details = details;
    timer_stop(&t->idle);
    timer_stop(&t->max);
    t->bytes_up = t->up.tx;
    drop_upstream(t);
    cell_sub(t->cells, TCPS_cx_active);
    metric_add(&t->cells->c[TCPS_cx_rx_bytes], c->wire.rx);
    metric_add(&t->cells->c[TCPS_cx_tx_bytes], c->wire.tx);
    access_log_tcp(t);
    metrics_tcp(t, true);
    c->tcp = NULL;
    loop_defer_last(c->wire.w->loop, &t->dead);
    if (!c->dead) conn_close_flushed(c);
}

static struct tcp_relay *of_up(struct wire *w) { return container_of(w, struct tcp_relay, up); }

static void maybe_over(struct tcp_relay *t)
{
    if (t->client_ended && t->upstream_ended && !wire_pending(&t->up) && !wire_pending(&t->c->wire)) finish(t, 0, NULL);
}

static void up_handshake(struct tcp_relay *t);
static void connect_failed(struct tcp_relay *t, bool timeout);

static void up_readable(struct wire *w)
{
    struct tcp_relay *t = of_up(w);
    if (!t->connected) { /* TLS only: plain connections are when the socket is */
        up_handshake(t);
        return;
    }
    for (int i = 0; i < 4 && !t->done && w->reading; i++) {
        char *p;
        ssize_t n = wire_read(w, &p);
        if (n == -EAGAIN) return;
        if (n < 0) {
            finish(t, RF_UC, NULL);
            return;
        }
        touch(t);
        if (n == 0) {
            t->upstream_ended = true;
            wire_want_read(w, false);
            wire_shutdown(&t->c->wire);
            maybe_over(t);
            return;
        }
        out_append(&t->c->out, p, (size_t)n);
        wire_dirty(&t->c->wire);
        if (t->c->out.bytes >= HIGH) wire_want_read(w, false);
        if ((size_t)n < RBUF) return;
    }
}

static void up_written(struct wire *w, size_t n)
{
    struct tcp_relay *t = of_up(w);
    out_written(&t->out, n);
    if (!t->client_ended && !t->c->wire.reading && t->out.bytes < LOW) wire_want_read(&t->c->wire, true);
}
static void up_drained(struct wire *w) { maybe_over(of_up(w)); }
static void up_broken(struct wire *w, int code)
{
    (void)code;
    struct tcp_relay *t = of_up(w);
    if (t->connected)
        finish(t, RF_UC, NULL);
    else
        connect_failed(t, false);
}
static const struct wire_ops up_ops = { up_readable, up_written, up_drained, up_broken };

void tcp_client_writable(struct tcp_relay *t)
{
    if (t->done) return;
    if (t->up_open && !t->upstream_ended && t->connected && t->c->out.bytes < LOW) wire_want_read(&t->up, true);
    maybe_over(t);
}

void tcp_from_client(struct tcp_relay *t, const char *p, size_t n)
{
    if (!t || t->done) return;
    touch(t);
    out_append(&t->out, p, n);
    if (t->connected) wire_dirty(&t->up);
    if (t->out.bytes >= HIGH) wire_want_read(&t->c->wire, false);
}

void tcp_client_eof(struct tcp_relay *t, bool broken)
{
    if (!t || t->done) return;
    if (broken) {
        struct conn *c = t->c;
        finish(t, RF_DC, NULL);
        conn_end(c, true);
        return;
    }
    t->client_ended = true;
    wire_want_read(&t->c->wire, false);
    if (!t->connected) return; /* said once it is */
    wire_shutdown(&t->up);
    maybe_over(t);
}

void tcp_conn_gone(struct tcp_relay *t) { finish(t, RF_DC, NULL); }

/* ---- connecting ---- */

static void connect_failed(struct tcp_relay *t, bool timeout)
{
    cell_add(t->wc->cells, timeout ? CLU_cx_connect_timeout : CLU_cx_connect_fail);
    atomic_fetch_add_explicit(&t->host->shared->cx_connect_fail, 1, memory_order_relaxed);
    outlier_report(t->wc, t->gen->c, t->host->shared, OUTCOME_CONNECT_FAIL, 0, now_ms(t->c->wire.w));
    drop_upstream(t);
    if (t->attempts < t->cfg->max_connect_attempts) {
        t->flags &= ~(uint32_t)RF_UF;
        (void)connect_next(t);
        return;
    }
    finish(t, RF_UF | (t->attempts > 1 ? RF_URX : 0), NULL);
}

static void on_connect_timeout(struct timer *tm) { connect_failed(container_of(tm, struct tcp_relay, connect), true); }
static void on_idle(struct timer *tm)
{
    struct tcp_relay *t = container_of(tm, struct tcp_relay, idle);
    cell_add(t->cells, TCPS_idle_timeout);
    finish(t, 0, "tcp_session_idle_timeout");
}
static void on_max(struct timer *tm)
{
    struct tcp_relay *t = container_of(tm, struct tcp_relay, max);
    cell_add(t->cells, TCPS_max_duration);
    finish(t, RF_DT, NULL);
}

static void connected(struct tcp_relay *t);

static void on_connected(struct io *io, uint32_t events)
{
    struct tcp_relay *t = container_of(io, struct tcp_relay, up.io);
    (void)events;
    if (sock_error(io->fd) < 0) {
        connect_failed(t, false);
        return;
    }
    wire_resume(&t->up);
    struct tls_config *tls = t->host->tls ? t->host->tls->tls : NULL;
    if (!tls) {
        connected(t);
        return;
    }
    struct err e = { 0 };
    if (tls_start(&t->up, tls, (struct str){ NULL, 0 }, tls_names(tls, t->host->hostname, STR(""), false, false), &e) < 0) {
        log_debug("upstream %.*s: no TLS: %s", STR_ARG(t->host->address), e.what);
        connect_failed(t, false);
        return;
    }
    wire_want_read(&t->up, true);
    wire_flush(&t->up);
}

static void up_handshake(struct tcp_relay *t)
{
    char *p;
    ssize_t n = wire_read(&t->up, &p);
    if (n == 0 || (n < 0 && n != -EAGAIN)) {
        log_debug("upstream %.*s: TLS: %s", STR_ARG(t->host->address), tls_failure(&t->up));
        connect_failed(t, false);
        return;
    }
    if (!tls_ready(&t->up)) return;
    if (n > 0) out_append(&t->c->out, p, (size_t)n);
    connected(t);
    if (n > 0) wire_dirty(&t->c->wire);
}

static void connected(struct tcp_relay *t)
{
    timer_stop(&t->connect);
    t->connected = true;
    sock_local(t->up.io.fd, &t->up_local);
    outlier_report(t->wc, t->gen->c, t->host->shared, OUTCOME_CONNECTED, 0, now_ms(t->c->wire.w));
    metric_record(t->wc->cells->connect, (now_ms(t->c->wire.w) - t->began_ms) * 1000);
    metrics_tcp(t, false);
    t->reported_ms = now_ms(t->c->wire.w);
    wire_want_read(&t->up, true);
    if (t->out.bytes) wire_dirty(&t->up);
    if (t->client_ended) wire_shutdown(&t->up);
}

static const struct host *pick(struct tcp_relay *t, struct generation **g)
{
    if (t->wc->now->c->type == CLUSTER_ORIGINAL_DST) return original_dst_host_at(t->wc, &t->c->local, g);
    struct lb_context ctx = { .has_hash = t->cfg->hash_source_ip };
    if (ctx.has_hash) ctx.hash = hash64(t->c->peer_ip, t->c->peer_ip_len);
    return cluster_pick(t->wc, &ctx, g);
}

/* One attempt; false: the relay ended. */
static bool connect_next(struct tcp_relay *t)
{
    struct worker *w = t->c->wire.w;
    struct generation *g;
    const struct host *h = pick(t, &g);
    if (!h) {
        cell_add(t->wc->cells, CLU_cx_none_healthy);
        finish(t, RF_UH, NULL);
        return false;
    }
    generation_drop(t->gen);
    t->gen = generation_use(g);
    t->host = h;
    t->attempts++;
    t->counted_cx = breaker_take(t->wc, false, BREAKER_CONNECTIONS);
    if (!t->counted_cx) {
        cell_add(t->wc->cells, CLU_cx_overflow);
        t->host = NULL;
        finish(t, RF_UO, NULL);
        return false;
    }
    struct err e = { 0 };
    int state, fd = upstream_socket(w, g->c, &h->addr, &state, &e);
    cell_add(t->wc->cells, CLU_cx_total);
    t->up = (struct wire){ .out = &t->out };
    if (fd < 0 || wire_open(&t->up, w, fd, &up_ops, false) < 0) {
        if (fd >= 0) close(fd);
        connect_failed(t, false);
        return !t->done;
    }
    t->up_open = true;
    cell_add(t->wc->cells, CLU_cx_active);
    atomic_fetch_add_explicit(&h->shared->active_connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->shared->cx_total, 1, memory_order_relaxed);
    t->up.io.ready = on_connected;
    loop_mod(w->loop, &t->up.io, EPOLLOUT);
    timer_set(w->loop, &t->connect, g->c->connect_ms ? g->c->connect_ms : 5000);
    return true;
}

static const struct tcp_cluster *choose(struct worker *w, const struct tcp_config *cfg)
{
    uint64_t r = cfg->total_weight ? rng_below(&w->rng, cfg->total_weight) : 0;
    for (size_t i = 0; i < cfg->n_clusters; i++) {
        if (r < cfg->clusters[i].weight || cfg->n_clusters == 1) return &cfg->clusters[i];
        r -= cfg->clusters[i].weight;
    }
    return cfg->n_clusters ? &cfg->clusters[0] : NULL;
}

struct tcp_relay *tcp_start(struct conn *c)
{
    struct worker *w = c->wire.w;
    struct tcp_relay *t = xcalloc(1, sizeof *t);
    t->c = c;
    t->cfg = c->chain->tcp;
    t->cells = worker_cells(w, SCOPE_TCP, t->cfg->stat_prefix);
    t->snap = holder_use(w->now);
    t->began_ms = now_ms(w);
    t->began_ns = loop_now_ns(w->loop);
    t->dead.run = on_dead;
    t->connect.fire = on_connect_timeout;
    t->idle.fire = on_idle;
    t->max.fire = on_max;
    t->up.out = &t->out;
    cell_add(t->cells, TCPS_cx_total);
    cell_add(t->cells, TCPS_cx_active);
    const struct tcp_cluster *to = choose(w, t->cfg);
    struct cluster *cl = to ? snapshot_cluster(t->snap->s, to->name) : NULL;
    if (to) t->cluster_name = to->name;
    c->tcp = t;
    if (!cl) {
        cell_add(t->cells, TCPS_cx_no_route);
        finish(t, RF_NC, "cluster_not_found");
        return NULL;
    }
    t->wc = cluster_get(w, cl);
    touch(t);
    if (t->cfg->max_connection_ms) timer_set(w->loop, &t->max, t->cfg->max_connection_ms);
    return connect_next(t) ? t : NULL;
}
