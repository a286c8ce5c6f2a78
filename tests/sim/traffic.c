/* Requests one by one: a caller, an arm by chance, a pod, an outcome, a duration (log-normal, median 20 ms, sigma 0.6). */
#include "traffic.h"

#include <math.h>

#define DURATIONS 16384
#define TAIL      (DURATIONS / 100)

/* Buckets of equally likely durations, ascending; the canary's are multiplied by how much slower it is. */
static uint8_t durations[2][DURATIONS];
static double made_for = -1;

/* Inverse of the normal distribution by bisection: done once. */
static double normal_at(double p)
{
    double low = -8, high = 8;
    for (int i = 0; i < 60; i++) {
        double mid = (low + high) / 2;
        if (0.5 * erfc(-mid / M_SQRT2) < p)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static void make_durations(double slower)
{
    if (made_for == slower) return;
    for (int i = 0; i < DURATIONS; i++) {
        double us = 20000 * exp(0.6 * normal_at((i + 0.5) / DURATIONS));
        durations[0][i] = (uint8_t)metric_time_bucket((uint64_t)us);
        durations[1][i] = (uint8_t)metric_time_bucket((uint64_t)(us * slower));
    }
    made_for = slower;
}

void sim_traffic_start(struct sim_traffic *t, const struct sim_scenario *s, uint64_t seed)
{
    memset(t, 0, sizeof *t);
    t->s = s;
    rng_seed_fixed(&t->rng, seed);
    make_durations(s->slower > 0 ? s->slower : 1);
    for (unsigned i = 0; i < s->bursts && i < ARRAY_LEN(t->burst_at); i++) t->burst_at[i] = (unsigned)rng_below(&t->rng, 3580);
}

static unsigned poisson(struct rng *r, double mean)
{
    double limit = exp(-mean), p = 1;
    unsigned n = 0;
    while ((p *= sim_uniform(r)) > limit) n++;
    return n;
}

static unsigned pods_of(const struct sim_traffic *t, int arm) { return arm ? 3 : t->s->callers < 10 ? 4 : 10; }

static void clear(struct sim_traffic *t)
{
    for (size_t i = 0; i < t->cells; i++) memset(t->bucket[i], 0, sizeof t->bucket[i]);
    memset(t->index, 0, sizeof t->index);
    t->cells = 0;
    memset(t->n, 0, sizeof t->n);
    memset(t->bad, 0, sizeof t->bad);
}

static void request(struct sim_traffic *t, unsigned caller, int arm, unsigned pod, bool bad, unsigned bucket)
{
    size_t key = (caller * 2 + (unsigned)arm) * SIM_PODS + pod;
    if (!t->index[key]) {
        t->cell[t->cells] = (struct canary_cell){ .source = caller + 1,
                                                  .pod = 1 + pod + (arm ? 100U : 0),
                                                  .arm = (enum canary_arm)arm,
                                                  .warm = true,
                                                  .buckets = t->bucket[t->cells] };
        t->index[key] = (uint16_t)++t->cells;
    }
    struct canary_cell *c = &t->cell[t->index[key] - 1];
    c->requests++;
    c->errors += bad;
    t->n[arm]++;
    t->bad[arm] += bad;
    if (!bad) t->bucket[t->index[key] - 1][bucket]++;
}

static bool fails(struct sim_traffic *t, unsigned caller, int arm, unsigned pod, bool burst)
{
    const struct sim_scenario *s = t->s;
    bool harmed = arm && t->second >= s->from;
    double p = s->errors[harmed];
    if (!harmed) p *= 1 + s->swing * sin(t->second * 2 * M_PI / 1200);
    if (burst) p += 0.2;
    if (caller == 0) p += s->client;
    if (harmed && pod == 0) p += s->sick_pod;
    return sim_uniform(&t->rng) < p;
}

static unsigned duration(struct sim_traffic *t, int arm)
{
    bool harmed = arm && t->second >= t->s->from;
    uint64_t i = rng_below(&t->rng, DURATIONS);
    double more = t->s->tail > 0 ? (t->s->tail - 0.01) / 0.99 : 0;
    if (harmed && more > 0 && sim_uniform(&t->rng) < more) i = DURATIONS - TAIL + rng_below(&t->rng, TAIL);
    return durations[harmed][i];
}

/* One client's errors: they come together and stay with the version that its connection or cookie chose. */
static void clusters(struct sim_traffic *t, double share)
{
    if (!t->cluster.left && sim_uniform(&t->rng) < t->s->clusters / 3600) {
        t->cluster.left = 3 + (unsigned)rng_below(&t->rng, 8);
        t->cluster.arm = sim_uniform(&t->rng) < share;
        t->cluster.caller = (unsigned)rng_below(&t->rng, t->s->callers);
        t->cluster.seconds = MAX(t->s->spread, 1U);
    }
    if (!t->cluster.left) return;
    unsigned now = (t->cluster.left + t->cluster.seconds - 1) / t->cluster.seconds;
    for (unsigned i = 0; i < now; i++)
        request(t, t->cluster.caller, t->cluster.arm, (unsigned)rng_below(&t->rng, pods_of(t, t->cluster.arm)), true, 0);
    t->cluster.left -= now;
    if (t->cluster.seconds > 1) t->cluster.seconds--;
}

void sim_traffic_second(struct sim_traffic *t, double share)
{
    bool burst = false;
    clear(t);
    for (unsigned i = 0; i < t->s->bursts && i < ARRAY_LEN(t->burst_at); i++) burst |= t->second - t->burst_at[i] < 20;
    for (unsigned caller = 0; caller < t->s->callers; caller++) {
        unsigned n = poisson(&t->rng, t->s->rate / t->s->callers);
        for (unsigned i = 0; i < n; i++) {
            int arm = sim_uniform(&t->rng) < share;
            unsigned pod = (unsigned)rng_below(&t->rng, pods_of(t, arm));
            request(t, caller, arm, pod, fails(t, caller, arm, pod, burst), duration(t, arm));
        }
    }
    clusters(t, share);
    t->second++;
}
