/* The evidence of a second is a sum of steps, one for each bad answer; its mean and variance give the time at which it crosses the line: an
 * inverse Gaussian. Within a fifth of what the simulation finds for differences that matter. */
#include "canary/forecast.h"

#include "canary/internal.h"

struct walk {
    double drift, variance, line; /* of ln E by second; the line to cross */
};

static struct canary_config config_of(const struct canary_plan *p) { return p->cfg ? *p->cfg : canary_defaults(); }

static bool sensible(const struct canary_plan *p)
{
    return p->rate > 0 && p->weight > 0 && p->weight < 1 && p->baseline >= 0 && p->baseline < 1 && p->worse > 0 && p->worse <= 1;
}

static struct walk harm_walk(const struct canary_plan *p)
{
    struct canary_config cfg = config_of(p);
    double can = p->weight * p->worse, base = (1 - p->weight) * p->baseline, q = can / (can + base);
    double w = p->weight * cfg.errors_ratio / (1 - p->weight + p->weight * cfg.errors_ratio);
    double up = log(q / w), down = q < 1 ? log((1 - q) / (1 - w)) : 0;
    if (q <= w) return (struct walk){ .line = 1 };
    /* an alternative of more than 120 times does not exist */
    double most = w * 120 / (1 - w + w * 120);
    if (q > most) {
        up = log(most / w);
        down = log((1 - most) / (1 - w));
    }
    double events = p->rate * (can + base), mean = q * up + (1 - q) * down, square = q * up * up + (1 - q) * down * down;
    return (struct walk){
        .drift = events * mean / CANARY_TEMPER,
        .variance = events * square / (CANARY_TEMPER * CANARY_TEMPER),
        /* alpha, the metric's part of it, the choice among the alternatives, the restart mixture */
        .line = -log(cfg.alpha) - log(canary_weight[CANARY_ERRORS]) + log(CANARY_GRID) + log(2),
    };
}

static double normal(double x) { return 0.5 * erfc(-x / M_SQRT2); }

/* Share of walks that crossed within t. */
static double crossed(const struct walk *k, double t)
{
    if (t <= 0 || k->variance <= 0) return 0;
    double s = sqrt(k->variance * t), back = 2 * k->drift * k->line / k->variance;
    double second = log(MAX(normal((-k->line - k->drift * t) / s), 1e-300)) + back;
    return MIN(normal((k->drift * t - k->line) / s) + (second < 0 ? exp(second) : 0), 1.0);
}

/* The guard rail fires on its own where the rate is beyond it: as soon as it has its requests. */
static double guard_seconds(const struct canary_plan *p)
{
    struct canary_config cfg = config_of(p);
    return p->worse > cfg.guard_errors * 1.5 ? cfg.guard_requests / (p->rate * p->weight) : INFINITY;
}

double canary_forecast_found(const struct canary_plan *p, double seconds)
{
    if (!sensible(p)) return 0;
    struct walk k = harm_walk(p);
    return seconds >= ceil(guard_seconds(p)) ? 1 : crossed(&k, seconds);
}

static double within_share(const struct canary_plan *p, double share)
{
    double low = 0, high = 1;
    while (canary_forecast_found(p, high) < share && high < 1e8) high *= 2;
    for (int i = 0; i < 60; i++) {
        double mid = (low + high) / 2;
        if (canary_forecast_found(p, mid) < share)
            low = mid;
        else
            high = mid;
    }
    return high;
}

static double ship_drift(const struct canary_plan *p, double margin)
{
    double base = MAX(p->baseline, 1e-5), n_base = p->rate * (1 - p->weight), n_can = p->rate * p->weight, low = 1e-9, high = base;
    for (int i = 0; i < 60; i++) {
        double x = (low + high) / 2, y = x + margin;
        double slope = n_base * ((1 - base) / (1 - x) - base / x) + n_can * ((1 - base) / (1 - y) - base / y);
        if (slope < 0)
            low = x;
        else
            high = x;
    }
    double y = low + margin;
    return n_base * (base * log(base / low) + (1 - base) * log((1 - base) / (1 - low))) +
           n_can * (base * log(base / y) + (1 - base) * log((1 - base) / (1 - y)));
}

struct canary_forecast canary_forecast(const struct canary_plan *p)
{
    struct canary_config cfg = config_of(p);
    struct canary_forecast f = { INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY };
    if (!sensible(p)) return f;
    double n_can = p->rate * p->weight;
    struct walk k = harm_walk(p);
    if (k.drift > 0 || isfinite(guard_seconds(p))) {
        f.seconds = MAX(MIN(k.drift > 0 ? k.line / k.drift : INFINITY, guard_seconds(p)), 1.0);
        f.seconds_90 = MAX(within_share(p, 0.9), 1.0);
        f.requests = f.seconds * n_can;
        f.users_hit = f.requests * MAX(p->worse - p->baseline, 0.0);
    }
    double drift = p->baseline + cfg.errors_margin < 1 ? ship_drift(p, cfg.errors_margin) / CANARY_TEMPER : 0;
    if (drift > 0) {
        f.ship_seconds = -log(cfg.beta) / drift;
        f.ship_requests = f.ship_seconds * n_can;
    }
    return f;
}
