/* Runs the scenarios through our statistics and state machine, and through the rules of other tools.
 *
 *   sim quick              few runs of each: fails when a target is missed by more than chance explains
 *   sim full [NAME...]     all runs; one JSON object a line and scenario: the data of docs/analysis.md
 *   sim coverage RUNS      how often the shown ranges miss the truth
 *   sim trace NAME SEED    one run, second by second, as CSV
 */
#include "machine.h"
#include "others.h"

#include <math.h>

enum { OURS, ARGO, FLAGGER, TOOLS };
static const char *const tools[TOOLS] = { "weft", "argo", "flagger" };

struct outcome {
    double found[TOOLS];   /* seconds since the canary got bad (or began, when it is healthy); INFINITY: never */
    double hurt[TOOLS];    /* errors above what the baseline would have given, until then */
    double shipped;        /* seconds until each metric was proven to be within its margin, before harm; INFINITY: never */
    bool guard, pod, held; /* held: at the end of the horizon */
    enum canary_metric blamed;
};

static double share_at(const struct sim_case *k, unsigned second)
{
    static const double ladder[] = { 0.05, 0.10, 0.25, 0.50 };
    return k->share > 0 ? k->share : ladder[MIN(second / 900, 3U)];
}

static void note(struct outcome *o, int tool, const struct sim_case *k, const struct sim_traffic *t, double excess)
{
    if (!isinf(o->found[tool])) return;
    o->found[tool] = t->second >= k->s.from ? t->second - k->s.from : 0;
    o->hurt[tool] = excess;
}

static bool proven(const struct canary *c)
{
    for (int m = 0; m < CANARY_COMPARED; m++)
        if (c->compare[m].ship < -log(c->cfg.beta)) return false;
    return true;
}

/* Until the first order that sends traffic to the canary: the statistics see the baseline, as they do while pods start. */
static void prepare(struct sim_machine *m, struct sim_traffic *t)
{
    for (int i = 0; i < 120 && sim_machine_share(m) <= 0; i++) {
        sim_traffic_second(t, 0);
        sim_machine_second(m, t);
    }
    must(sim_machine_share(m) > 0);
    t->second = 0;
}

/* The whole of a run: all tools see the same seconds. Ends when each has decided, or at the horizon. The split is what our machine orders,
 * and what it would have ordered when it has rolled back and another tool still watches. */
static void simulate(const struct sim_case *k, uint64_t seed, struct outcome *o)
{
    static struct sim_traffic t;
    static struct sim_machine m;
    struct sim_argo argo;
    struct sim_flagger flagger = { 0 };
    double excess = 0;
    *o = (struct outcome){ .found = { INFINITY, INFINITY, INFINITY }, .shipped = INFINITY };
    sim_machine_start(&m, k);
    sim_argo_start(&argo);
    sim_traffic_start(&t, &k->s, seed);
    prepare(&m, &t);
    while (t.second < k->seconds && (isinf(o->found[OURS]) || isinf(o->found[ARGO]) || isinf(o->found[FLAGGER]))) {
        sim_traffic_second(&t, isinf(o->found[OURS]) ? sim_machine_share(&m) : share_at(k, t.second));
        excess += t.bad[1] - (t.n[0] ? t.n[1] * (double)t.bad[0] / t.n[0] : 0);
        if (isinf(o->found[OURS])) {
            sim_machine_second(&m, &t);
            if (isinf(o->shipped) && !m.canary.harmed && proven(&m.canary)) o->shipped = t.second;
            if (sim_machine_rolled_back(&m)) note(o, OURS, k, &t, excess);
        }
        if (sim_argo_second(&argo, &t)) note(o, ARGO, k, &t, excess);
        if (sim_flagger_second(&flagger, &t)) note(o, FLAGGER, k, &t, excess);
    }
    for (int i = 0; i < TOOLS; i++)
        if (isinf(o->found[i])) o->hurt[i] = excess;
    o->guard = m.canary.guarded;
    o->pod = m.canary.blamed_pod != 0;
    o->blamed = m.canary.blamed;
    o->held = isinf(o->found[OURS]) && m.r->phase < RELEASE_PROMOTING && m.r->held != RELEASE_FREE;
    sim_machine_end(&m);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(const double *sorted, unsigned n, double q) { return sorted[MIN((unsigned)(q * n), n - 1)]; }

struct summary {
    unsigned runs, found[TOOLS], guard, pod, held, blamed[CANARY_METRICS];
    double *times[TOOLS], *hurt[TOOLS], *shipped; /* sorted, one for each run */
};

static struct summary run(const struct sim_case *k, uint64_t seed, unsigned runs)
{
    struct summary s = { .runs = runs, .shipped = xcalloc(runs, sizeof(double)) };
    for (int i = 0; i < TOOLS; i++) {
        s.times[i] = xcalloc(runs, sizeof(double));
        s.hurt[i] = xcalloc(runs, sizeof(double));
    }
    for (unsigned r = 0; r < runs; r++) {
        struct outcome o;
        simulate(k, 1000003ULL * seed + r + 1, &o);
        for (int i = 0; i < TOOLS; i++) {
            s.times[i][r] = o.found[i];
            s.hurt[i][r] = o.hurt[i];
            s.found[i] += !isinf(o.found[i]);
        }
        s.shipped[r] = o.shipped;
        s.held += o.held;
        if (isinf(o.found[OURS])) continue;
        s.guard += o.guard;
        s.pod += o.pod;
        s.blamed[o.blamed]++;
    }
    qsort(s.shipped, runs, sizeof(double), ascending);
    for (int i = 0; i < TOOLS; i++) {
        qsort(s.times[i], runs, sizeof(double), ascending);
        qsort(s.hurt[i], runs, sizeof(double), ascending);
    }
    return s;
}

static void release(struct summary *s)
{
    free(s->shipped);
    for (int i = 0; i < TOOLS; i++) {
        free(s->times[i]);
        free(s->hurt[i]);
    }
}

static void number(double x)
{
    if (isinf(x))
        printf("null");
    else
        printf("%.4g", x);
}

/* How many ever, and the time by hundredths of the runs: enough for a curve. */
static void curve(const char *name, const double *sorted, unsigned runs, double hurt)
{
    unsigned found = 0;
    while (found < runs && !isinf(sorted[found])) found++;
    printf(",\"%s\":{\"found\":%u,\"hurt\":%.1f,\"times\":[", name, found, hurt);
    for (int q = 0; q <= 100; q++) {
        if (q) printf(",");
        number(at(sorted, runs, q / 100.0));
    }
    printf("]}");
}

static void print_json(const struct sim_case *k, const struct summary *s)
{
    printf("{\"scenario\":\"%s\",\"healthy\":%s,\"runs\":%u,\"guard\":%u,\"pod\":%u,\"blamed\":{", k->s.name, k->healthy ? "true" : "false",
           s->runs, s->guard, s->pod);
    for (int m = 0; m < CANARY_METRICS; m++) printf("%s\"%s\":%u", m ? "," : "", canary_metric_name((enum canary_metric)m), s->blamed[m]);
    printf("}");
    curve("shipped", s->shipped, s->runs, 0);
    for (int i = 0; i < TOOLS; i++) curve(tools[i], s->times[i], s->runs, at(s->hurt[i], s->runs, 0.5));
    printf("}\n");
    fflush(stdout);
}

static void print_line(const struct sim_case *k, const struct summary *s)
{
    fprintf(stderr, "%-26s", k->s.name);
    for (int i = 0; i < TOOLS; i++)
        fprintf(stderr, "  %s %5.1f%% %5.0f %5.0f", tools[i], 100.0 * s->found[i] / s->runs, at(s->times[i], s->runs, 0.5),
                at(s->times[i], s->runs, 0.9));
    fprintf(stderr, "  guard %u pod %u held %u hurt %.0f shipped %.0f %.0f\n", s->guard, s->pod, s->held, at(s->hurt[OURS], s->runs, 0.5),
            at(s->shipped, s->runs, 0.5), at(s->shipped, s->runs, 0.9));
}

static int full(int names, char **name, unsigned divide)
{
    for (size_t i = 0; i < sim_cases_n; i++) {
        bool wanted = names == 0;
        for (int n = 0; n < names; n++) wanted |= !strcmp(name[n], sim_cases[i].s.name);
        if (!wanted) continue;
        struct summary s = run(&sim_cases[i], i, MAX(sim_cases[i].runs / divide, 1U));
        print_json(&sim_cases[i], &s);
        print_line(&sim_cases[i], &s);
        release(&s);
    }
    return 0;
}

/* Few runs: a target is missed when it is missed by three standard deviations of chance. */
static bool holds(const struct sim_case *k, const struct summary *s)
{
    if (k->at_most > 0) return s->found[OURS] <= s->runs * k->at_most + 3 * sqrt(s->runs * k->at_most);
    if (k->within <= 0) return true;
    unsigned in_time = 0;
    for (unsigned r = 0; r < s->runs; r++) in_time += s->times[OURS][r] <= k->within;
    return in_time >= s->runs * k->quantile - 3 * sqrt(s->runs * k->quantile * (1 - k->quantile));
}

static int quick(void)
{
    int missed = 0;
    for (size_t i = 0; i < sim_cases_n; i++) {
        struct sim_case k = sim_cases[i];
        if (k.within <= 0 && k.at_most <= 0) continue;
        if (!k.healthy) k.seconds = 120;
        struct summary s = run(&k, i, k.healthy ? 10 : 40);
        print_line(&sim_cases[i], &s);
        if (!holds(&k, &s)) {
            fprintf(stderr, "  misses its target\n");
            missed++;
        }
        release(&s);
    }
    return missed ? 1 : 0;
}

/* How often the truth ever lies outside of what the page shows as the range, in an hour of looking each second: at most 5 % each. */
static int coverage(unsigned runs)
{
    static const double rates[][2] = { { 0.001, 0.001 }, { 0.001, 0.01 }, { 0.01, 0.05 }, { 0.2, 0.2 } }, shares[] = { 0.05, 0.5 };
    static struct sim_traffic t;
    static struct canary c;
    for (size_t i = 0; i < ARRAY_LEN(rates) * ARRAY_LEN(shares); i++) {
        const double *p = rates[i / 2], share = shares[i % 2], truth = p[1] - p[0];
        struct sim_scenario s = { "coverage", .rate = 100, .callers = 20, .errors = { p[0], p[1] } };
        unsigned out[2] = { 0 };
        for (unsigned r = 0; r < runs; r++) {
            struct canary_config cfg = canary_defaults();
            bool left[2] = { 0 };
            canary_init(&c, &cfg);
            sim_traffic_start(&t, &s, 77 + i * 1000 + r);
            while (t.second < 3600) {
                struct canary_metric_result e = { 0 };
                sim_traffic_second(&t, share);
                canary_tick(&c, &(struct canary_tick){ .share = share, .cells = t.cell, .cells_n = t.cells });
                struct canary_result whole;
                if (t.second % 10) continue;
                canary_result(&c, &whole);
                e = whole.metric[CANARY_ERRORS];
                left[0] |= e.difference.low > truth || e.difference.high < truth;
                left[1] |= e.ratio.low > p[1] / p[0] || e.ratio.high < p[1] / p[0];
            }
            out[0] += left[0];
            out[1] += left[1];
        }
        printf("%.3f against %.3f, share %.2f: difference ever outside %.1f %%, ratio %.1f %% of %u hours\n", p[1], p[0], share,
               100.0 * out[0] / runs, 100.0 * out[1] / runs, runs);
    }
    return 0;
}

static int trace(const char *name, uint64_t seed)
{
    static struct sim_traffic t;
    static struct canary c;
    struct canary_config cfg = canary_defaults();
    const struct sim_case *k = NULL;
    for (size_t i = 0; i < sim_cases_n; i++)
        if (!strcmp(name, sim_cases[i].s.name)) k = &sim_cases[i];
    if (!k) return 2;
    canary_init(&c, &cfg);
    sim_traffic_start(&t, &k->s, seed);
    printf(
        "second,n_b,x_b,n_c,x_c,ln_e,ln_errors,ln_p50,ln_p90,ln_p99,ship_errors,ship_p50,ship_p90,ship_p99,difference,low,high,ratio_low,ratio_high,"
        "dispersion,verdict\n");
    while (t.second < k->seconds && !c.harmed) {
        struct canary_result r;
        double share = share_at(k, t.second);
        sim_traffic_second(&t, share);
        canary_tick(&c, &(struct canary_tick){ .share = share, .cells = t.cell, .cells_n = t.cells });
        canary_result(&c, &r);
        printf("%u,%u,%u,%u,%u,%.3f", t.second, t.n[0], t.bad[0], t.n[1], t.bad[1], r.log_harm);
        for (int m = 0; m < CANARY_COMPARED; m++) printf(",%.3f", r.metric[m].log_harm);
        for (int m = 0; m < CANARY_COMPARED; m++) printf(",%.3f", r.metric[m].log_ship);
        const struct canary_metric_result *e = &r.metric[CANARY_ERRORS];
        printf(",%.5f,%.5f,%.5f,%.3f,%.3f,%.2f,%s\n", e->difference.value, e->difference.low, e->difference.high, e->ratio.low,
               e->ratio.high, e->dispersion, canary_verdict_name(r.verdict));
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "quick")) return quick();
    if (argc >= 2 && !strcmp(argv[1], "full")) return full(argc - 2, argv + 2, 1);
    if (argc >= 2 && !strcmp(argv[1], "tenth")) return full(argc - 2, argv + 2, 10);
    if (argc == 3 && !strcmp(argv[1], "coverage")) return coverage((unsigned)strtoul(argv[2], NULL, 10));
    if (argc == 4 && !strcmp(argv[1], "trace")) return trace(argv[2], strtoull(argv[3], NULL, 10));
    fprintf(stderr, "usage: sim quick | full [NAME...] | tenth [NAME...] | coverage RUNS | trace NAME SEED\n");
    return 2;
}
