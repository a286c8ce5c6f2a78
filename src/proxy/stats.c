#include "proxy/stats.h"

const char *const scope_prefix[SCOPE__N] = { "cluster", "http", "listener", "tcp" };

struct name {
    const char *name;
    bool gauge;
};
#define X(sym, text, gauge) { text, gauge },
static const struct name cluster_names[] = { CLUSTER_STATS(X) };
static const struct name http_names[] = { HTTP_STATS(X) };
static const struct name listener_names[] = { LISTENER_STATS(X) };
static const struct name tcp_names[] = { TCP_STATS(X) };
#undef X

static const struct {
    const struct name *names;
    unsigned n;
    bool time, connect;
} kinds[SCOPE__N] = {
    [SCOPE_CLUSTER] = { cluster_names, CLU__N, true, true },
    [SCOPE_HTTP] = { http_names, HTTPS__N, true, false },
    [SCOPE_LISTENER] = { listener_names, LIS__N, false, false },
    [SCOPE_TCP] = { tcp_names, TCPS__N, false, false },
};

struct stats {
    pthread_mutex_t lock; /* guards scopes, not the cells */
    unsigned workers;
    struct map scopes[SCOPE__N];
};

struct stats *stats_new(unsigned workers)
{
    struct stats *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->workers = workers;
    return s;
}

static void scope_free(void *p)
{
    struct scope *sc = p;
    for (unsigned i = 0; i < sc->n; i++) {
        free(sc->w[i].c);
        free(sc->w[i].time);
        free(sc->w[i].connect);
    }
    free(sc->name);
    free(sc);
}

void stats_free(struct stats *s)
{
    if (!s) return;
    for (int k = 0; k < SCOPE__N; k++) map_free(&s->scopes[k], scope_free);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct scope *scope_new(struct stats *s, enum scope_kind kind, struct str name)
{
    struct scope *sc = xcalloc(1, sizeof *sc + s->workers * sizeof sc->w[0]);
    sc->kind = kind;
    sc->name = str_dup(name);
    sc->n = s->workers;
    for (unsigned i = 0; i < sc->n; i++) {
        sc->w[i].c = xcalloc(kinds[kind].n, sizeof *sc->w[i].c);
        if (kinds[kind].time) sc->w[i].time = xcalloc(1, sizeof *sc->w[i].time);
        if (kinds[kind].connect) sc->w[i].connect = xcalloc(1, sizeof *sc->w[i].connect);
    }
    return sc;
}

struct scope *stats_scope(struct stats *s, enum scope_kind kind, struct str name)
{
    pthread_mutex_lock(&s->lock);
    struct scope *sc = map_get(&s->scopes[kind], name);
    if (!sc) {
        sc = scope_new(s, kind, name);
        map_put(&s->scopes[kind], name, sc);
    }
    pthread_mutex_unlock(&s->lock);
    return sc;
}

void cells_code(struct cells *c, int code)
{
    cell_add(c, CLU_rq_completed);
    for (unsigned i = 0; i < CODE_SLOTS; i++) {
        uint32_t have = atomic_load_explicit(&c->codes[i].code, memory_order_relaxed);
        if (have == 0)
            atomic_store_explicit(&c->codes[i].code, (uint32_t)code, memory_order_relaxed);
        else if (have != (uint32_t)code)
            continue;
        metric_add(&c->codes[i].n, 1);
        return;
    }
}

static void histogram_sum(struct metric_histogram *to, const struct metric_histogram *from)
{
    for (int i = 0; i <= METRIC_BUCKETS; i++) metric_add(&to->bucket[i], metric_get(&from->bucket[i]));
    metric_add(&to->sum_us, metric_get(&from->sum_us));
}

static void emit_codes(const struct scope *sc, void (*fn)(void *, const struct stat_value *), void *ctx)
{
    struct {
        uint32_t code;
        uint64_t n;
    } sum[CODE_SLOTS * 2] = { { 0, 0 } };
    uint64_t classes[6] = { 0 };
    size_t n = 0;
    for (unsigned w = 0; w < sc->n; w++) {
        for (unsigned i = 0; i < CODE_SLOTS; i++) {
            uint32_t code = atomic_load_explicit(&sc->w[w].codes[i].code, memory_order_relaxed);
            if (!code) break;
            size_t j = 0;
            while (j < n && sum[j].code != code) j++;
            if (j == ARRAY_LEN(sum)) continue;
            if (j == n) sum[n++].code = code;
            sum[j].n += metric_get(&sc->w[w].codes[i].n);
        }
    }
    char name[32];
    struct stat_value st = { .kind = sc->kind, .scope = sc->name, .name = name };
    for (size_t j = 0; j < n; j++) {
        snprintf(name, sizeof name, "upstream_rq_%u", sum[j].code);
        st.value = sum[j].n;
        st.code = (int)sum[j].code;
        fn(ctx, &st);
        classes[MIN(sum[j].code / 100, 5u)] += sum[j].n;
    }
    for (int k = 1; k <= 5; k++) {
        if (!classes[k]) continue;
        snprintf(name, sizeof name, "upstream_rq_%dxx", k);
        st.value = classes[k];
        st.code = -k;
        fn(ctx, &st);
    }
}

static void emit_histogram(const struct scope *sc, const char *name, bool connect, void (*fn)(void *, const struct stat_value *), void *ctx)
{
    struct metric_histogram sum;
    memset(&sum, 0, sizeof sum);
    for (unsigned w = 0; w < sc->n; w++) histogram_sum(&sum, connect ? sc->w[w].connect : sc->w[w].time);
    struct stat_value st = { .kind = sc->kind, .scope = sc->name, .name = name, .histogram = &sum };
    fn(ctx, &st);
}

static void emit_scope(const struct scope *sc, void (*fn)(void *, const struct stat_value *), void *ctx)
{
    for (unsigned i = 0; i < kinds[sc->kind].n; i++) {
        struct stat_value st = {
            .kind = sc->kind, .scope = sc->name, .name = kinds[sc->kind].names[i].name, .gauge = kinds[sc->kind].names[i].gauge
        };
        for (unsigned w = 0; w < sc->n; w++) st.value += metric_get(&sc->w[w].c[i]);
        fn(ctx, &st);
    }
    if (sc->kind == SCOPE_CLUSTER) emit_codes(sc, fn, ctx);
    if (kinds[sc->kind].time) emit_histogram(sc, sc->kind == SCOPE_CLUSTER ? "upstream_rq_time" : "downstream_rq_time", false, fn, ctx);
    if (kinds[sc->kind].connect) emit_histogram(sc, "upstream_cx_connect_ms", true, fn, ctx);
}

void stats_each(struct stats *s, void (*fn)(void *ctx, const struct stat_value *st), void *ctx)
{
    pthread_mutex_lock(&s->lock);
    for (int k = 0; k < SCOPE__N; k++) {
        map_foreach (e, &s->scopes[k]) emit_scope(e->value, fn, ctx);
    }
    pthread_mutex_unlock(&s->lock);
}

uint64_t stats_value(struct stats *s, enum scope_kind kind, struct str scope, unsigned index)
{
    pthread_mutex_lock(&s->lock);
    const struct scope *sc = map_get(&s->scopes[kind], scope);
    uint64_t v = 0;
    for (unsigned w = 0; sc && w < sc->n; w++) v += metric_get(&sc->w[w].c[index]);
    pthread_mutex_unlock(&s->lock);
    return v;
}
