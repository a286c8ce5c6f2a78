/* Thresholds of a release: numbers of the mesh, or of Prometheus queries, judged by src/canary/threshold.h. */
#include "api/platform/engine_inside.h"

#include "api/platform/figures.h"
#include "api/platform/outgoing.h"
#include "base/log.h"

#include <ctype.h>
#include <math.h>

struct prometheus_query {
    struct live *l;
    size_t gauge;
    struct outgoing_call *call;
};

void gauges_begin(struct live *l)
{
    const WD(Analysis) *a = l->r->plan->spec->analysis;
    l->n_gauges = a ? a->n_metrics : 0;
    l->gauges = l->n_gauges ? xcalloc(l->n_gauges, sizeof *l->gauges) : NULL;
    for (size_t i = 0; i < l->n_gauges; i++) {
        const WD(Metric) *m = a->metrics[i];
        struct gauge *g = &l->gauges[i];
        g->spec = m;
        g->cfg = threshold_defaults();
        if (m->has_min) g->cfg.min = m->min;
        if (m->has_max) g->cfg.max = m->max;
        g->cfg.interval = (uint32_t)MAX(model_ms(m->interval, 60000) / 1000, (int64_t)1);
        g->cfg.initial_delay = (uint32_t)MAX(model_ms(m->initial_delay, 0) / 1000, (int64_t)0);
        g->cfg.count = m->count;
        g->cfg.failure_limit = m->failure_limit;
        g->cfg.inconclusive_limit = m->inconclusive_limit;
        if (m->has_consecutive_error_limit) g->cfg.consecutive_error_limit = m->consecutive_error_limit;
    }
}

void gauges_forget(struct live *l)
{
    for (size_t i = 0; i < l->n_gauges; i++) {
        if (!l->gauges[i].asked) continue;
        outgoing_cancel(l->gauges[i].asked->call);
        free(l->gauges[i].asked);
        l->gauges[i].asked = NULL;
    }
}

/* ---- the mesh's own numbers ---- */

static double mesh_number(const struct live *l, const struct versions *v, const char *what, uint32_t seconds)
{
    struct arena a;
    struct figures all;
    double out = NAN;
    arena_init(&a, 1024, 0);
    struct figures *each = arena_array(&a, struct figures, v->n + 1);
    figures_of(l->e->cfg.series, v, seconds, each, &all);
    for (size_t i = 0; i < v->n; i++) {
        const struct figures *f = &each[i];
        if (strcmp(v->v[i].name, l->r->plan->to) != 0) continue;
        if (strcmp(what, "success-rate") == 0) out = 100 - figures_errors(f);
        if (strcmp(what, "error-rate") == 0) out = figures_errors(f);
        if (strcmp(what, "p50") == 0) out = series_quantile(&f->cell, 0.5);
        if (strcmp(what, "p95") == 0) out = series_quantile(&f->cell, 0.95);
        if (strcmp(what, "p99") == 0) out = series_quantile(&f->cell, 0.99);
        if (strcmp(what, "requests") == 0) out = figures_rate(f);
    }
    arena_free(&a);
    return out;
}

/* ---- Prometheus ---- */

/* {"status":"success","data":{"resultType":"vector","result":[{"value":[t,"0.99"]}]}}, or a scalar. */
static enum threshold_answer parse(struct str text, double *value)
{
    enum threshold_answer out = THRESHOLD_NOT_ASKED;
    json_t *j = json_loadb(text.p ? text.p : "", text.n, 0, NULL), *data = json_object_get(j, "data"),
           *result = json_object_get(data, "result");
    const char *type = json_string_value(json_object_get(data, "resultType")), *number = NULL;
    if (json_is_string(json_object_get(j, "status")) && strcmp(json_string_value(json_object_get(j, "status")), "success") == 0 && type) {
        out = THRESHOLD_NO_NUMBER;
        if (strcmp(type, "vector") == 0) number = json_string_value(json_array_get(json_object_get(json_array_get(result, 0), "value"), 1));
        if (strcmp(type, "scalar") == 0) number = json_string_value(json_array_get(result, 1));
    }
    if (number) {
        char *end;
        *value = strtod(number, &end);
        if (*end == 0 && end != number) out = THRESHOLD_NUMBER;
    }
    json_decref(j);
    return out;
}

static void answered(void *arg, int status, struct str text)
{
    struct prometheus_query *q = arg;
    struct gauge *g = &q->l->gauges[q->gauge];
    double value = NAN;
    enum threshold_answer a = status == 200 ? parse(text, &value) : THRESHOLD_NOT_ASKED;
    if (a == THRESHOLD_NOT_ASKED)
        log_warn("release %s#%u: Prometheus for %s: %d %.*s", q->l->project, q->l->n, g->spec->name, status, (int)MIN(text.n, (size_t)200),
                 text.p ? text.p : "");
    threshold_judge(&g->state, &g->cfg, engine_now(q->l->e) / 1000, a, value);
    g->asked = NULL;
    free(q);
}

/* {{service}} and its like. */
static char *fill(const struct live *l, const char *query)
{
    const char *const words[][2] = {
        { "service", l->service }, { "namespace", l->ns }, { "version", l->r->plan->to }, { "stable", l->r->plan->from }
    };
    struct buf b = { 0 };
    for (const char *p = query; *p;) {
        bool done = false;
        for (size_t i = 0; i < ARRAY_LEN(words) && !done; i++) {
            char pattern[32];
            snprintf(pattern, sizeof pattern, "{{%s}}", words[i][0]);
            if (strncmp(p, pattern, strlen(pattern)) != 0) continue;
            buf_puts(&b, words[i][1]);
            p += strlen(pattern);
            done = true;
        }
        if (!done) buf_append(&b, p++, 1);
    }
    return buf_steal(&b);
}

static char *escape(const char *s)
{
    struct buf b = { 0 };
    for (; *s; s++) {
        if (isalnum((unsigned char)*s) || strchr("-_.~", *s))
            buf_append(&b, s, 1);
        else
            buf_printf(&b, "%%%02X", (unsigned)(unsigned char)*s);
    }
    return buf_steal(&b);
}

static void ask(struct live *l, size_t i)
{
    struct gauge *g = &l->gauges[i];
    AUTO(free_p) char *query = fill(l, g->spec->query ? g->spec->query : ""), *escaped = escape(query);
    const char *base = g->spec->prometheus, *slash = base[0] && base[strlen(base) - 1] == '/' ? "" : "/";
    AUTO(free_p) char *url = xasprintf("%s%sapi/v1/query?query=%s", base, slash, escaped);
    struct prometheus_query *q = xcalloc(1, sizeof *q);
    *q = (struct prometheus_query){ .l = l, .gauge = i };
    q->call = outgoing_send(engine_outgoing(l->e), url, NULL, NULL, 5000, answered, q);
    if (q->call) {
        g->asked = q;
        return;
    }
    free(q);
    threshold_judge(&g->state, &g->cfg, engine_now(l->e) / 1000, THRESHOLD_NOT_ASKED, NAN);
}

void gauges_tick(struct live *l, const struct versions *v)
{
    int64_t now = engine_now(l->e) / 1000;
    bool open =
        l->r->verified && (l->r->ordered.weight || l->r->ordered.cohort) && !release_ended(l->r) && l->r->phase < RELEASE_ROLLING_BACK;
    for (size_t i = 0; i < l->n_gauges && open; i++) {
        struct gauge *g = &l->gauges[i];
        if (!g->started) {
            threshold_start(&g->state, &g->cfg, now);
            g->started = true;
        }
        if (g->asked || !threshold_due(&g->state, now)) continue;
        if (g->spec->prometheus && g->spec->prometheus[0]) {
            ask(l, i);
            continue;
        }
        double value = mesh_number(l, v, g->spec->mesh ? g->spec->mesh : "success-rate", g->cfg.interval);
        threshold_judge(&g->state, &g->cfg, now, isnan(value) ? THRESHOLD_NO_NUMBER : THRESHOLD_NUMBER, value);
    }
}

static bool checked(const struct live *l, const char *name)
{
    const ReleaseSpec *s = l->r->plan->spec;
    const WD(Step) *st = l->r->step >= 0 && (size_t)l->r->step < s->n_steps ? s->steps[l->r->step] : NULL;
    for (size_t i = 0; st && i < st->n_checks; i++)
        if (strcmp(st->checks[i], name) == 0) return true;
    return !st || st->n_checks == 0;
}

void gauges_evidence(const struct live *l, enum release_evidence *evidence, const char **which)
{
    for (size_t i = 0; i < l->n_gauges; i++) {
        const struct gauge *g = &l->gauges[i];
        if (!g->started || (g->spec->has_dry_run && g->spec->dry_run) || !checked(l, g->spec->name ? g->spec->name : "")) continue;
        if (g->state.phase == THRESHOLD_FAILED || g->state.phase == THRESHOLD_ERROR) {
            *evidence = RELEASE_HARM;
            *which = g->spec->name;
            return;
        }
        if (g->state.phase == THRESHOLD_INCONCLUSIVE) *evidence = RELEASE_UNDECIDED;
        /* Evidence to ship by comparison waits for thresholds that have not measured once. */
        if (g->state.phase == THRESHOLD_RUNNING && g->state.measured == 0 && *evidence == RELEASE_SHIP) *evidence = RELEASE_WATCHING;
    }
}

json_t *gauges_json(const struct live *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->n_gauges; i++) {
        const struct gauge *g = &l->gauges[i];
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:o, s:s, s:i, s:i, s:b, s:b}", "id", g->spec->name ? g->spec->name : "?", "canary",
                            model_real(g->started ? g->state.last : NAN), "min", model_real(g->cfg.min), "max", model_real(g->cfg.max),
                            "verdict", g->started ? threshold_phase_name(g->state.phase) : "waiting", "measured", (int)g->state.measured,
                            "failed", (int)g->state.failed, "dryRun", g->spec->has_dry_run && g->spec->dry_run, "threshold", true));
    }
    return list;
}
