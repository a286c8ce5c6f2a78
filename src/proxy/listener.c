#include "proxy/listener.h"

#include "base/log.h"
#include "base/vec.h"
#include "net/sock.h"
#include "proxy/conn.h"

#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS 64 /* per wake-up, unless the listener says otherwise */

struct binding {
    _Atomic unsigned refs;
    struct addr addr;
    unsigned n;
    int fd[]; /* per worker; taken over by it */
};
struct bindings {
    _Atomic unsigned refs;
    size_t n;
    struct binding *v[];
};
struct listeners {
    unsigned workers;
    VEC(struct binding *) bound;
};
/* One socket of one worker. */
struct bound {
    struct io io;
    struct link link;
    struct worker *w;
    struct binding *b;
    struct deferred dead;
    bool stopped;
};

static void binding_unref(struct binding *b)
{
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1) return;
    for (unsigned i = 0; i < b->n; i++)
        if (b->fd[i] >= 0) close(b->fd[i]);
    free(b);
}

struct bindings *bindings_ref(struct bindings *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}
void bindings_unref(struct bindings *b)
{
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1) return;
    for (size_t i = 0; i < b->n; i++) binding_unref(b->v[i]);
    free(b);
}

struct listeners *listeners_new(unsigned workers)
{
    struct listeners *ls = xcalloc(1, sizeof *ls);
    ls->workers = workers;
    return ls;
}
void listeners_free(struct listeners *ls)
{
    if (!ls) return;
    vec_foreach (b, &ls->bound) binding_unref(*b);
    vec_free(&ls->bound);
    free(ls);
}

static struct binding *bind_all(const struct listeners *ls, const struct listener *l, const struct addr *a, struct err *e)
{
    struct binding *b = xcalloc(1, sizeof *b + ls->workers * sizeof b->fd[0]);
    b->refs = 1;
    b->addr = *a;
    b->n = ls->workers;
    for (unsigned i = 0; i < b->n; i++) b->fd[i] = -1;
    for (unsigned i = 0; i < b->n; i++) {
        bool shared = a->sa.sa_family == AF_UNIX || !l->reuse_port;
        b->fd[i] = shared && i ? dup(b->fd[0]) : sock_listen(a, ls->workers > 1 && !shared, e);
        if (b->fd[i] >= 0) {
            if (l->backlog) (void)listen(b->fd[i], (int)MIN(l->backlog, (uint32_t)INT32_MAX));
            continue;
        }
        err_prefix(e, "listener %.*s: ", STR_ARG(l->name));
        binding_unref(b);
        return NULL;
    }
    return b;
}

static struct binding *find(const struct listeners *ls, const struct addr *a)
{
    for (size_t i = 0; i < ls->bound.n; i++)
        if (addr_eq(&ls->bound.v[i]->addr, a)) return ls->bound.v[i];
    return NULL;
}

struct bindings *listeners_open(struct listeners *ls, const struct snapshot *s, int *ret_error, struct err *e)
{
    VEC(struct binding *) want = { 0 };
    *ret_error = 0;
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct listener *l = s->listeners[i];
        if (!l->bind_to_port || l->unready) continue;
        for (size_t k = 0; k < l->n_addrs; k++) {
            struct err mine = { 0 };
            struct binding *b = find(ls, &l->addrs[k]);
            bool twice = false;
            for (size_t j = 0; j < want.n; j++) twice = twice || want.v[j] == b;
            if (b && twice) continue;
            if (b)
                atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
            else
                b = bind_all(ls, l, &l->addrs[k], &mine);
            if (b) {
                vec_push(&want, b);
                continue;
            }
            log_error("%s", mine.what);
            if (*ret_error == 0 && e) *e = mine;
            if (*ret_error == 0) *ret_error = mine.code ? mine.code : -EIO;
        }
    }
    struct bindings *r = xcalloc(1, sizeof *r + want.n * sizeof r->v[0]);
    r->refs = 1;
    r->n = want.n;
    for (size_t i = 0; i < want.n; i++) {
        r->v[i] = want.v[i];
        atomic_fetch_add_explicit(&want.v[i]->refs, 1, memory_order_relaxed); /* one for r, one for ls */
    }
    vec_foreach (b, &ls->bound) binding_unref(*b);
    vec_free(&ls->bound);
    ls->bound.v = want.v;
    ls->bound.n = want.n;
    ls->bound.cap = want.cap;
    return r;
}

/* ---- worker ---- */

struct key {
    uint16_t family, port;
    uint8_t ip[16];
};
static struct key key_of(const struct addr *a)
{
    struct key k;
    memset(&k, 0, sizeof k);
    k.family = a->sa.sa_family;
    k.port = addr_port(a);
    if (k.family == AF_INET)
        memcpy(k.ip, &a->in.sin_addr, 4);
    else if (k.family == AF_INET6)
        memcpy(k.ip, &a->in6.sin6_addr, 16);
    return k;
}
static struct listener *lookup(struct worker *w, const struct key *k) { return map_get(&w->by_address, str_make(k, sizeof *k)); }

struct listener *listener_for(struct worker *w, const struct addr *dst, struct listener *l)
{
    struct key k = key_of(dst);
    struct listener *found = lookup(w, &k);
    if (!found) {
        memset(k.ip, 0, sizeof k.ip);
        found = lookup(w, &k);
    }
    return found ? found : l;
}

static struct listener *listener_of(struct worker *w, const struct addr *a)
{
    struct key k = key_of(a);
    if (k.family != AF_UNIX) return lookup(w, &k);
    for (size_t i = 0; i < w->now->s->n_listeners; i++) {
        struct listener *l = w->now->s->listeners[i];
        for (size_t j = 0; j < l->n_addrs; j++)
            if (addr_eq(&l->addrs[j], a)) return l;
    }
    return NULL;
}

static void accept_some(struct bound *b, unsigned most)
{
    for (unsigned i = 0; i < most; i++) {
        struct addr peer;
        struct listener *l = listener_of(b->w, &b->b->addr);
        int fd = sock_accept(b->io.fd, &peer);
        if (fd < 0) {
            if (fd == -ECONNABORTED || fd == -EINTR) continue;
            if (fd != -EAGAIN && fd != -EWOULDBLOCK) log_warn("cannot accept: %s", strerror(-fd));
            return;
        }
        if (!l || !worker_may_accept(b->w)) {
            if (l) cell_add(worker_cells(b->w, SCOPE_LISTENER, l->stat_prefix.n ? l->stat_prefix : l->name), LIS_cx_overflow);
            close(fd);
            continue;
        }
        conn_accept(b->w, l, fd, &peer);
    }
}

static void on_accept(struct io *io, uint32_t events)
{
    struct bound *b = container_of(io, struct bound, io);
    (void)events;
    struct listener *l = listener_of(b->w, &b->b->addr);
    accept_some(b, l && l->max_accepts ? l->max_accepts : ACCEPTS);
}

static void on_dead(struct deferred *d)
{
    struct bound *b = container_of(d, struct bound, dead);
    free(b);
}

static void bound_close(struct bound *b)
{
    if (!b->stopped) accept_some(b, UINT32_MAX); /* those who came before it are served */
    loop_del(b->w->loop, &b->io);
    close(b->io.fd);
    b->b->fd[b->w->id] = -1;
    binding_unref(b->b);
    list_del(&b->link);
    loop_defer_last(b->w->loop, &b->dead);
}

static bool have(const struct worker *w, const struct binding *b)
{
    list_foreach (x, &w->bound, struct bound, link) {
        if (x->b == b) return true;
    }
    return false;
}

static void bound_open(struct worker *w, struct binding *b)
{
    struct bound *x = xcalloc(1, sizeof *x);
    x->w = w;
    x->b = b;
    x->io.ready = on_accept;
    x->dead.run = on_dead;
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    list_append(&w->bound, &x->link);
    if (loop_add(w->loop, &x->io, b->fd[w->id], EPOLLIN) < 0) log_error("cannot watch a listening socket");
}

static void index_listeners(struct worker *w)
{
    map_free(&w->by_address, NULL);
    const struct snapshot *s = w->now->s;
    for (size_t i = 0; i < s->n_listeners; i++) {
        struct listener *l = s->listeners[i];
        for (size_t k = 0; k < l->n_addrs && !l->unready; k++) {
            struct key key = key_of(&l->addrs[k]);
            if (!lookup(w, &key)) map_put(&w->by_address, str_make(&key, sizeof key), l);
        }
    }
}

static void drain_changed(struct worker *w, const struct snapshot *before)
{
    struct map still = { 0 };
    for (size_t i = 0; i < w->now->s->n_listeners; i++) map_put(&still, str_make(&w->now->s->listeners[i], sizeof(void *)), w);
    for (size_t i = 0; i < before->n_listeners; i++)
        if (!map_get(&still, str_make(&before->listeners[i], sizeof(void *)))) conns_drain_listener(w, before->listeners[i]);
    map_free(&still, NULL);
}

void listeners_update(struct worker *w, struct bindings *b, const struct snapshot *before)
{
    list_foreach (x, &w->bound, struct bound, link) {
        bool keep = false;
        for (size_t i = 0; i < b->n && !keep; i++) keep = b->v[i] == x->b;
        if (!keep) bound_close(x);
    }
    index_listeners(w);
    for (size_t i = 0; i < b->n; i++)
        if (!have(w, b->v[i])) bound_open(w, b->v[i]);
    if (before) drain_changed(w, before);
    bindings_unref(b);
}

void listeners_stop(struct worker *w, bool inbound_only)
{
    list_foreach (x, &w->bound, struct bound, link) {
        const struct listener *l = listener_of(w, &x->b->addr);
        if (x->stopped || (inbound_only && (!l || l->direction != TRAFFIC_INBOUND))) continue;
        accept_some(x, UINT32_MAX);
        x->stopped = true;
        loop_del(w->loop, &x->io);
        shutdown(x->io.fd, SHUT_RD); /* the kernel takes no more; the descriptor is closed with the listener */
    }
}

void listeners_close(struct worker *w)
{
    list_foreach (x, &w->bound, struct bound, link) {
        x->stopped = true;
        bound_close(x);
    }
    loop_turn(w->loop, 0);
}
