#include "telemetry/ring.h"

#include "base/buf.h"
#include "base/map.h"

struct kept {
    struct telemetry_key k; /* strings point into the map's copy of the key */
    char *text;
    size_t text_len;
    uint64_t last; /* number of its newest point */
};

struct slot {
    struct telemetry_point p;
    struct kept *series;
    uint64_t before; /* number of the series' point before this; NONE: there was none */
};
#define NONE UINT64_MAX

struct telemetry_ring {
    struct slot *slots;
    size_t cap, most_series;
    uint64_t next; /* number of the next point: point n stands in slot n % cap as long as n + cap >= next */
    uint32_t second;
    struct map series; /* key as text -> struct kept */
};

struct telemetry_ring *telemetry_ring_new(size_t points, size_t series)
{
    struct telemetry_ring *r = xcalloc(1, sizeof *r);
    r->cap = MAX(points, (size_t)1);
    r->most_series = series;
    r->slots = xcalloc(r->cap, sizeof *r->slots);
    return r;
}

static void kept_free(void *p)
{
    struct kept *s = p;
    free(s->text);
    free(s);
}

void telemetry_ring_free(struct telemetry_ring *r)
{
    if (!r) return;
    map_free(&r->series, kept_free);
    free(r->slots);
    free(r);
}

size_t telemetry_ring_series(const struct telemetry_ring *r) { return r->series.n; }

static bool alive(const struct telemetry_ring *r, uint64_t number) { return number != NONE && number + r->cap >= r->next; }
static struct slot *slot(const struct telemetry_ring *r, uint64_t number) { return &r->slots[number % r->cap]; }

/* ---- series ---- */

static struct str *strings(struct telemetry_key *k, size_t i)
{
    struct str *all[] = { &k->reporter, &k->service, &k->cluster, &k->pod };
    return i < ARRAY_LEN(all) ? all[i] : NULL;
}

static void key_text(const struct telemetry_key *k, struct buf *out)
{
    struct telemetry_key copy = *k;
    for (size_t i = 0; strings(&copy, i); i++) {
        (void)buf_str_append(out, *strings(&copy, i));
        (void)buf_append(out, "", 1);
    }
    (void)buf_append(out, &k->code_class, 1);
    (void)buf_append(out, &k->grpc, 1);
}

static struct kept *kept_new(struct telemetry_ring *r, const struct telemetry_key *k, struct str text)
{
    struct kept *s = xcalloc(1, sizeof *s);
    s->k = *k;
    s->last = NONE;
    s->text = str_dup(text);
    s->text_len = text.n;
    const char *at = s->text;
    for (size_t i = 0; strings(&s->k, i); i++) {
        strings(&s->k, i)->p = at;
        at += strings(&s->k, i)->n + 1;
    }
    map_put(&r->series, text, s);
    return s;
}

/* ---- points ---- */

/* The oldest point makes room; its series goes with it when it was the last one. */
static void forget(struct telemetry_ring *r, struct slot *old)
{
    struct kept *s = old->series;
    if (!s || s->last + r->cap != r->next) return;
    map_remove(&r->series, str_make(s->text, s->text_len));
    kept_free(s);
}

static struct telemetry_point *append(struct telemetry_ring *r, struct kept *s)
{
    struct slot *at = slot(r, r->next);
    if (at->series != s) forget(r, at); /* its own oldest: it lives on */
    *at = (struct slot){ .p = { .second = r->second }, .series = s, .before = s->last };
    s->last = r->next++;
    return &at->p;
}

struct telemetry_point *telemetry_ring_at(struct telemetry_ring *r, const struct telemetry_key *k, uint32_t second)
{
    struct buf text = { 0 };
    r->second = MAX(r->second, second);
    key_text(k, &text);
    struct kept *s = map_get(&r->series, buf_str(&text));
    if (!s && r->series.n < r->most_series) s = kept_new(r, k, buf_str(&text));
    buf_free(&text);
    if (!s) return NULL;
    if (alive(r, s->last) && slot(r, s->last)->p.second == r->second) return &slot(r, s->last)->p;
    return append(r, s);
}

void telemetry_ring_each(const struct telemetry_ring *r, uint32_t from,
                         void (*fn)(void *ctx, const struct telemetry_key *k, const struct telemetry_point *p), void *ctx)
{
    map_foreach (e, &r->series) {
        const struct kept *s = e->value;
        for (uint64_t n = s->last; alive(r, n) && slot(r, n)->p.second >= from; n = slot(r, n)->before) fn(ctx, &s->k, &slot(r, n)->p);
    }
}
