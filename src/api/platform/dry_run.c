/* "Would it have raised a false alarm?": the statistics of a release on what was just measured, with a part of the old version's own
 * requests in the place of the new version's. Both arms are the same then, so harm would be a false alarm. */
#include "api/platform/release_draft.h"

#include "base/hash.h"
#include "base/rng.h"

#include <math.h>

#define SECONDS_MOST  600 /* and at most what is still kept second by second */
#define REQUESTS_MOST 2000000

struct trial {
    const char *from;
    double share;
    struct rng rng;
    VEC(struct canary_cell) cells;
    VEC(uint32_t *) buckets;
    uint64_t requests;
};

static uint32_t thin(struct trial *t, uint32_t n)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) k += rng_below(&t->rng, 1000000) < (uint32_t)(t->share * 1e6);
    return k;
}

static void cell(struct trial *t, const struct series_row *r, enum canary_arm arm, uint32_t requests, uint32_t *buckets)
{
    if (!requests) return free(buckets);
    vec_push(&t->buckets, buckets);
    vec_push(&t->cells, (struct canary_cell){ .source = hash_str(r->instance) | 1,
                                              .pod = hash_str(r->pod) | 1,
                                              .arm = arm,
                                              .warm = true,
                                              .requests = requests,
                                              .errors = r->cell.errors ? requests : 0 });
}

static void row(void *ctx, const struct series_row *r)
{
    struct trial *t = ctx;
    if (!str_eqc(r->version, t->from) || !r->cell.requests || t->requests > REQUESTS_MOST) return;
    uint32_t *base = xcalloc(METRIC_TIMES + 1, sizeof *base), *canary = xcalloc(METRIC_TIMES + 1, sizeof *canary), timed = 0, taken = 0;
    for (size_t i = 0; i <= METRIC_TIMES; i++) {
        canary[i] = thin(t, r->cell.bucket[i]);
        base[i] = r->cell.bucket[i] - canary[i];
        timed += r->cell.bucket[i];
        taken += canary[i];
    }
    uint32_t all = (uint32_t)MIN(r->cell.requests, (uint64_t)UINT32_MAX);
    if (all > timed) taken += thin(t, all - timed);
    t->requests += all;
    cell(t, r, CANARY_ARM_BASELINE, all - taken, base);
    cell(t, r, CANARY_ARM_CANARY, taken, canary);
}

static void second(struct trial *t, struct canary *c)
{
    for (size_t i = 0; i < t->cells.n; i++) t->cells.v[i].buckets = t->cells.v[i].errors ? NULL : t->buckets.v[i];
    const struct canary_tick tick = { .share = t->share, .cells = t->cells.v, .cells_n = t->cells.n };
    if (t->cells.n) canary_tick(c, &tick);
    vec_foreach (b, &t->buckets) free(*b);
    t->cells.n = t->buckets.n = 0;
}

json_t *draft_dry_run(const struct draft *d)
{
    const struct series_store *s = engine_series(platform_engine(d->p));
    struct trial t = { .from = d->spec->from, .share = 0.05 };
    uint32_t now = s ? series_complete(s) : 0, looks = 0;
    if (!now || !d->service || !d->spec->from) return json_null();
    for (size_t i = d->effective->n_steps; i-- > 0;)
        if (d->effective->steps[i]->has_weight && d->effective->steps[i]->weight > 0 && d->effective->steps[i]->weight < 100)
            t.share = d->effective->steps[i]->weight / 100;
    uint32_t from = MAX(series_oldest(s, 0), now > SECONDS_MOST ? now - SECONDS_MOST : 1);
    if (from > now) return json_null();
    struct canary *c = xcalloc(1, sizeof *c);
    struct canary_config cfg = canary_defaults();
    struct canary_result result;
    bool alarm = false;
    cfg.edges = metric_times_ms;
    cfg.edges_n = METRIC_TIMES;
    canary_init(c, &cfg);
    canary_step(c, CANARY_ALL & ~(1u << CANARY_SPLIT));
    rng_seed_fixed(&t.rng, 1); /* the same question has the same answer */
    for (uint32_t at = from; at <= now && !alarm; at++, looks++) {
        series_seconds(s, str_of(d->v.host), at, at, row, &t);
        second(&t, c);
        if ((at - from) % 5 && at != now) continue;
        canary_result(c, &result);
        alarm = result.verdict == CANARY_HARM;
    }
    vec_free(&t.cells);
    vec_free(&t.buckets);
    free(c);
    if (!t.requests) return json_null();
    return json_pack("{s:i, s:b, s:I, s:i}", "looks", (int)looks, "falseAlarm", alarm, "requests", (json_int_t)t.requests, "seconds",
                     (int)(now - from + 1));
}
