/* The ready-made strategies, and the filling of what a spec leaves out. */
#include "release/plan.h"

#include "base/vec.h"
#include "pb/pb.h"
#include "release/inside.h"

struct template_step {
    const char *name; /* NULL: its weight */
    bool cohort;      /* whoever sends the test header */
    double weight, mirror;
    unsigned bake_s;
    bool evidence;
};

/* The testers stay on the new version while the weight of everyone else grows. */
static const struct template_step gray[] = {
    { "header cohort", true, 0, 0, 300, false }, { NULL, true, 5, 0, 300, false },   { NULL, true, 25, 0, 300, false },
    { NULL, true, 50, 0, 300, false },           { NULL, true, 100, 0, 300, false },
};
static const struct template_step progressive[] = {
    { NULL, false, 1, 0, 120, true },  { NULL, false, 5, 0, 120, true },  { NULL, false, 10, 0, 120, true },
    { NULL, false, 25, 0, 120, true }, { NULL, false, 50, 0, 120, true }, { NULL, false, 100, 0, 300, false },
};
static const struct template_step blue_green[] = {
    { "preview", true, 0, 0, 300, false },
    { NULL, false, 100, 0, 600, false },
};
static const struct template_step mirror_first[] = {
    { "mirror", false, 0, 100, 300, false }, { NULL, false, 5, 0, 300, false },   { NULL, false, 25, 0, 300, false },
    { NULL, false, 50, 0, 300, false },      { NULL, false, 100, 0, 300, false },
};
static const struct template_step fast_track[] = { { NULL, false, 100, 0, 60, false } };

/* Shaped: intermediate steps are put in where a guard rail allows smaller ones only. */
static const struct {
    const struct template_step *steps;
    size_t n;
    bool shaped;
} templates[] = {
    { gray, ARRAY_LEN(gray), true },
    { progressive, ARRAY_LEN(progressive), true },
    { blue_green, ARRAY_LEN(blue_green), false },
    { mirror_first, ARRAY_LEN(mirror_first), true },
    { fast_track, ARRAY_LEN(fast_track), false },
    { NULL, 0, false },
};

const struct release_strategy release_strategies[] = {
    { "gray", "Gray, by header first", "Testers with a header see the new version first, then 5, 25, 50 and 100 % of everyone." },
    { "progressive", "Automatic, on evidence",
      "1, 5, 10, 25, 50 and 100 %, each step only when the measurements show that nothing got worse." },
    { "blue-green", "Blue-green", "The new version runs beside the old one for testers with a header, then takes everything at once." },
    { "mirror-first", "Mirror first", "The new version gets copies of the requests before it answers any, then 5, 25, 50 and 100 %." },
    { "fast-track", "Fast track", "Everything at once, for a version that has had all of the traffic before." },
    { "custom", "Your own steps", "Steps as you write them." },
};
const size_t release_strategies_n = ARRAY_LEN(release_strategies);
_Static_assert(ARRAY_LEN(templates) == ARRAY_LEN(release_strategies), "each strategy has its row");

int strategy_of(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(release_strategies); i++)
        if (strcmp(release_strategies[i].name, name) == 0) return (int)i;
    return -1;
}

static char *text(struct arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

static Google__Protobuf__Duration *duration(struct arena *a, int64_t ms)
{
    Google__Protobuf__Duration *d = (void *)pb_new(&google__protobuf__duration__descriptor, a);
    d->has_seconds = 1;
    d->seconds = ms / 1000;
    d->has_nanos = ms % 1000 != 0;
    d->nanos = (int32_t)(ms % 1000) * 1000000;
    return d;
}

static CohortMatch *test_header(struct arena *a)
{
    CohortMatch *m = (void *)pb_new(&weft__dev__v1alpha1__cohort_match__descriptor, a);
    Weft__Dev__V1alpha1__Condition *c = (void *)pb_new(&weft__dev__v1alpha1__condition__descriptor, a);
    c->header = text(a, "x-canary");
    c->exact = text(a, "true");
    m->match = arena_array(a, Weft__Dev__V1alpha1__Condition *, 1);
    m->match[0] = c;
    m->n_match = 1;
    return m;
}

/* The steps of a template under construction. */
struct steps {
    struct arena *a;
    ReleaseStepSpec *v[RELEASE_STEPS_MAX];
    size_t n;
};

static void add_step(struct steps *s, const struct template_step *t, uint32_t weight, int64_t min_bake_ms)
{
    if (s->n == RELEASE_STEPS_MAX) return;
    ReleaseStepSpec *step = (void *)pb_new(&weft__dev__v1alpha1__step__descriptor, s->a);
    if (t->name) step->name = text(s->a, t->name);
    if (t->cohort) {
        step->match = arena_array(s->a, CohortMatch *, 1);
        step->match[0] = test_header(s->a);
        step->n_match = 1;
    }
    step->has_weight = 1;
    step->weight = weight / 100.0;
    if (t->mirror > 0) {
        step->has_mirror = 1;
        step->mirror = t->mirror;
    }
    step->bake = duration(s->a, weight ? MAX((int64_t)t->bake_s * 1000, min_bake_ms) : (int64_t)t->bake_s * 1000);
    step->evidence = text(s->a, t->evidence ? "required" : "time");
    s->v[s->n++] = step;
}

static void from_template(ReleaseSpec *spec, int which, const struct release_limits *l, struct arena *a)
{
    struct steps s = { .a = a };
    int64_t min_bake = l && templates[which].shaped ? l->min_bake_ms : 0;
    uint32_t at = 0;
    for (size_t i = 0; i < templates[which].n; i++) {
        const struct template_step *t = &templates[which].steps[i];
        uint32_t weight = (uint32_t)(t->weight * 100);
        while (l && templates[which].shaped && s.n < RELEASE_STEPS_MAX) {
            uint32_t most = at == 0 && l->max_first_step ? l->max_first_step : RELEASE_WEIGHT_FULL;
            if (l->max_step) most = MIN(most, l->max_step);
            if (weight <= at + most) break;
            at += most;
            add_step(&s, t, at, min_bake);
        }
        if (weight > at || !weight) add_step(&s, t, weight, min_bake);
        at = MAX(at, weight);
    }
    spec->steps = arena_array(a, ReleaseStepSpec *, s.n);
    memcpy(spec->steps, s.v, s.n * sizeof s.v[0]);
    spec->n_steps = s.n;
}

static void fill_step(ReleaseStepSpec *s, uint32_t before, struct arena *a)
{
    if (!s->has_weight) {
        s->has_weight = 1;
        s->weight = before / 100.0;
    }
    if (!s->bake) s->bake = duration(a, 300000);
    if (!s->evidence) s->evidence = text(a, "time");
    if (!s->deadline) s->deadline = duration(a, MAX(3 * release_ms(s->bake), (int64_t)600000));
    if (s->approval && !s->approval->role) s->approval->role = text(a, "releaser");
    if (s->approval && !s->approval->has_count) s->approval->has_count = s->approval->count = 1;
    if (s->webhook && !s->webhook->timeout) s->webhook->timeout = duration(a, 10000);
    if (!s->name || !*s->name)
        s->name = s->weight > 0   ? arena_printf(a, "%g %%", s->weight)
                  : s->n_match    ? text(a, "cohort")
                  : s->mirror > 0 ? text(a, "mirror")
                                  : text(a, "0 %");
}

#define FILL(has, field, value)                                                                                                            \
    do {                                                                                                                                   \
        if (!(has)) {                                                                                                                      \
            (has) = 1;                                                                                                                     \
            (field) = (value);                                                                                                             \
        }                                                                                                                                  \
    } while (0)

static void fill_analysis(ReleaseSpec *spec, struct arena *a)
{
    if (!spec->analysis) spec->analysis = (void *)pb_new(&weft__dev__v1alpha1__analysis__descriptor, a);
    Weft__Dev__V1alpha1__Analysis *n = spec->analysis;
    FILL(n->has_false_alarm, n->false_alarm, 1);
    FILL(n->has_ship_error, n->ship_error, 5);
    FILL(n->has_errors_ratio, n->errors_ratio, 1);
    FILL(n->has_errors_margin, n->errors_margin, 0.5);
    FILL(n->has_latency_margin, n->latency_margin, 1.1);
    if (!n->warm_up) n->warm_up = duration(a, 60000);
    if (!n->guard_rail) n->guard_rail = (void *)pb_new(&weft__dev__v1alpha1__guard_rail__descriptor, a);
    FILL(n->guard_rail->has_errors, n->guard_rail->errors, 20);
    FILL(n->guard_rail->has_min_requests, n->guard_rail->min_requests, 20);
    for (size_t i = 0; i < n->n_metrics; i++) {
        if (!n->metrics[i]->interval) n->metrics[i]->interval = duration(a, 60000);
        FILL(n->metrics[i]->has_consecutive_error_limit, n->metrics[i]->consecutive_error_limit, 4);
    }
}

ReleaseSpec *release_spec_fill(const ReleaseSpec *spec, const struct release_limits *limits, struct arena *a)
{
    ReleaseSpec *out = (ReleaseSpec *)pb_copy(&spec->base, a);
    if (!out->strategy || !*out->strategy) out->strategy = text(a, out->n_steps ? "custom" : "progressive");
    int which = strategy_of(out->strategy);
    if (!out->n_steps && which >= 0) from_template(out, which, limits, a);
    uint32_t before = 0;
    for (size_t i = 0; i < out->n_steps && i < RELEASE_STEPS_MAX; i++) {
        fill_step(out->steps[i], before, a);
        before = release_bp(out->steps[i]->weight);
    }
    if (!out->inconclusive) out->inconclusive = text(a, "hold");
    if (!out->supersede) out->supersede = text(a, "stop");
    if (!out->warm_for) out->warm_for = duration(a, 900000);
    fill_analysis(out, a);
    return out;
}
