#include "proxy/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/h2.h"
#include "proxy/accesslog.h"
#include "proxy/cluster.h"
#include "proxy/conn.h"
#include "proxy/listener.h"
#include "proxy/metrics.h"
#include "proxy/stream.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#define DEFAULT_CONNECTIONS 50000
#define DEFAULT_DRAIN_MS    600000

struct workers {
    struct workers_options o;
    struct stats *stats;
    struct listeners *listeners; /* sockets, control thread */
    _Alignas(64) _Atomic uint64_t connections;
    unsigned n;
    bool started;
    char local_ip[INET6_ADDRSTRLEN];
    struct worker w[];
};

struct mail {
    struct worker *w;
    struct snapshot *s;
    struct bindings *b;
};

static unsigned default_concurrency(void)
{
    cpu_set_t set;
    unsigned n = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    uint64_t quota, period;
    if (f) {
        if (fscanf(f, "%" SCNu64 " %" SCNu64, &quota, &period) == 2 && period) n = MIN(n, (unsigned)((quota + period - 1) / period));
        fclose(f);
    }
    return MAX(n, 1u);
}

static void on_second(struct timer *t)
{
    struct worker *w = container_of(t, struct worker, second);
    int64_t wall = clock_wall_ms();
    w->wall_offset_ms = wall - (int64_t)now_ms(w);
    clock_http_date(wall, w->date, sizeof w->date);
    clusters_tick(w);
    log_flush_all(w);
    timer_set(w->loop, t, 1000);
}

static void find_local_ip(char *to, size_t n)
{
    struct ifaddrs *all = NULL;
    snprintf(to, n, "127.0.0.1");
    if (getifaddrs(&all) < 0) return;
    for (struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK)) continue;
        struct addr a = { .len = sizeof a.in };
        memcpy(&a.in, i->ifa_addr, sizeof a.in);
        addr_ip_text(&a, to, n);
        break;
    }
    freeifaddrs(all);
}

static int worker_init(struct worker *w, struct workers *ws, unsigned id, struct err *e)
{
    w->all = ws;
    w->id = id;
    w->loop = loop_new(e);
    if (!w->loop) return e ? e->code : -ENOMEM;
    rng_seed(&w->rng);
    w->rbuf = xcalloc(1, RBUF);
    list_init(&w->conns);
    list_init(&w->bound);
    list_init(&w->clusters);
    list_init(&w->logs);
    pthread_mutex_init(&w->series_lock, NULL);
    w->second.fire = on_second;
    on_second(&w->second);
    return 0;
}

struct workers *workers_new(const struct workers_options *o, struct err *e)
{
    unsigned n = o->concurrency ? o->concurrency : default_concurrency();
    struct workers *ws = xcalloc(1, sizeof *ws + n * sizeof ws->w[0] + 64);
    ws->o = *o;
    ws->n = n;
    if (!ws->o.max_connections) ws->o.max_connections = DEFAULT_CONNECTIONS;
    if (!ws->o.drain_ms) ws->o.drain_ms = DEFAULT_DRAIN_MS;
    find_local_ip(ws->local_ip, sizeof ws->local_ip);
    ws->stats = stats_new(n);
    ws->listeners = listeners_new(n);
    for (unsigned i = 0; i < n; i++) {
        if (worker_init(&ws->w[i], ws, i, e) == 0) continue;
        workers_free(ws);
        return NULL;
    }
    return ws;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    int r = loop_run(w->loop);
    if (r < 0) log_crit("worker %u: the event loop failed: %s", w->id, strerror(-r));
    h2_thread_end();
    out_thread_end();
    return NULL;
}

int workers_start(struct workers *ws, struct err *e)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old); /* signals are the control thread's */
    int r = 0;
    for (unsigned i = 0; i < ws->n && r == 0; i++) {
        r = pthread_create(&ws->w[i].thread, NULL, worker_main, &ws->w[i]);
        ws->w[i].started = r == 0;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    ws->started = r == 0;
    return r ? err_set(e, -r, "cannot start a worker thread: %s", strerror(r)) : 0;
}

void holder_drop(struct holder *h)
{
    if (!h || --h->users > 0) return;
    snapshot_unref(h->s);
    free(h);
}

static void take_mail(void *arg)
{
    struct mail *m = arg;
    struct worker *w = m->w;
    struct holder *h = xcalloc(1, sizeof *h);
    struct holder *old = w->now;
    *h = (struct holder){ m->s, 1 };
    w->now = h;
    clusters_update(w);
    listeners_update(w, m->b, old ? old->s : NULL);
    holder_drop(old);
    free(m);
}

int workers_publish(struct workers *ws, struct snapshot *s, struct err *e)
{
    int r = 0;
    struct bindings *b = listeners_open(ws->listeners, s, &r, e);
    for (unsigned i = 0; i < ws->n; i++) {
        struct mail *m = xcalloc(1, sizeof *m);
        *m = (struct mail){ &ws->w[i], snapshot_ref(s), bindings_ref(b) };
        if (ws->started)
            loop_post(ws->w[i].loop, take_mail, m);
        else
            take_mail(m);
    }
    bindings_unref(b);
    return r;
}

struct each {
    struct worker *w;
    void (*fn)(struct worker *, void *);
    void *arg;
};
static void run_each(void *p)
{
    struct each *e = p;
    e->fn(e->w, e->arg);
    free(e);
}

void workers_each(struct workers *ws, void (*fn)(struct worker *w, void *arg), void *arg)
{
    for (unsigned i = 0; i < ws->n; i++) {
        struct each *e = xcalloc(1, sizeof *e);
        *e = (struct each){ &ws->w[i], fn, arg };
        if (ws->started)
            loop_post(ws->w[i].loop, run_each, e);
        else
            run_each(e);
    }
}

enum { DRAIN_GRADUAL = 1, DRAIN_CLOSE = 2, DRAIN_INBOUND = 4, DRAIN_OFF = 8 };

static void drain_worker(struct worker *w, void *arg)
{
    unsigned how = (unsigned)(uintptr_t)arg;
    if (how & DRAIN_OFF) {
        w->drain_from_ms = 0;
        w->drain_now = false;
        return;
    }
    if (how & DRAIN_CLOSE) listeners_stop(w, how & DRAIN_INBOUND);
    if (!(how & DRAIN_INBOUND) || !(how & DRAIN_CLOSE)) {
        if (!w->drain_from_ms) w->drain_from_ms = now_ms(w);
        w->drain_now = w->drain_now || !(how & DRAIN_GRADUAL);
    }
    if (!(how & DRAIN_GRADUAL)) conns_drain(w, how & DRAIN_INBOUND);
}

void workers_drain(struct workers *ws, bool gradual, bool close, bool inbound_only)
{
    unsigned how = (gradual ? DRAIN_GRADUAL : 0u) | (close ? DRAIN_CLOSE : 0u) | (inbound_only ? DRAIN_INBOUND : 0u);
    workers_each(ws, drain_worker, (void *)(uintptr_t)how);
}
void workers_undrain(struct workers *ws) { workers_each(ws, drain_worker, (void *)(uintptr_t)DRAIN_OFF); }

bool worker_drains(struct worker *w)
{
    if (!w->drain_from_ms) return false;
    if (w->drain_now) return true;
    return rng_below(&w->rng, w->all->o.drain_ms) < now_ms(w) - w->drain_from_ms;
}

bool worker_may_accept(struct worker *w)
{
    uint64_t n = atomic_fetch_add_explicit(&w->all->connections, 1, memory_order_relaxed);
    if (n < w->all->o.max_connections) return true;
    worker_conn_closed(w);
    return false;
}
void worker_conn_closed(struct worker *w) { atomic_fetch_sub_explicit(&w->all->connections, 1, memory_order_relaxed); }
uint64_t workers_connections(const struct workers *ws) { return atomic_load_explicit(&ws->connections, memory_order_relaxed); }

unsigned workers_count(const struct workers *ws) { return ws->n; }
struct stats *workers_stats(struct workers *ws) { return ws->stats; }
const struct identity *workers_identity(const struct workers *ws) { return &ws->o.identity; }
const char *workers_local_ip(const struct workers *ws) { return ws->local_ip; }
const struct workers_options *workers_options(const struct workers *ws) { return &ws->o; }
struct worker *workers_get(struct workers *ws, unsigned i) { return &ws->w[i]; }

struct cells *worker_cells(struct worker *w, enum scope_kind kind, struct str name)
{
    char key[300];
    size_t n = MIN(name.n, sizeof key - 1);
    key[0] = (char)('0' + kind);
    memcpy(key + 1, name.p, n);
    struct str k = { key, n + 1 };
    struct cells *c = map_get(&w->cells, k);
    if (c) return c;
    c = &stats_scope(w->all->stats, kind, name)->w[w->id];
    map_put(&w->cells, k, c);
    return c;
}

static void stop_loop(void *arg) { loop_stop(arg); }

static void worker_free(struct worker *w)
{
    if (!w->loop) return;
    conns_close_all(w);
    loop_turn(w->loop, 0); /* the dead list */
    listeners_close(w);
    clusters_free(w);
    loop_turn(w->loop, 0);
    streams_free(w);
    log_close_all(w);
    holder_drop(w->now);
    metrics_free(w);
    map_free(&w->cells, NULL);
    map_free(&w->by_address, NULL);
    pthread_mutex_destroy(&w->series_lock);
    loop_free(w->loop);
    free(w->rbuf);
    free(w->pbuf);
}

void workers_free(struct workers *ws)
{
    if (!ws) return;
    for (unsigned i = 0; i < ws->n; i++) {
        if (!ws->w[i].started) continue;
        loop_post(ws->w[i].loop, stop_loop, ws->w[i].loop);
        pthread_join(ws->w[i].thread, NULL);
    }
    for (unsigned i = 0; i < ws->n; i++) worker_free(&ws->w[i]);
    listeners_free(ws->listeners);
    stats_free(ws->stats);
    free(ws);
}
