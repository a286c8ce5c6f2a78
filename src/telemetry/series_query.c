/* Questions to the series: rows from the records of the finest level that reaches back far enough. */
#include "telemetry/series_inside.h"

#include "base/buf.h"

#include <math.h>

/* A sum over longer than that is made from ten seconds (of all services: much sooner, there are many), then from minutes; a chart has so
 * many steps at most. */
enum { FINE_S = 600, FINE_ALL_S = 30, TENS_S = 4 * 3600, STEPS_MAX = 2000, SILENT_S = 3, ENVOY_S = 15 };

double series_quantile(const struct series_cell *c, double q)
{
    uint64_t total = 0, below = 0;
    for (int i = 0; i <= METRIC_TIMES; i++) total += c->bucket[i];
    if (!total) return NAN;
    double rank = q * (double)total;
    for (int i = 0; i < METRIC_TIMES; below += c->bucket[i++]) {
        if (!c->bucket[i] || (double)(below + c->bucket[i]) < rank) continue;
        double low = i ? metric_times_ms[i - 1] : 0;
        return low + (metric_times_ms[i] - low) * MAX(rank - (double)below, 0.0) / c->bucket[i];
    }
    return metric_times_ms[METRIC_TIMES - 1];
}

/* ---- groups ---- */

struct groups {
    const struct series_query *q;
    struct map by_key; /* text -> struct series_row */
    VEC(struct series_row *) rows;
    struct buf key;
};

static struct series_row row_of(const struct groups *g, const struct line *l)
{
    unsigned by = g->q->by;
    struct series_row r = { .grpc = -2 };
    if (by & SERIES_BY_SERVICE) r.service = l->k.service;
    if (by & SERIES_BY_VERSION) r.version = l->k.version.n ? l->k.version : str_of(l->version);
    if (by & SERIES_BY_CALLER) r.caller = l->k.reporter;
    if (by & SERIES_BY_INSTANCE) r.instance = l->k.instance;
    if (by & SERIES_BY_POD) r.pod = l->k.pod, r.cluster = l->k.cluster;
    if (by & SERIES_BY_CODE) r.code_class = l->k.code_class, r.grpc = l->k.grpc;
    return r;
}

/* The strings of a row are those of lines, equal for equal text: the first line's are kept. */
static struct series_row *group(struct groups *g, const struct line *l, uint32_t at)
{
    struct series_row r = row_of(g, l);
    const struct str all[] = { r.service, r.version, r.caller, r.instance, r.pod, r.cluster };
    r.at = at;
    buf_clear(&g->key);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        (void)buf_str_append(&g->key, all[i]);
        (void)buf_append(&g->key, "", 1);
    }
    (void)buf_append(&g->key, &r.code_class, 1);
    (void)buf_append(&g->key, &r.grpc, 1);
    (void)buf_append(&g->key, &r.at, sizeof r.at);
    struct series_row *row = map_get(&g->by_key, buf_str(&g->key));
    if (row) return row;
    row = xcalloc(1, sizeof *row);
    *row = r;
    map_put(&g->by_key, buf_str(&g->key), row);
    vec_push(&g->rows, row);
    return row;
}

static int order(const void *x, const void *y)
{
    const struct series_row *a = *(struct series_row *const *)x, *b = *(struct series_row *const *)y;
    const struct str l[] = { a->service, a->version, a->caller, a->instance, a->pod, a->cluster };
    const struct str r[] = { b->service, b->version, b->caller, b->instance, b->pod, b->cluster };
    for (size_t i = 0; i < ARRAY_LEN(l); i++) {
        size_t n = MIN(l[i].n, r[i].n);
        int d = n ? memcmp(l[i].p, r[i].p, n) : 0;
        if (d) return d;
        if (l[i].n != r[i].n) return l[i].n < r[i].n ? -1 : 1;
    }
    if (a->code_class != b->code_class) return a->code_class - b->code_class;
    if (a->grpc != b->grpc) return a->grpc - b->grpc;
    return a->at < b->at ? -1 : a->at > b->at;
}

static void give(struct groups *g, series_fn *fn, void *ctx)
{
    if (g->rows.n) qsort(g->rows.v, g->rows.n, sizeof *g->rows.v, order);
    vec_foreach (r, &g->rows) fn(ctx, *r);
    vec_free(&g->rows);
    map_free(&g->by_key, free);
    buf_free(&g->key);
}

/* ---- the level that answers ---- */

static bool reaches(const struct level *v, uint32_t from) { return !v->forgets || level_oldest(v) <= from; }

/* The finest that is asked for at least, then the first that reaches back, if what rows are told apart by is kept there. */
static const struct level *level_for(const struct series_store *s, const struct series_query *q, int least)
{
    bool fine = q->by & (SERIES_BY_INSTANCE | SERIES_BY_POD | SERIES_BY_CODE), caller = q->caller.n || (q->by & SERIES_BY_CALLER);
    int most = fine ? 0 : caller ? 1 : 2, i = MIN(least, most);
    while (i < most && !reaches(&s->level[i], q->from)) i++;
    return &s->level[i];
}

/* ---- records of lines ---- */

typedef void record_fn(void *ctx, const struct line *l, uint32_t at, const struct record *r, const struct series_cell *open);

static void each_record(const struct level *v, const struct line *l, uint32_t from, uint32_t to, record_fn *fn, void *ctx)
{
    struct record r;
    if (v->step > 1 && l->open && l->open_at >= from && l->open_at <= to) fn(ctx, l, l->open_at, NULL, l->open);
    for (uint64_t p = l->last; level_record(v, p, from, &r); p = r.before)
        if (r.at <= to) fn(ctx, l, r.at, &r, NULL);
}

static void each_line(const struct level *v, const struct series_query *q, uint32_t from, uint32_t to, record_fn *fn, void *ctx)
{
    if (!q->service.n) {
        vec_foreach (l, &v->lines) {
            if (*l && (!q->caller.n || str_eq(q->caller, (*l)->k.reporter))) each_record(v, *l, from, to, fn, ctx);
        }
        return;
    }
    struct link *all = map_get(&v->services, q->service);
    if (!all) return;
    list_foreach (l, all, struct line, link) {
        if (!q->caller.n || str_eq(q->caller, l->k.reporter)) each_record(v, l, from, to, fn, ctx);
    }
}

static void add(struct series_row *row, const struct record *r, const struct series_cell *open)
{
    if (r)
        record_add(r, &row->cell);
    else
        series_cell_add(&row->cell, open);
}

static void sum_record(void *ctx, const struct line *l, uint32_t at, const struct record *r, const struct series_cell *open)
{
    add(group(ctx, l, 0), r, open);
}

void series_sum(const struct series_store *s, const struct series_query *q, series_fn *fn, void *ctx)
{
    struct groups g = { .q = q };
    uint32_t to = MIN(q->to, s->complete);
    if (to < q->from) return;
    uint32_t fine = q->service.n ? FINE_S : FINE_ALL_S;
    const struct level *v = level_for(s, q, to - q->from >= TENS_S ? 2 : to - q->from >= fine ? 1 : 0);
    uint32_t from = q->from - q->from % v->step;
    each_line(v, q, from, to, sum_record, &g);
    vec_foreach (r, &g.rows) {
        (*r)->at = from;
        (*r)->seconds = to - from + 1;
    }
    give(&g, fn, ctx);
}

struct steps {
    struct groups g;
    uint32_t step;
};

static void step_record(void *ctx, const struct line *l, uint32_t at, const struct record *r, const struct series_cell *open)
{
    struct steps *st = ctx;
    struct series_row *row = group(&st->g, l, at - at % st->step);
    row->seconds = st->step;
    add(row, r, open);
}

uint32_t series_steps(const struct series_store *s, const struct series_query *q, series_fn *fn, void *ctx)
{
    uint32_t to = MIN(q->to, s->complete), wanted = MAX(q->step, 1u);
    if (to < q->from) return wanted;
    wanted = MAX(wanted, (to - q->from) / STEPS_MAX + 1);
    const struct level *v = level_for(s, q, wanted % 60 == 0 ? 2 : wanted % 10 == 0 ? 1 : 0);
    struct steps st = { .g = { .q = q }, .step = MAX(wanted, v->step) };
    each_line(v, q, q->from - q->from % st.step, to, step_record, &st);
    give(&st.g, fn, ctx);
    return st.step;
}

/* ---- seconds ---- */

struct second {
    const struct line *l;
    struct record r;
};
struct seconds {
    VEC(struct second) v;
};
static void keep_second(void *ctx, const struct line *l, uint32_t at, const struct record *r, const struct series_cell *open)
{
    struct seconds *all = ctx;
    vec_push(&all->v, (struct second){ l, *r });
}

static int by_time(const void *x, const void *y)
{
    const struct second *a = x, *b = y;
    if (a->r.at != b->r.at) return a->r.at < b->r.at ? -1 : 1;
    return a->l->number < b->l->number ? -1 : a->l->number > b->l->number;
}

void series_seconds(const struct series_store *s, struct str service, uint32_t from, uint32_t to, series_fn *fn, void *ctx)
{
    struct seconds all = { 0 };
    const struct series_query q = { .service = service };
    each_line(&s->level[0], &q, from, MIN(to, s->complete), keep_second, &all);
    if (all.v.n) qsort(all.v.v, all.v.n, sizeof *all.v.v, by_time);
    vec_foreach (e, &all.v) {
        const struct line_key *k = &e->l->k;
        struct series_row row = { .service = k->service,
                                  .version = str_of(e->l->version),
                                  .caller = k->reporter,
                                  .instance = k->instance,
                                  .pod = k->pod,
                                  .cluster = k->cluster,
                                  .code_class = k->code_class,
                                  .grpc = k->grpc,
                                  .at = e->r.at,
                                  .seconds = 1 };
        record_add(&e->r, &row.cell);
        fn(ctx, &row);
    }
    vec_free(&all.v);
}

/* ---- who is silent ---- */

static bool silent(const struct series_store *s, const struct reporter *r, uint32_t now)
{
    return r->r.heard + SILENT_S < now && (!s->c.exists || s->c.exists(s->c.ctx, r->r.reporter, r->r.instance));
}

size_t series_silent(const struct series_store *s, struct str service, uint32_t within, uint32_t now,
                     void (*fn)(void *ctx, const struct series_reporter *r), void *ctx)
{
    struct link *all = map_get(&s->level[0].services, service);
    VEC(const struct reporter *) seen = { 0 };
    if (!all) return 0;
    list_foreach (l, all, struct line, link) {
        if (!l->by || l->last == NO_RECORD || l->last_at + within < now || !silent(s, l->by, now)) continue;
        bool known = false;
        vec_foreach (r, &seen) known |= *r == l->by;
        if (known) continue;
        vec_push(&seen, l->by);
        if (fn) fn(ctx, &l->by->r);
    }
    size_t n = seen.n;
    vec_free(&seen);
    return n;
}

static bool fresh(const struct series_reporter *r, uint32_t now) { return r->heard + (r->streams ? ENVOY_S : SILENT_S) >= now; }

bool series_alive(const struct series_store *s, struct str reporter, struct str instance, uint32_t now)
{
    if (instance.n) {
        const struct reporter *r = series_reporter_of(s, reporter, instance);
        return r && fresh(&r->r, now);
    }
    map_foreach (e, &s->reporters) {
        const struct reporter *r = e->value;
        if (str_eq(r->r.reporter, reporter) && fresh(&r->r, now)) return true;
    }
    return false;
}

void series_reporters(const struct series_store *s, void (*fn)(void *ctx, const struct series_reporter *r), void *ctx)
{
    map_foreach (e, &s->reporters) fn(ctx, &((const struct reporter *)e->value)->r);
}
