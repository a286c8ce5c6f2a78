/* From the cells of one second to sums by arm and by caller. Tables are bounded: beyond their size callers share an entry, which costs
 * power and nothing else. */
#include "canary/internal.h"

#include "base/hash.h"

#define STALE  600 /* ticks after which an entry may be taken by another */
#define PROBES 16

/* From so many callers on, the guard rail counts one error of each a second. */
#define GUARD_CALLERS 5

static uint32_t home(uint64_t id, uint32_t n) { return (uint32_t)(hash64(&id, sizeof id) % n); }

/* A generic probe would need a struct of both tables; two short functions are clearer. */
static uint16_t source_slot(struct canary *c, uint64_t id)
{
    id = id ? id : 1;
    uint32_t at = home(id, CANARY_SOURCES), stale = UINT32_MAX;
    for (uint32_t i = 0; i < PROBES; i++) {
        struct canary_source *s = &c->source[(at + i) % CANARY_SOURCES];
        if (s->id == id || !s->id) {
            s->id = id;
            s->seen = c->ticks;
            return (uint16_t)(s - c->source);
        }
        if (stale == UINT32_MAX && c->ticks - s->seen > STALE) stale = (at + i) % CANARY_SOURCES;
    }
    if (stale == UINT32_MAX) return (uint16_t)at;
    c->source[stale] = (struct canary_source){ .id = id, .seen = c->ticks };
    return (uint16_t)stale;
}

static uint16_t pod_slot(struct canary *c, uint64_t id)
{
    uint32_t at = home(id, CANARY_PODS), stale = UINT32_MAX;
    for (uint32_t i = 0; i < PROBES; i++) {
        struct canary_pod *p = &c->pod[(at + i) % CANARY_PODS];
        if (p->id == id || !p->id) {
            p->id = id;
            p->seen = c->ticks;
            return (uint16_t)(p - c->pod);
        }
        if (stale == UINT32_MAX && c->ticks - p->seen > STALE) stale = (at + i) % CANARY_PODS;
    }
    if (stale == UINT32_MAX) return (uint16_t)at;
    c->pod[stale] = (struct canary_pod){ .id = id, .seen = c->ticks };
    return (uint16_t)stale;
}

static struct canary_unit *unit_of(struct canary_sums *s, uint16_t slot)
{
    if (!s->unit_of[slot]) {
        s->unit[s->units].slot = slot;
        s->unit_of[slot] = (uint16_t)++s->units;
    }
    return &s->unit[s->unit_of[slot] - 1];
}

/* What is bad of a cell, by metric; returns how many durations are known. Thresholds ascend with the quantile: one pass from above. */
static double judge(const struct canary *c, struct canary_sums *s, const struct canary_cell *cell, double bad[CANARY_COMPARED])
{
    bad[CANARY_ERRORS] = MIN(cell->errors, cell->requests);
    if (!cell->buckets) return 0;
    const uint32_t *b = cell->buckets;
    uint64_t sum = 0;
    int64_t i = c->cfg.edges_n;
    for (int m = CANARY_P99; m >= CANARY_P50 && s->threshold[m].known; m--) {
        for (; i > s->threshold[m].edge; i--) sum += b[i];
        bad[m] = (double)sum;
    }
    for (; i >= 0; i--) sum += b[i];
    uint64_t *all = s->durations[cell->arm];
    for (uint32_t k = 0; k <= c->cfg.edges_n; k++) all[k] += b[k];
    return (double)sum;
}

static void compare_cell(struct canary *c, struct canary_sums *s, const struct canary_cell *cell, struct canary_unit *u)
{
    double bad[CANARY_COMPARED] = { 0 };
    int arm = (int)cell->arm;
    double timed = judge(c, s, cell, bad);
    u->n[0][arm] += cell->requests;
    u->n[1][arm] += timed;
    s->n[0][arm] += cell->requests;
    s->n[1][arm] += timed;
    uint16_t slot = cell->pod ? pod_slot(c, cell->pod) : 0;
    struct canary_pod *p = cell->pod ? &c->pod[slot] : NULL;
    if (p && arm == CAN) p->requests += cell->requests;
    if (p && arm == BASE) p->rate += cell->requests / 60.0;
    for (int m = 0; m < CANARY_COMPARED; m++) {
        u->bad[m][arm] += bad[m];
        s->bad[m][arm] += bad[m];
        if (p && arm == CAN) p->bad[m] = (uint32_t)MIN(p->bad[m] + bad[m], (double)UINT32_MAX);
        if (p && arm == BASE && bad[m] > 0) s->pod_votes[m][slot]++;
    }
}

/* Callers of the canary in the last minute. */
static unsigned callers(const struct canary *c)
{
    unsigned n = 0;
    for (size_t i = 0; i < CANARY_SOURCES; i++) n += c->source[i].asked && c->ticks - c->source[i].asked < 60;
    return n;
}

static void guard_cell(struct canary *c, struct canary_source *source, const struct canary_cell *cell, bool capped, double guard[4])
{
    double bad = MIN(cell->errors, cell->requests), n = cell->requests;
    if (cell->arm == CANARY_ARM_BASELINE) {
        guard[2] += n;
        guard[3] += bad;
        return;
    }
    double counted = capped ? MIN(bad, source->failed == c->ticks ? 0.0 : 1.0) : bad;
    guard[0] += n - (bad - counted);
    guard[1] += counted;
    if (n > 0) source->asked = c->ticks;
    if (bad > 0) source->failed = c->ticks;
}

void canary_tally(struct canary *c, const struct canary_tick *t, struct canary_sums *s)
{
    bool capped = callers(c) >= GUARD_CALLERS;
    for (size_t i = 0; i < t->cells_n; i++) {
        const struct canary_cell *cell = &t->cells[i];
        if (cell->arm > CANARY_ARM_COHORT || (!cell->requests && !cell->buckets)) continue;
        uint16_t slot = source_slot(c, cell->source);
        guard_cell(c, &c->source[slot], cell, capped, s->guard);
        if (cell->arm == CANARY_ARM_COHORT) continue;
        s->split[cell->arm] += cell->requests;
        if (cell->warm) compare_cell(c, s, cell, unit_of(s, slot));
    }
    double keep = exp2(-1.0 / 120); /* durations: half of them are of the last two minutes */
    for (uint32_t i = 0; i <= c->cfg.edges_n; i++)
        for (int arm = 0; arm < 2; arm++) c->history[arm][i] = c->history[arm][i] * keep + (double)s->durations[arm][i];
}
