#include "api/platform/limit.h"
#include "base/buf.h"

struct failures {
    unsigned n;
    uint64_t last_ms, until_ms;
};

static struct str key_of(struct buf *b, char what, struct str s)
{
    buf_clear(b);
    buf_append(b, &what, 1);
    buf_append(b, s.p ? s.p : "", MIN(s.n, (size_t)100));
    return buf_str(b);
}

static void forget_old(struct limit *l, uint64_t now_ms)
{
    map_foreach (e, &l->failures) {
        struct failures *f = e->value;
        if (now_ms - f->last_ms > LIMIT_FORGET_MS) free(map_remove(&l->failures, map_key(e)));
    }
}

static void count(struct failures *f, unsigned free_ones, uint64_t now_ms)
{
    if (now_ms - f->last_ms > LIMIT_FORGET_MS) f->n = 0;
    f->n++;
    f->last_ms = now_ms;
    if (f->n > free_ones) f->until_ms = now_ms + MIN(1000ull << MIN(f->n - free_ones - 1, 20u), (uint64_t)LIMIT_WAIT_MAX_MS);
}

static const struct {
    char what;
    unsigned free_ones;
} sides[] = { { 'u', LIMIT_FREE_USER }, { 'a', LIMIT_FREE_ADDRESS } };

uint64_t limit_try(struct limit *l, struct str user, struct str address, uint64_t now_ms)
{
    struct buf b = { 0 };
    struct str who[] = { user, address };
    uint64_t wait = 0;
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        const struct failures *f = map_get(&l->failures, key_of(&b, sides[i].what, who[i]));
        if (f && f->until_ms > now_ms) wait = MAX(wait, f->until_ms - now_ms);
    }
    if (!wait && l->failures.n + 2 > LIMIT_KEYS) {
        forget_old(l, now_ms);
        if (l->failures.n + 2 > LIMIT_KEYS) wait = 10000; /* somebody tries names without end */
    }
    for (size_t i = 0; !wait && i < ARRAY_LEN(sides); i++) {
        struct failures *f = map_get(&l->failures, key_of(&b, sides[i].what, who[i]));
        if (!f) map_put(&l->failures, buf_str(&b), f = xcalloc(1, sizeof *f));
        count(f, sides[i].free_ones, now_ms);
    }
    buf_free(&b);
    return wait;
}

void limit_passed(struct limit *l, struct str user, struct str address)
{
    struct buf b = { 0 };
    free(map_remove(&l->failures, key_of(&b, 'u', user)));
    struct failures *f = map_get(&l->failures, key_of(&b, 'a', address)); /* one who knows a password still may not try others' */
    if (f && f->n) f->n--;
    buf_free(&b);
}

void limit_free(struct limit *l) { map_free(&l->failures, free); }
