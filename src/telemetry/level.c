#include "telemetry/level.h"

#include "base/buf.h"

/* In the ring: this, then varints: requests, errors, rejected, sum_us, and for each bucket that is not empty how far it is behind the one
 * before, and its count. Sizes are multiples of 4. */
struct head {
    uint32_t line; /* PADDING: nothing until the ring's end */
    uint32_t at;
    uint32_t before; /* bytes back to the line's record before this; 0: none */
    uint32_t size;
};
#define PADDING    UINT32_MAX
#define RECORD_MAX (sizeof(struct head) + 4 * 10 + (METRIC_TIMES + 1) * 6 + 4)

void level_init(struct level *v, size_t bytes, size_t most, uint32_t step)
{
    *v = (struct level){ .step = step, .cap = MAX(bytes, (size_t)2 * RECORD_MAX) & ~(size_t)3, .most = MIN(most, (size_t)PADDING - 1) };
    v->bytes = xcalloc(1, v->cap);
}

/* ---- lines ---- */

static struct str *strings(struct line_key *k, size_t i)
{
    struct str *all[] = { &k->service, &k->version, &k->reporter, &k->instance, &k->cluster, &k->pod };
    return i < ARRAY_LEN(all) ? all[i] : NULL;
}

static void key_text(const struct line_key *k, struct buf *out)
{
    struct line_key copy = *k;
    for (size_t i = 0; strings(&copy, i); i++) {
        (void)buf_str_append(out, *strings(&copy, i));
        (void)buf_append(out, "", 1);
    }
    (void)buf_append(out, &k->code_class, 1);
    (void)buf_append(out, &k->grpc, 1);
}

static void free_line(struct line *l)
{
    free(l->open);
    free(l->version);
    free(l->text);
    free(l);
}

static void drop(struct level *v, struct line *l)
{
    struct link *all = map_get(&v->services, l->k.service);
    list_del(&l->link);
    if (all && list_empty(all)) free(map_remove(&v->services, l->k.service));
    map_remove(&v->by_key, str_make(l->text, l->text_len));
    v->lines.v[l->number] = NULL;
    vec_push(&v->spare, l->number);
    if (v->dropped) v->dropped(l);
    free_line(l);
}

void level_free(struct level *v)
{
    vec_foreach (l, &v->lines) {
        if (*l) free_line(*l);
    }
    vec_free(&v->lines);
    vec_free(&v->spare);
    vec_free(&v->open);
    map_free(&v->by_key, NULL);
    map_free(&v->services, free);
    free(v->bytes);
}

static void number(struct level *v, struct line *l)
{
    if (v->spare.n) {
        l->number = v->spare.v[--v->spare.n];
        v->lines.v[l->number] = l;
        return;
    }
    l->number = (uint32_t)v->lines.n;
    vec_push(&v->lines, l);
}

static struct line *make(struct level *v, const struct line_key *k, struct str text)
{
    struct line *l = xcalloc(1, sizeof *l);
    l->k = *k;
    l->last = NO_RECORD;
    l->text = str_dup(text);
    l->text_len = text.n;
    const char *at = l->text;
    for (size_t i = 0; strings(&l->k, i); i++) {
        strings(&l->k, i)->p = at;
        at += strings(&l->k, i)->n + 1;
    }
    struct link *all = map_get(&v->services, k->service);
    if (!all) {
        all = xcalloc(1, sizeof *all);
        list_init(all);
        map_put(&v->services, k->service, all);
    }
    list_append(all, &l->link);
    map_put(&v->by_key, text, l);
    number(v, l);
    return l;
}

struct line *level_line(struct level *v, const struct line_key *k, bool add)
{
    struct buf text = { 0 };
    key_text(k, &text);
    struct line *l = map_get(&v->by_key, buf_str(&text));
    if (!l && add && v->by_key.n < v->most) l = make(v, k, buf_str(&text));
    buf_free(&text);
    return l;
}

struct series_cell *level_open(struct level *v, struct line *l, uint32_t at)
{
    if (l->open) return l->open;
    l->open = xcalloc(1, sizeof *l->open);
    l->open_at = at;
    vec_push(&v->open, l);
    return l->open;
}

/* ---- records ---- */

static struct head *at(const struct level *v, uint64_t position) { return (struct head *)(void *)(v->bytes + position % v->cap); }

/* The oldest record goes; its line with it when it was the last one. */
static void forget(struct level *v)
{
    size_t left = v->cap - (size_t)(v->tail % v->cap);
    const struct head *h = at(v, v->tail);
    if (left < sizeof *h || h->line == PADDING) {
        v->tail += left;
        return;
    }
    struct line *l = v->lines.v[h->line];
    uint64_t gone = v->tail;
    v->tail += h->size;
    v->forgets = true;
    if (l->last != gone) return;
    l->last = NO_RECORD;
    if (!l->open) drop(v, l);
}

/* Room for n bytes in one piece; returns its position. */
static uint64_t room(struct level *v, size_t n)
{
    size_t left = v->cap - (size_t)(v->head % v->cap);
    if (left < n) {
        while (v->head + left - v->tail > v->cap) forget(v);
        if (left >= sizeof(struct head)) *at(v, v->head) = (struct head){ .line = PADDING, .size = (uint32_t)left };
        v->head += left;
    }
    while (v->head + n - v->tail > v->cap) forget(v);
    v->head += n;
    return v->head - n;
}

static uint8_t *put(uint8_t *p, uint64_t n)
{
    for (; n >= 0x80; n >>= 7) *p++ = (uint8_t)(n | 0x80);
    *p++ = (uint8_t)n;
    return p;
}
static const uint8_t *get(const uint8_t *p, uint64_t *ret)
{
    uint64_t n = 0;
    unsigned shift = 0;
    for (; *p & 0x80; shift += 7) n |= (uint64_t)(*p++ & 0x7f) << shift;
    *ret = n | (uint64_t)*p << shift;
    return p + 1;
}

static size_t encode(const struct series_cell *c, uint8_t *to)
{
    uint8_t *p = to;
    p = put(p, c->requests);
    p = put(p, c->errors);
    p = put(p, c->rejected);
    p = put(p, c->sum_us);
    for (uint64_t i = 0, before = 0; i <= METRIC_TIMES; i++) {
        if (!c->bucket[i]) continue;
        p = put(p, i - before);
        p = put(p, c->bucket[i]);
        before = i;
    }
    return (size_t)(p - to);
}

static void write_record(struct level *v, struct line *l)
{
    uint8_t bytes[RECORD_MAX];
    size_t n = encode(l->open, bytes), size = (sizeof(struct head) + n + 3) & ~(size_t)3;
    /* Numbers are at least one byte, so zeros behind the last pair would read as one: they are told by `end` in level_record. */
    uint64_t position = room(v, size);
    uint64_t back = l->last == NO_RECORD ? 0 : position - l->last;
    *at(v, position) = (struct head){ l->number, l->open_at, back > UINT32_MAX ? 0 : (uint32_t)back, (uint32_t)size };
    memset((char *)at(v, position) + size - 4, 0, 4);
    memcpy(at(v, position) + 1, bytes, n);
    l->last = position;
    l->last_at = l->open_at;
}

void level_seal(struct level *v)
{
    vec_foreach (l, &v->open) {
        write_record(v, *l);
        free(TAKE((*l)->open, NULL));
    }
    v->open.n = 0;
}

bool level_record(const struct level *v, uint64_t position, uint32_t from, struct record *ret)
{
    if (position == NO_RECORD || position < v->tail) return false;
    const struct head *h = at(v, position);
    if (h->at < from) return false;
    *ret = (struct record){ .at = h->at,
                            .before = h->before ? position - h->before : NO_RECORD,
                            .p = (const uint8_t *)(h + 1),
                            .end = (const uint8_t *)h + h->size };
    return true;
}

void record_add(const struct record *r, struct series_cell *to)
{
    uint64_t n[4], i = 0;
    const uint8_t *p = r->p;
    for (int k = 0; k < 4; k++) p = get(p, &n[k]);
    to->requests += n[0];
    to->errors += n[1];
    to->rejected += n[2];
    to->sum_us += n[3];
    while (p + 1 < r->end) {
        uint64_t gap, count;
        p = get(p, &gap);
        p = get(p, &count);
        if (!count) break; /* the zeros that fill up */
        i += gap;
        to->bucket[MIN(i, (uint64_t)METRIC_TIMES)] += (uint32_t)count;
    }
}

uint32_t level_oldest(const struct level *v)
{
    uint64_t p = v->tail;
    while (p < v->head) {
        size_t left = v->cap - (size_t)(p % v->cap);
        const struct head *h = at(v, p);
        if (left >= sizeof *h && h->line != PADDING) return v->forgets ? h->at + v->step : h->at;
        p += left;
    }
    return UINT32_MAX;
}
