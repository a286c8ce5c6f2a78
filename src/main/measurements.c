#include "main/measurements.h"

#include "base/vec.h"
#include "proxy/metrics.h"
#include "telemetry/push.h"

struct measurements {
    const struct bootstrap *boot;
    struct workers *workers;
    size_t n;
    struct telemetry_push *push[]; /* by the bootstrap's sinks */
};

struct all {
    VEC(const struct series *) v;
};
static void gather(void *ctx, const struct series *s)
{
    struct all *a = ctx;
    if (s->l.source_reports) vec_push(&a->v, s);
}

static void one_label(void *ctx, const char *name, struct str value) { telemetry_label(ctx, name, value); }

static void labels(const struct telemetry_series *t, struct telemetry_labels *to)
{
    const struct series *s = t->ctx;
    metrics_labels(&s->l, one_label, to);
    telemetry_label(to, "envoy.cluster_name", s->l.subset_cluster);
    telemetry_label(to, "envoy.endpoint_address", s->l.pod);
}

/* Series are never freed before the workers are, so the lock of a worker's table is held for the pointers only. */
static void each(void *ctx, struct families *f)
{
    const struct measurements *m = ctx;
    struct all all = { 0 };
    metrics_each(m->workers, gather, &all);
    for (size_t i = 0; i < all.v.n * METRICS_FAMILIES; i++) {
        const struct series *s = all.v.v[i / METRICS_FAMILIES];
        const struct metrics_family *family = &metrics_families[i % METRICS_FAMILIES];
        if (family->tcp != s->l.tcp) continue;
        const void *cell = (const char *)s + family->at;
        struct telemetry_series t = { .name = family->name, .labels = labels, .ctx = s };
        switch (family->shape) {
        case METRICS_COUNTER: t.counter = cell; break;
        case METRICS_TIMES: t.times = cell; break;
        case METRICS_HISTOGRAM: continue; /* bytes: in Prometheus' text only */
        }
        families_add(f, &t);
    }
    vec_free(&all.v);
}

struct measurements *measurements_new(struct loop *l, const struct bootstrap *boot, struct workers *workers, uint32_t mark)
{
    if (!boot->n_sinks) return NULL;
    struct measurements *m = xcalloc(1, sizeof *m + boot->n_sinks * sizeof(struct telemetry_push *));
    m->boot = boot;
    m->workers = workers;
    for (; m->n < boot->n_sinks; m->n++) {
        const struct bootstrap_sink *sink = &boot->sinks[m->n];
        struct telemetry_push_config cfg = {
            .loop = l,
            .authority = sink->authority,
            .node = boot->node,
            .mark = mark,
            .flush_ms = boot->flush_ms,
            .families = { .deltas = sink->deltas, .batch = sink->batch },
            .each = each,
            .ctx = m,
        };
        m->push[m->n] = telemetry_push_new(&cfg);
    }
    return m;
}

void measurements_free(struct measurements *m)
{
    for (size_t i = 0; m && i < m->n; i++) telemetry_push_free(m->push[i]);
    free(m);
}

void measurements_addresses(struct measurements *m, const struct snapshot *s)
{
    for (size_t i = 0; m && i < m->n; i++) {
        const struct cluster *c = snapshot_cluster(s, m->boot->sinks[i].cluster);
        struct addr to[16];
        size_t n = 0;
        for (size_t k = 0; c && k < c->n_hosts && n < ARRAY_LEN(to); k++) to[n++] = c->hosts[k].addr;
        telemetry_push_addresses(m->push[i], to, n);
    }
}

bool measurements_drained(struct measurements *m)
{
    bool all = true;
    for (size_t i = 0; m && i < m->n; i++) all &= telemetry_push_drained(m->push[i]);
    return all;
}
