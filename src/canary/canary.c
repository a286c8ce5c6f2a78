/* A release's statistics: begin, a second, the next step, a gap. */
#include "canary/internal.h"

static const char *const metric_names[CANARY_METRICS] = { "errors", "latency-p50", "latency-p90", "latency-p99", "split" };
static const char *const verdict_names[] = { "too little", "watching", "no harm", "harm likely", "harm", "ship", "split mismatch" };

const char *canary_metric_name(enum canary_metric m) { return (unsigned)m < CANARY_METRICS ? metric_names[m] : "unknown"; }
const char *canary_verdict_name(enum canary_verdict v) { return (unsigned)v < ARRAY_LEN(verdict_names) ? verdict_names[v] : "unknown"; }

int canary_metric_of(struct str name)
{
    for (int m = 0; m < CANARY_METRICS; m++)
        if (str_eqc(name, metric_names[m])) return m;
    return -1;
}

struct canary_config canary_defaults(void)
{
    return (struct canary_config){
        .alpha = 0.01,
        .beta = 0.05,
        .errors_ratio = 1,
        .errors_margin = 0.005,
        .latency_margin = 1.1,
        .guard_errors = 0.2,
        .guard_requests = 20,
        .edges = metric_times_ms,
        .edges_n = METRIC_TIMES,
    };
}

static double within(double x, double low, double high, double otherwise) { return x >= low && x <= high ? x : otherwise; }

void canary_init(struct canary *c, const struct canary_config *cfg)
{
    struct canary_config d = canary_defaults();
    memset(c, 0, sizeof *c);
    c->cfg = *cfg;
    c->cfg.alpha = within(cfg->alpha, 1e-9, 0.5, d.alpha);
    c->cfg.beta = within(cfg->beta, 1e-9, 0.5, d.beta);
    c->cfg.errors_ratio = within(cfg->errors_ratio, 1, 1000, d.errors_ratio);
    c->cfg.errors_margin = within(cfg->errors_margin, 1e-6, 0.9, d.errors_margin);
    c->cfg.latency_margin = within(cfg->latency_margin, 1, 100, d.latency_margin);
    c->cfg.guard_errors = within(cfg->guard_errors, 0, INFINITY, d.guard_errors);
    if (!cfg->guard_requests) c->cfg.guard_requests = d.guard_requests;
    must(cfg->edges && cfg->edges_n >= 1 && cfg->edges_n <= CANARY_EDGES_MAX);
    c->mask = CANARY_ALL;
    c->split.ordered = -1;
    canary_harm_start(c);
}

static void harmed(struct canary *c, enum canary_metric m, bool guarded)
{
    if (!guarded) {
        c->harm_requests = c->compare[CANARY_ERRORS].n[CAN];
        c->harm_excess = MAX(c->compare[CANARY_ERRORS].bad[CAN] - c->compare[CANARY_ERRORS].expected, 0.0);
    }
    c->harmed = true;
    c->guarded = guarded;
    c->blamed = m;
    c->blamed_pod = canary_blame_pod(c, (int)m);
}

static int worst_metric(const struct canary *c)
{
    int worst = CANARY_ERRORS;
    double top = -INFINITY;
    for (int m = 0; m < CANARY_COMPARED; m++) {
        double e = log(canary_weight[m]) + canary_log_harm(c, m);
        if (!(c->mask & (1U << m)) || e <= top) continue;
        top = e;
        worst = m;
    }
    return worst;
}

void canary_tick(struct canary *c, const struct canary_tick *t)
{
    struct canary_sums s = { 0 };
    c->ticks++;
    canary_thresholds(c, &s);
    canary_tally(c, t, &s);
    c->quiet = s.n[0][CAN] > 0 ? 0 : c->quiet + 1;
    for (int arm = 0; arm < 2; arm++) c->rate[arm] += (s.n[0][arm] - c->rate[arm]) / MIN(c->compared + 1, 30U);
    canary_harm_tick(c, &s);
    canary_span_tick(c, &s);
    canary_ship_tick(c, &s);
    canary_split_tick(c, t->share, &s);
    canary_dispersion_tick(c, &s);
    if (canary_guard_tick(c, &s) && !c->harmed) harmed(c, CANARY_ERRORS, true);
    double all = canary_log_all(c);
    c->top_log = MAX(c->top_log, all);
    if (!c->harmed && all >= -log(c->cfg.alpha)) harmed(c, (enum canary_metric)worst_metric(c), false);
}

void canary_step(struct canary *c, unsigned mask)
{
    c->mask = mask & CANARY_ALL;
    for (int m = 0; m < CANARY_COMPARED; m++) c->compare[m].ship = 0;
}

void canary_gap(struct canary *c)
{
    memset(c->history, 0, sizeof c->history);
    memset(c->bin, 0, sizeof c->bin);
    memset(c->baseline_votes, 0, sizeof c->baseline_votes);
    for (size_t i = 0; i < CANARY_SOURCES; i++) c->source[i].history = c->source[i].voted = 0;
    c->split.n[BASE] = c->split.n[CAN] = 0;
    c->split.since_alarm = c->split.grace = 0;
    c->split.alarm = false;
}
