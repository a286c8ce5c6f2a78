#include "app.h"

struct waiting {
    struct timer timer;
    struct app *app;
    struct http_exchange *x;
    int fail;
    void (*then)(struct app *app, struct http_exchange *x, int fail);
};

static void on_time(struct timer *t)
{
    struct waiting *w = container_of(t, struct waiting, timer);
    struct waiting copy = *w;
    http_on_done(w->x, NULL, NULL);
    free(w);
    copy.then(copy.app, copy.x, copy.fail);
}

static void on_gone(struct http_exchange *x, bool ok, void *arg)
{
    struct waiting *w = arg;
    (void)x;
    (void)ok;
    timer_stop(&w->timer);
    free(w);
}

static uint64_t header_number(struct http_exchange *x, const char *name, uint64_t most)
{
    struct str s = http_header(x, name);
    uint64_t v = 0;
    return s.p && str_u64(s, &v) ? MIN(v, most) : 0;
}

void behave(struct app *app, struct http_exchange *x, int bad, void (*then)(struct app *app, struct http_exchange *x, int fail))
{
    uint64_t delay = header_number(x, "sleep-ms", 600000) + app->delay_ms;
    int fail = (int)header_number(x, "fail-code", 999);
    if (!fail && rng_below(&app->rng, 100) < app->fail_percent) fail = bad;
    if (!delay) {
        then(app, x, fail);
        return;
    }
    struct waiting *w = xcalloc(1, sizeof *w);
    *w = (struct waiting){ .timer = { .fire = on_time }, .app = app, .x = x, .fail = fail, .then = then };
    http_on_done(x, on_gone, w);
    timer_set(app->loop, &w->timer, delay);
}
