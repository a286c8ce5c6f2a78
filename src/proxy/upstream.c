#include "proxy/upstream.h"

#include "base/fault.h"
#include "net/sock.h"
#include "proxy/attempt.h"
#include "proxy/flags.h"
#include "proxy/stream.h"
#include "proxy/tls.h"
#include "proxy/upstream_conn.h"

#include <netinet/tcp.h>
#include <unistd.h>

const struct reset_info reset_reasons[RESET__N] = {
    [RESET_NONE] = { "", 0 },
    [RESET_LOCAL] = { "local reset", RF_LR },
    [RESET_LOCAL_REFUSED] = { "local refused stream reset", RF_LR },
    [RESET_REMOTE] = { "remote reset", RF_UR },
    [RESET_REMOTE_REFUSED] = { "remote refused stream reset", RF_UR },
    [RESET_CONNECT_FAIL] = { "local connection failure", RF_UF },
    [RESET_CONNECT_FAIL_REMOTE] = { "remote connection failure", RF_UF },
    [RESET_CONNECT_TIMEOUT] = { "connection timeout", RF_UF },
    [RESET_TERMINATION] = { "connection termination", RF_UC },
    [RESET_OVERFLOW] = { "overflow", RF_UO },
    [RESET_PROTOCOL] = { "protocol error", RF_UPE },
    [RESET_CONNECT_ERROR] = { "remote error with CONNECT request", RF_UR },
};

static void keepalive(int fd, const struct cluster *c)
{
    const struct {
        int option;
        uint32_t value;
    } v[] = { { TCP_KEEPIDLE, c->keepalive_time_s }, { TCP_KEEPINTVL, c->keepalive_interval_s }, { TCP_KEEPCNT, c->keepalive_probes } };
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        if (v[i].value) setsockopt(fd, IPPROTO_TCP, v[i].option, &v[i].value, sizeof v[i].value);
}

int upstream_socket(struct worker *w, const struct cluster *c, const struct addr *to, int *ret_state, struct err *e)
{
    uint32_t mark = c->mark ? c->mark : workers_options(w->all)->mark;
    if (!mark && !c->has_bind && !c->tcp_keepalive) return sock_connect(to, ret_state, e);
    char text[ADDR_TEXT];
    int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return err_errno(e, "cannot make a socket");
    if (mark) (void)sock_mark(fd, mark);
    if (c->tcp_keepalive) keepalive(fd, c);
    if (c->has_bind && c->bind.sa.sa_family == to->sa.sa_family) {
        int one = 1;
        setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
        if (bind(fd, &c->bind.sa, c->bind.len) < 0) goto fail;
    }
    if (to->sa.sa_family != AF_UNIX) sock_nodelay(fd);
    *ret_state = 0;
    if (connect(fd, &to->sa, to->len) == 0) return fd;
    *ret_state = -EINPROGRESS;
    if (errno == EINPROGRESS) return fd;
fail:;
    int code = err_errno(e, "cannot connect to %s", addr_text(to, text, sizeof text));
    close(fd);
    return code;
}

/* ---- pools ---- */

#define NAMES_MAX 64 /* pools of one host: names come from clients */

struct upool *pool_get(struct wcluster *wc, struct generation *g, const struct host *h, enum uproto proto, struct str name)
{
    struct host_extra *x = host_extra(wc->w, h->shared);
    unsigned slot = wc->w->id * UP__N + proto;
    struct upool *p = x->pool[slot];
    unsigned n = 0;
    for (; p && unlikely(!str_eq(p->name, name)); p = p->same) n++;
    if (!p) {
        if (n >= NAMES_MAX) return NULL;
        p = xcalloc(1, sizeof *p);
        *p = (struct upool){ .wc = wc, .host = host_shared_ref(h->shared), .slot = slot, .proto = proto, .same = x->pool[slot] };
        if (name.n) p->name = (struct str){ str_dup(name), name.n };
        list_init(&p->conns);
        list_init(&p->idle);
        list_init(&p->pending);
        list_append(&wc->pools, &p->link);
        x->pool[slot] = p;
    }
    p->gone = false;
    if (p->gen != g) {
        generation_drop(p->gen);
        p->gen = generation_use(g);
        p->addr = h->addr;
        p->hostname = h->hostname;
        p->tls = h->tls ? h->tls->tls : NULL;
    }
    return p;
}

void pool_free(struct upool *p)
{
    struct host_extra *x = p->host->extra;
    must(list_empty(&p->conns) && list_empty(&p->pending));
    struct upool **at = &x->pool[p->slot];
    while (*at != p) at = &(*at)->same;
    *at = p->same;
    free((char *)(uintptr_t)p->name.p);
    list_del(&p->link);
    generation_drop(p->gen);
    host_shared_unref(p->host);
    free(p);
}

static void leave_pending(struct attempt *a)
{
    struct upool *p = a->pool;
    if (!link_on(&a->link)) return;
    list_del(&a->link);
    p->n_pending--;
    cell_sub(p->wc->cells, CLU_rq_pending_active);
    if (a->pending_counted) breaker_give(p->wc, stream_high(a->s), BREAKER_PENDING);
    a->pending_counted = false;
}

static void bind_attempt(struct uconn *uc, struct attempt *a)
{
    a->uc = uc;
    a->state = ATT_OPEN;
    uconn_bind(uc, a);
    attempt_ready(a);
}

/* A connection that can take one more request now. */
static struct uconn *ready_conn(struct upool *p)
{
    struct uconn *uc;
    while ((uc = list_first(&p->idle, struct uconn, idle_link)) != NULL) {
        if (!uc->draining && uconn_alive(uc)) return uc;
        list_del(&uc->idle_link);
        uconn_retire(uc);
    }
    list_foreach (c, &p->conns, struct uconn, link) {
        if (c->proto == UP_H2 && uconn_can_open(c)) return c;
    }
    return NULL;
}

void pool_serve(struct upool *p)
{
    struct attempt *a;
    while ((a = list_first(&p->pending, struct attempt, link)) != NULL) {
        struct uconn *uc = ready_conn(p);
        if (!uc) break;
        leave_pending(a);
        bind_attempt(uc, a);
    }
    pool_grow(p);
}

void pool_fail_pending(struct upool *p, enum reset_reason why, const char *transport)
{
    /* Those that come while we fail these wait for the next connection. */
    struct link todo;
    list_init(&todo);
    list_foreach (a, &p->pending, struct attempt, link) {
        struct attempt *x = a;
        leave_pending(x);
        x->state = ATT_NONE;
        list_append(&todo, &x->link);
    }
    while (!list_empty(&todo)) {
        struct attempt *a = list_first(&todo, struct attempt, link);
        list_del(&a->link);
        cell_add(p->wc->cells, CLU_rq_pending_failure_eject);
        attempt_failed(a, why, transport);
    }
}

/* As many connections on their way as the waiting requests need. */
void pool_grow(struct upool *p)
{
    const struct cluster *c = p->gen->c;
    unsigned per_conn = p->proto == UP_H2 ? MAX(1u, MIN(1024u, c->h2.max_streams)) : 1;
    while (p->n_pending > p->n_connecting * per_conn) {
        bool counted = breaker_take(p->wc, false, BREAKER_CONNECTIONS);
        if (!counted) {
            cell_add(p->wc->cells, CLU_cx_overflow);
            if (p->n_conns) return;
        }
        if (!uconn_open(p, counted)) return;
    }
}

int pool_acquire(struct upool *p, struct attempt *a)
{
    a->pool = p;
    struct uconn *uc = ready_conn(p);
    if (uc) {
        bind_attempt(uc, a);
        return 0;
    }
    if (!breaker_take(p->wc, stream_high(a->s), BREAKER_PENDING)) {
        cell_add(p->wc->cells, CLU_rq_pending_overflow);
        return -EAGAIN;
    }
    a->pending_counted = true;
    a->state = ATT_PENDING;
    list_append(&p->pending, &a->link);
    p->n_pending++;
    cell_add(p->wc->cells, CLU_rq_pending_total);
    cell_add(p->wc->cells, CLU_rq_pending_active);
    pool_grow(p);
    return 0;
}

static bool present(const struct wcluster *wc, const struct upool *p)
{
    const struct cluster *c = wc->now->c;
    if (c->type == CLUSTER_ORIGINAL_DST) return true;
    for (size_t i = 0; i < c->n_hosts; i++)
        if (c->hosts[i].shared == p->host) return true;
    return false;
}

static void pool_drain(struct upool *p)
{
    list_foreach (uc, &p->conns, struct uconn, link) uconn_drain(uc);
}

void pools_drain(struct wcluster *wc, bool keep_present)
{
    list_foreach (p, &wc->pools, struct upool, link) {
        bool here = !wc->gone && present(wc, p);
        p->gone = !here;
        if (!here || !keep_present) pool_drain(p);
    }
}

void pools_tick(struct wcluster *wc)
{
    uint64_t now = now_ms(wc->w);
    list_foreach (p, &wc->pools, struct upool, link) {
        uint64_t idle = p->gen->c->http.idle_ms ? p->gen->c->http.idle_ms : 3600000;
        list_foreach (uc, &p->conns, struct uconn, link) {
            if (p->gen->c->h2.keepalive_ms && !uconn_ping(uc, now)) continue;
            if (!uc->ready || uc->streams || uc->idle_since_ms + idle > now) continue;
            cell_add(wc->cells, CLU_cx_idle_timeout);
            uconn_drain(uc);
        }
        if ((p->gone || p->name.n) && list_empty(&p->conns) && list_empty(&p->pending)) pool_free(p);
    }
}

void pools_close(struct wcluster *wc)
{
    list_foreach (p, &wc->pools, struct upool, link) {
        pool_fail_pending(p, RESET_TERMINATION, NULL);
        while (!list_empty(&p->conns)) uconn_lost(list_first(&p->conns, struct uconn, link), RESET_TERMINATION, NULL);
        pool_free(p);
    }
}

void upstream_release(struct attempt *a)
{
    if (a->state == ATT_PENDING) {
        leave_pending(a);
        cell_add(a->wc->cells, CLU_rq_cancelled);
    } else if (a->state == ATT_OPEN) {
        uconn_unbind(a->uc, a);
    } else {
        list_del(&a->link); /* among those that a lost connection is failing just now */
    }
    a->state = ATT_NONE;
    a->uc = NULL;
    a->h2 = NULL;
}

struct uconn *attempt_conn(const struct attempt *a) { return a->uc; }
