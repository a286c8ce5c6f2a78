/* What lists ask for again and again, kept: summaries of releases that ended, and the rates of all services of the newest second. */
#include "api/platform/engine_inside.h"

#include "api/platform/figures.h"

/* More than that are dropped all at once and made anew. */
#define KEPT_MAX 5000

static void drop(void *p) { json_decref(p); }

void summaries_free(struct engine *e)
{
    map_free(&e->ended, drop);
    map_free(&e->rates, free);
}

json_t *summaries_release(struct engine *e, const struct resource *r)
{
    struct err err = { 0 };
    char key[80];
    struct live *l = live_by_uid(e, r->uid);
    if (l) return release_summary(l);
    snprintf(key, sizeof key, "%.40s/%.30s", r->uid, r->version);
    json_t *j = map_get(&e->ended, str_of(key));
    if (j) return json_incref(j);
    if (!(l = live_load(e, r, &err))) return NULL;
    j = release_summary(l);
    live_free(l);
    if (e->ended.n >= KEPT_MAX) map_free(&e->ended, drop);
    map_put(&e->ended, str_of(key), json_incref(j));
    return j;
}

static void row(void *ctx, const struct series_row *r)
{
    struct engine *e = ctx;
    struct series_cell *c = map_get(&e->rates, r->service);
    if (!c) {
        c = xcalloc(1, sizeof *c);
        map_put(&e->rates, r->service, c);
    }
    series_cell_add(c, &r->cell);
}

#define WINDOW 60

uint32_t summaries_rate(struct engine *e, const char *host, struct series_cell *add)
{
    const struct series_store *s = e->cfg.series;
    uint32_t now = s ? series_complete(s) : 0, n = MIN(now, (uint32_t)WINDOW);
    if (!n) return 0;
    if (e->rates_at != now) {
        const struct series_query q = { .by = SERIES_BY_SERVICE, .from = now - n + 1, .to = now };
        map_free(&e->rates, free);
        series_sum(s, &q, row, e);
        e->rates_at = now;
    }
    const struct series_cell *c = map_get(&e->rates, str_of(host));
    if (c) series_cell_add(add, c);
    return n;
}
