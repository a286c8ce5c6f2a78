/* Whole releases on a fake clock: the production state machine and the production statistics on the scenarios' traffic, second by second.
 * The mesh follows an order after a second; the process may die at any moment and come back from what it stored.
 *
 *   sim_releases quick            few runs of each target: fails when one is missed by more than chance explains
 *   sim_releases full [NAME...]   all runs; a line each
 *
 * Times are counted from the first answer of the new version to the order that takes it back. */
#include "release/release.h"
#include "scenarios.h"

#include "base/buf.h"

#include <math.h>

enum { PREPARE_S = 10, CRASH_EVERY_S = 700 };

struct sim_mesh {
    struct release_traffic now, next; /* next is in force a second after its order */
    bool pending;
};

struct sim_release {
    struct arena plan, state[2];
    int which;
    struct release *r;
    struct sim_mesh mesh;
    struct canary canary;
    struct rng crashes;
    int64_t now;
    unsigned restarts;
    unsigned order_errors; /* orders that no plan knows: must stay 0 */
};

struct sim_result {
    bool back, guard;
    double seconds; /* from the first answer of the new version to the order back; INFINITY: never */
    double hours;   /* until it ended */
    enum release_phase phase;
    unsigned restarts, order_errors;
};

static Google__Protobuf__Duration *seconds(struct arena *a, int64_t s)
{
    Google__Protobuf__Duration *d = arena_new(a, Google__Protobuf__Duration);
    google__protobuf__duration__init(d);
    d->has_seconds = 1;
    d->seconds = s;
    return d;
}

/* A share: one step for the whole horizon. None: the ladder of the scenarios. */
static ReleaseSpec *spec_of(const struct sim_case *k, const char *strategy, struct arena *a)
{
    static const double ladder[] = { 5, 10, 25, 50 };
    ReleaseSpec *s = arena_new(a, ReleaseSpec);
    weft__dev__v1alpha1__release_spec__init(s);
    s->service = (char *)"service";
    s->from = (char *)"v1";
    s->to = (char *)"v2";
    s->strategy = (char *)strategy;
    if (strategy) return s;
    s->n_steps = k->share > 0 ? 1 : ARRAY_LEN(ladder);
    s->steps = arena_array(a, ReleaseStepSpec *, s->n_steps);
    for (size_t i = 0; i < s->n_steps; i++) {
        ReleaseStepSpec *step = s->steps[i] = arena_new(a, ReleaseStepSpec);
        weft__dev__v1alpha1__step__init(step);
        step->has_weight = 1;
        step->weight = k->share > 0 ? k->share * 100 : ladder[i];
        step->bake = seconds(a, (int64_t)(k->seconds / s->n_steps));
    }
    return s;
}

static void begin(struct sim_release *s, const struct sim_case *k, const char *strategy, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    arena_init(&s->plan, 4096, 0);
    arena_init(&s->state[0], 1 << 16, 0);
    arena_init(&s->state[1], 1 << 16, 0);
    s->now = 1800000000000;
    struct release_plan *p = release_plan_make(release_spec_fill(spec_of(k, strategy, &s->plan), NULL, &s->plan), NULL, "ann", &s->plan);
    s->r = release_new(p, "ann", NULL, s->now, &s->state[0]);
    struct canary_config cfg = canary_defaults();
    canary_init(&s->canary, &cfg);
    rng_seed_fixed(&s->crashes, seed ^ 0x5eed);
    s->mesh.now.step = s->mesh.next.step = -1;
}

static void end(struct sim_release *s)
{
    arena_free(&s->plan);
    arena_free(&s->state[0]);
    arena_free(&s->state[1]);
}

static struct arena *spare(struct sim_release *s)
{
    arena_reset(&s->state[s->which ^ 1]);
    return &s->state[s->which ^ 1];
}

static void store(struct sim_release *s, const struct release_outcome *out)
{
    s->r = out->next;
    s->which ^= 1;
    for (size_t i = 0; i < out->n_orders; i++) {
        if (out->orders[i].kind == RELEASE_ORDER_TRAFFIC) {
            const struct release_traffic *t = &out->next->ordered;
            bool known = t->weight == 0 || t->promoted || (t->step >= 0 && t->weight == out->next->plan->steps[t->step].weight);
            s->order_errors += !known;
            s->mesh.next = *t;
            s->mesh.pending = true;
        }
        if (out->orders[i].kind == RELEASE_ORDER_ANALYSIS) canary_step(&s->canary, CANARY_ALL);
    }
}

/* The process dies between two ticks; the new one has the status and the checkpoint of the statistics. */
static void crash(struct sim_release *s)
{
    static uint8_t saved[CANARY_SAVE_MAX];
    struct canary_config cfg = canary_defaults();
    struct release_outcome out;
    struct err e;
    struct release *r;
    size_t n = canary_save(&s->canary, saved, sizeof saved);
    json_t *j = release_to_json(s->r);
    must(release_from_json(j, &s->plan, spare(s), &r, &e) == 0);
    json_decref(j);
    s->r = r;
    s->which ^= 1;
    canary_init(&s->canary, &cfg);
    must(canary_restore(&s->canary, saved, n, &e) == 0);
    canary_gap(&s->canary);
    release_restored(s->r, s->now, spare(s), &out);
    store(s, &out);
    s->restarts++;
}

static double share_now(const struct sim_release *s) { return s->mesh.now.weight / (double)RELEASE_WEIGHT_FULL; }

static bool proven(const struct canary *c)
{
    for (int m = 0; m < CANARY_COMPARED; m++)
        if (c->compare[m].ship < -log(c->cfg.beta)) return false;
    return true;
}

static void tick(struct sim_release *s, struct sim_traffic *t)
{
    s->now += 1000;
    if (s->mesh.pending) {
        s->mesh.now = s->mesh.next;
        s->mesh.pending = false;
    }
    double share = share_now(s);
    sim_traffic_second(t, share);
    canary_tick(&s->canary, &(struct canary_tick){ .share = share, .cells = t->cell, .cells_n = t->cells });
    struct release_facts f = {
        .turn = true,
        .order = s->mesh.now.seq,
        .proxies = t->s->callers,
        .acked = t->s->callers,
        .split = RELEASE_SPLIT_AGREES,
        .canary = { 3, 3, false },
        .stable = { 3, 3, false },
        .evidence = s->canary.harmed     ? s->canary.guarded ? RELEASE_GUARD_RAIL : RELEASE_HARM
                    : proven(&s->canary) ? RELEASE_SHIP
                                         : RELEASE_WATCHING,
    };
    struct release_outcome out;
    release_tick(s->r, &f, s->now, spare(s), &out);
    store(s, &out);
}

/* `from` of a scenario counts from the first answer of the new version, so the traffic's clock starts with it. */
static void simulate(const struct sim_case *k, const char *strategy, bool crashing, uint64_t seed, struct sim_result *o)
{
    static struct sim_traffic t;
    static struct sim_release s;
    int64_t first = 0;
    begin(&s, k, strategy, seed);
    sim_traffic_start(&t, &k->s, seed);
    *o = (struct sim_result){ .seconds = INFINITY };
    int64_t horizon = s.now + (int64_t)(k->seconds + 600) * 1000 * (strategy || crashing ? 3 : 1);
    while (s.now < horizon && s.r->phase != RELEASE_WARM && !release_ended(s.r)) {
        if (!first) t.second = 0;
        bool was_back = s.r->phase == RELEASE_ROLLING_BACK;
        tick(&s, &t);
        if (!first && t.n[1]) first = s.now;
        if (!was_back && s.r->phase == RELEASE_ROLLING_BACK) {
            o->back = true;
            o->guard = s.r->why == RELEASE_CODE_GUARD_RAIL;
            o->seconds = (double)(s.now - first) / 1000 + 1 - k->s.from;
        }
        if (crashing && rng_below(&s.crashes, CRASH_EVERY_S) == 0) crash(&s);
    }
    o->phase = s.r->phase;
    o->hours = (double)(s.now - s.r->created_at) / 3600000;
    o->restarts = s.restarts;
    o->order_errors = s.order_errors;
    end(&s);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct summary {
    unsigned runs, back, guard, in_time, wrong, restarts;
    double median, ninety, most, minutes; /* minutes: median until all of the traffic, of those that got there */
};

static struct summary run(const struct sim_case *k, const char *strategy, bool crashing, unsigned runs)
{
    struct summary s = { .runs = runs };
    double *times = xcalloc(runs, sizeof *times), *hours = xcalloc(runs, sizeof *hours);
    unsigned through = 0;
    for (unsigned i = 0; i < runs; i++) {
        struct sim_result o;
        simulate(k, strategy, crashing, 1000003ULL * (uint64_t)(k - sim_cases) + i + 1, &o);
        times[i] = o.seconds;
        s.back += o.back;
        s.guard += o.guard;
        s.in_time += o.seconds <= k->within;
        s.restarts += o.restarts;
        s.wrong += o.order_errors > 0 || (o.phase != RELEASE_WARM && o.phase != RELEASE_ROLLED_BACK);
        if (o.phase == RELEASE_WARM) hours[through++] = o.hours;
    }
    qsort(times, runs, sizeof *times, ascending);
    qsort(hours, through, sizeof *hours, ascending);
    s.median = times[runs / 2];
    s.ninety = times[MIN((unsigned)(runs * 0.9), runs - 1)];
    s.most = times[runs - 1];
    s.minutes = through ? hours[through / 2] * 60 : NAN;
    free(times);
    free(hours);
    return s;
}

static void print(const struct sim_case *k, const char *kind, const struct summary *s)
{
    printf(
        "%-26s %-12s %4u runs  back %5.1f %% (guard rail %u)  median %4.0f s  90 %% %4.0f s  most %4.0f s  all traffic after %3.0f min  restarts %u"
        "  not ended as it should %u\n",
        k->s.name, kind, s->runs, 100.0 * s->back / s->runs, s->guard, s->median, s->ninety, s->most, s->minutes, s->restarts, s->wrong);
    fflush(stdout);
}

static bool holds(const struct sim_case *k, const struct summary *s)
{
    if (s->wrong) return false;
    if (k->at_most > 0) return s->back <= s->runs * k->at_most + 3 * sqrt(s->runs * k->at_most);
    return k->within <= 0 || s->in_time >= s->runs * k->quantile - 3 * sqrt(s->runs * k->quantile * (1 - k->quantile));
}

static int all(bool quick, int names, char **name)
{
    static const struct {
        const char *kind, *strategy;
        bool crashing;
    } kinds[] = { { "plain", NULL, false }, { "restarts", NULL, true }, { "progressive", "progressive", false } };
    int missed = 0;
    for (size_t i = 0; i < sim_cases_n; i++) {
        const struct sim_case *k = &sim_cases[i];
        bool wanted = names == 0 && (k->within > 0 || k->at_most > 0 || !quick);
        for (int n = 0; n < names; n++) wanted |= strcmp(name[n], k->s.name) == 0;
        if (!wanted) continue;
        for (size_t v = 0; v < ARRAY_LEN(kinds); v++) {
            if (quick && v > 1) continue;
            unsigned runs = quick ? k->healthy ? 3 : 20 : v ? MIN(k->runs, 100U) : k->runs;
            struct summary s = run(k, kinds[v].strategy, kinds[v].crashing, runs);
            print(k, kinds[v].kind, &s);
            if (v != 2 && !holds(k, &s)) { /* the ladder of progressive begins at 1 %: its times are another matter */
                printf("  misses its target\n");
                missed++;
            }
        }
    }
    return missed || oops_total() ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "quick") == 0) return all(true, 0, NULL);
    if (argc >= 2 && strcmp(argv[1], "full") == 0) return all(false, argc - 2, argv + 2);
    fprintf(stderr, "usage: sim_releases quick | full [NAME...]\n");
    return 2;
}
