#include "proxy/dns.h"

#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#define FLOOR_MS 100 /* between two questions for one name */

struct name {
    struct dns *d;
    char *host;
    int family;
    VEC(struct addr) have;
    bool known, asking;
    uint64_t refresh_ms, due_ms;
};
/* The thread's view: what to ask, and the answer on its way back. */
struct job {
    struct dns *d;
    char *host;
    int family;
    bool failed;
    VEC(struct addr) got;
};

struct dns {
    struct loop *l;
    void (*changed)(void *ctx, struct str host);
    void *ctx;
    struct map names; /* host NUL family -> struct name * */
    struct timer timer;
    pthread_t thread;
    pthread_mutex_t lock; /* guards todo, stop */
    pthread_cond_t wake;
    VEC(struct job *) todo;
    bool stop, started;
};

static void job_free(struct job *j)
{
    free(j->host);
    vec_free(&j->got);
    free(j);
}

static int by_bytes(const void *a, const void *b) { return memcmp(a, b, sizeof(struct addr)); }

static struct name *find(struct dns *d, struct str host, int family)
{
    char key[256 + 8];
    int n = snprintf(key, sizeof key, "%.*s%c%d", (int)MIN(host.n, (size_t)253), host.p, 0, family);
    return map_get(&d->names, str_make(key, (size_t)n));
}

static void arm(struct dns *d)
{
    uint64_t now = loop_now_ms(d->l), next = UINT64_MAX;
    map_foreach (e, &d->names) {
        const struct name *n = e->value;
        if (!n->asking) next = MIN(next, n->due_ms);
    }
    if (next == UINT64_MAX)
        timer_stop(&d->timer);
    else
        timer_set(d->l, &d->timer, next > now ? next - now : 1);
}

static void on_answer(void *arg)
{
    struct job *j = arg;
    struct name *n = find(j->d, str_of(j->host), j->family);
    if (n) {
        n->asking = false;
        n->due_ms = loop_now_ms(j->d->l) + n->refresh_ms;
        arm(j->d);
    }
    bool same = n && n->known && n->have.n == j->got.n && (j->got.n == 0 || memcmp(n->have.v, j->got.v, j->got.n * sizeof *j->got.v) == 0);
    if (n && !j->failed && !same) {
        vec_free(&n->have);
        n->have.v = j->got.v;
        n->have.n = j->got.n;
        n->have.cap = j->got.cap;
        memset(&j->got, 0, sizeof j->got);
        n->known = true;
        j->d->changed(j->d->ctx, str_of(n->host));
    }
    job_free(j);
}

static void ask(struct job *j)
{
    struct addrinfo hints = { .ai_family = j->family, .ai_socktype = SOCK_STREAM }, *res = NULL;
    int r = getaddrinfo(j->host, NULL, &hints, &res);
    j->failed = r != 0;
    if (r != 0) log_debug("DNS: %s: %s", j->host, gai_strerror(r));
    for (struct addrinfo *a = res; a; a = a->ai_next) {
        struct addr x;
        memset(&x, 0, sizeof x);
        x.len = a->ai_addrlen;
        memcpy(&x.any, a->ai_addr, a->ai_addrlen);
        vec_push(&j->got, x);
    }
    if (res) freeaddrinfo(res);
    if (j->got.n) qsort(j->got.v, j->got.n, sizeof *j->got.v, by_bytes);
}

static void *run(void *arg)
{
    struct dns *d = arg;
    pthread_mutex_lock(&d->lock);
    while (!d->stop) {
        if (!d->todo.n) {
            pthread_cond_wait(&d->wake, &d->lock);
            continue;
        }
        struct job *j = vec_pop(&d->todo);
        pthread_mutex_unlock(&d->lock);
        ask(j);
        loop_post(d->l, on_answer, j);
        pthread_mutex_lock(&d->lock);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

/* Signals are the control thread's: one that ends the program must not come to this thread. */
static bool start(struct dns *d)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    bool ok = pthread_create(&d->thread, NULL, run, d) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}

static void push(struct dns *d, struct name *n)
{
    struct job *j = xcalloc(1, sizeof *j);
    j->d = d;
    j->host = xstrdup(n->host);
    j->family = n->family;
    n->asking = true;
    pthread_mutex_lock(&d->lock);
    vec_push(&d->todo, j);
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    if (!d->started) d->started = start(d);
}

static void on_timer(struct timer *t)
{
    struct dns *d = container_of(t, struct dns, timer);
    uint64_t now = loop_now_ms(d->l);
    map_foreach (e, &d->names) {
        struct name *n = e->value;
        if (!n->asking && n->due_ms <= now) push(d, n);
    }
    arm(d);
}

struct dns *dns_new(struct loop *l, void (*changed)(void *ctx, struct str host), void *ctx)
{
    struct dns *d = xcalloc(1, sizeof *d);
    d->l = l;
    d->changed = changed;
    d->ctx = ctx;
    d->timer.fire = on_timer;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    return d;
}

static void name_free(void *p)
{
    struct name *n = p;
    free(n->host);
    vec_free(&n->have);
    free(n);
}

void dns_free(struct dns *d)
{
    if (!d) return;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    if (d->started) pthread_join(d->thread, NULL);
    timer_stop(&d->timer);
    vec_foreach (j, &d->todo) job_free(*j);
    vec_free(&d->todo);
    map_free(&d->names, name_free);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->wake);
    free(d);
}

size_t dns_lookup(struct dns *d, struct str host, uint16_t port, int family, uint64_t refresh_ms, struct addr *ret, size_t max)
{
    struct name *n = find(d, host, family);
    refresh_ms = MAX(refresh_ms, (uint64_t)FLOOR_MS);
    if (!n) {
        n = xcalloc(1, sizeof *n);
        n->d = d;
        n->host = str_dup(host);
        n->family = family;
        n->refresh_ms = refresh_ms;
        char *key = xasprintf("%s%c%d", n->host, 0, family);
        map_put(&d->names, str_make(key, host.n + 1 + strlen(key + host.n + 1)), n);
        free(key);
        push(d, n);
        return 0;
    }
    if (refresh_ms < n->refresh_ms) {
        n->due_ms -= MIN(n->due_ms, n->refresh_ms - refresh_ms);
        n->refresh_ms = refresh_ms;
        arm(d);
    }
    size_t k = MIN(n->have.n, max);
    for (size_t i = 0; i < k; i++) {
        ret[i] = n->have.v[i];
        addr_set_port(&ret[i], port);
    }
    return k;
}
