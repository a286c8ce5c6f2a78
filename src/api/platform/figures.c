#include "api/platform/figures.h"

#include "base/map.h"

#include <math.h>

struct sum {
    const struct versions *v;
    struct figures *each, *all;
};

static void row(void *ctx, const struct series_row *r)
{
    struct sum *s = ctx;
    series_cell_add(&s->all->cell, &r->cell);
    for (size_t i = 0; i < s->v->n; i++)
        if (str_eqc(r->version, s->v->v[i].name)) return series_cell_add(&s->each[i].cell, &r->cell);
}

void figures_of(const struct series_store *s, const struct versions *v, uint32_t seconds, struct figures *each, struct figures *all)
{
    struct sum sum = { v, each, all };
    uint32_t now = s ? series_complete(s) : 0, n = now ? MIN(seconds, now) : 0;
    *all = (struct figures){ .seconds = n };
    for (size_t i = 0; i < v->n; i++) each[i] = (struct figures){ .seconds = n };
    if (!n) return;
    struct series_query q = { .service = str_of(v->host), .by = SERIES_BY_VERSION, .from = now - n + 1, .to = now };
    series_sum(s, &q, row, &sum);
}

double figures_rate(const struct figures *f) { return f->seconds ? (double)f->cell.requests / f->seconds : NAN; }
double figures_errors(const struct figures *f)
{
    return f->cell.requests ? 100.0 * (double)f->cell.errors / (double)f->cell.requests : NAN;
}
double figures_share(const struct figures *f, const struct figures *all)
{
    return all->cell.requests ? 100.0 * (double)f->cell.requests / (double)all->cell.requests : NAN;
}

void figures_json(const struct figures *f, json_t *to)
{
    json_object_set_new(to, "requests", model_real(model_cut(figures_rate(f), 1000)));
    json_object_set_new(to, "errors", model_real(model_cut(figures_errors(f), 1000)));
    json_object_set_new(to, "requestCount", f->seconds ? json_integer((json_int_t)f->cell.requests) : json_null());
    json_object_set_new(to, "errorCount", f->seconds ? json_integer((json_int_t)f->cell.errors) : json_null());
    json_object_set_new(to, "p50", model_real(model_cut(series_quantile(&f->cell, 0.5), 1000)));
    json_object_set_new(to, "p95", model_real(model_cut(series_quantile(&f->cell, 0.95), 1000)));
    json_object_set_new(to, "p99", model_real(model_cut(series_quantile(&f->cell, 0.99), 1000)));
}

/* ---- callers ---- */

struct callers {
    json_t *list;
    uint32_t seconds;
};

static void caller(void *ctx, const struct series_row *r)
{
    struct callers *c = ctx;
    struct str name = r->caller, ns = str_cut(&name, '/');
    if (!name.p) name = ns, ns = (struct str){ "", 0 };
    json_t *n = json_stringn(name.p ? name.p : "", name.n), *s = json_stringn(ns.p ? ns.p : "", ns.n);
    const struct figures f = { r->cell, c->seconds };
    json_array_append_new(c->list, json_pack("{s:o, s:o, s:o, s:o}", "name", n ? n : json_string("?"), "namespace",
                                             s ? s : json_string("?"), "requests", model_real(model_cut(figures_rate(&f), 1000)), "errors",
                                             model_real(model_cut(figures_errors(&f), 1000))));
}

json_t *figures_callers(const struct series_store *s, const char *host, uint32_t seconds)
{
    struct callers c = { json_array(), seconds };
    uint32_t now = s ? series_complete(s) : 0;
    if (now < seconds) return c.list;
    struct series_query q = { .service = str_of(host), .by = SERIES_BY_CALLER, .from = now - seconds + 1, .to = now };
    series_sum(s, &q, caller, &c);
    size_t n = json_array_size(c.list);
    for (size_t i = 1; i < n; i++) /* few: insertion by rate */
        for (size_t k = i; k > 0; k--) {
            json_t *a = json_array_get(c.list, k - 1), *b = json_array_get(c.list, k);
            if (json_number_value(json_object_get(a, "requests")) >= json_number_value(json_object_get(b, "requests"))) break;
            json_incref(a);
            json_array_set(c.list, k - 1, b);
            json_array_set_new(c.list, k, a);
        }
    return c.list;
}

/* ---- series ---- */

struct grid {
    uint32_t from, step;
    size_t n;
    const struct versions *v;
    json_t **requests, **errors, **p50, **p95, **p99; /* arrays per version */
};

static void put(json_t *list, size_t at, double v) { json_array_set_new(list, at, model_real(model_cut(v, 1000))); }

static void point(void *ctx, const struct series_row *r)
{
    struct grid *g = ctx;
    if (r->at < g->from || !r->seconds) return;
    size_t at = (r->at - g->from) / g->step;
    for (size_t i = 0; i < g->v->n && at < g->n; i++) {
        if (!str_eqc(r->version, g->v->v[i].name)) continue;
        const struct figures f = { r->cell, r->seconds };
        put(g->requests[i], at, figures_rate(&f));
        put(g->errors[i], at, figures_errors(&f));
        put(g->p50[i], at, series_quantile(&r->cell, 0.5));
        put(g->p95[i], at, series_quantile(&r->cell, 0.95));
        put(g->p99[i], at, series_quantile(&r->cell, 0.99));
    }
}

static json_t *nulls(size_t n)
{
    json_t *l = json_array();
    while (n--) json_array_append_new(l, json_null());
    return l;
}

json_t *figures_series(const struct series_store *s, const struct versions *v, uint32_t from, uint32_t to, uint32_t step, json_t *marks)
{
    static const uint32_t steps[] = { 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600 };
    uint32_t span = to >= from ? to - from + 1 : 1;
    for (size_t i = 0; !step && i < ARRAY_LEN(steps); i++)
        if (span / steps[i] <= 120 || i + 1 == ARRAY_LEN(steps)) step = steps[i];
    /* A second look when only a coarser level reaches back so far. */
    for (size_t i = 0; s && i < 2; i++) {
        int level = step < 10 ? 0 : step < 60 ? 1 : 2;
        if (level < 2 && series_oldest(s, level) > from && series_oldest(s, level + 1) < series_oldest(s, level)) step = level ? 60 : 10;
    }
    from = from / step * step;
    struct grid g = { .from = from, .step = step, .n = MIN((to - from) / step + 1, (uint32_t)2000), .v = v };
    json_t ***fields[] = { &g.requests, &g.errors, &g.p50, &g.p95, &g.p99 }, **lists = xcalloc(5 * v->n + 1, sizeof(json_t *));
    static const char *const names[] = { "requests", "errors", "p50", "p95", "p99" };
    for (size_t k = 0; k < 5; k++) {
        *fields[k] = lists + k * v->n;
        for (size_t i = 0; i < v->n; i++) (*fields[k])[i] = nulls(g.n);
    }
    struct series_query q = { .service = str_of(v->host), .by = SERIES_BY_VERSION, .from = from, .to = to, .step = step };
    if (s && series_complete(s)) series_steps(s, &q, point, &g);
    json_t *versions = json_object();
    for (size_t i = 0; i < v->n; i++) {
        json_t *one = json_object();
        for (size_t k = 0; k < 5; k++) json_object_set_new(one, names[k], (*fields[k])[i]);
        json_object_set_new(versions, v->v[i].name, one);
    }
    free(lists);
    return json_pack("{s:I, s:I, s:o, s:o}", "t0", (json_int_t)from * 1000, "step", (json_int_t)step * 1000, "versions", versions, "marks",
                     marks ? marks : json_array());
}

struct spark {
    json_t *list;
    uint32_t from, step;
    struct str version;
};

static void spark_point(void *ctx, const struct series_row *r)
{
    struct spark *s = ctx;
    if (!str_eq(r->version, s->version) || r->at < s->from || !r->seconds) return;
    put(s->list, (r->at - s->from) / s->step, (double)r->cell.requests / r->seconds);
}

json_t *figures_spark(const struct series_store *s, const char *host, const char *version, uint32_t seconds)
{
    uint32_t now = s ? series_complete(s) : 0, step = MAX(seconds / 60, 1u);
    struct spark sp = { nulls(60), now / step * step - 59 * step, step, str_of(version) };
    if (now < seconds) return sp.list;
    struct series_query q = { .service = str_of(host), .by = SERIES_BY_VERSION, .from = sp.from, .to = now, .step = step };
    series_steps(s, &q, spark_point, &sp);
    return sp.list;
}
