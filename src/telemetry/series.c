/* The series' store: the open second, its sealing into the levels, and who reports. Questions: series_query.c. */
#include "telemetry/series_inside.h"

#include "base/buf.h"

#define BYTES_0       ((size_t)24 << 20)
#define BYTES_1       ((size_t)24 << 20)
#define BYTES_2       ((size_t)20 << 20)
#define REPORTERS_MAX 20000
enum { VERSION_S = 10, UNKNOWN_S = 2, PRUNE_S = 60, REMEMBERED_S = 900, SHARE = 8 };

/* ---- what counts as what ---- */

bool series_is_error(const struct series_key *k)
{
    static const bool grpc[17] = { [2] = true, [4] = true, [12] = true, [13] = true, [14] = true, [15] = true };
    return k->grpc >= 0 ? k->grpc <= 16 && grpc[k->grpc] : k->code_class == 5;
}

bool series_is_rejected(const struct series_key *k) { return k->grpc >= 0 ? k->grpc > 0 && !series_is_error(k) : k->code_class == 4; }

void series_cell_add(struct series_cell *to, const struct series_cell *from)
{
    to->requests += from->requests;
    to->errors += from->errors;
    to->rejected += from->rejected;
    to->sum_us += from->sum_us;
    for (int i = 0; i <= METRIC_TIMES; i++) to->bucket[i] += from->bucket[i];
}

/* ---- life ---- */

static void line_dropped(struct line *l)
{
    if (l->by) l->by->lines--;
}

struct series_store *series_new(const struct series_config *c)
{
    static const size_t bytes[3] = { BYTES_0, BYTES_1, BYTES_2 }, most[3] = { 40000, 20000, 10000 };
    static const uint32_t step[3] = { 1, 10, 60 };
    struct series_store *s = xcalloc(1, sizeof *s);
    s->c = *c;
    for (int i = 0; i < 3; i++) {
        size_t lines = c->series ? MAX(c->series >> i, (size_t)1) : most[i];
        level_init(&s->level[i], c->bytes[i] ? c->bytes[i] : bytes[i], lines, step[i]);
    }
    s->level[0].dropped = line_dropped;
    return s;
}

static void free_reporter(void *p)
{
    struct reporter *r = p;
    free((char *)(uintptr_t)r->r.reporter.p);
    free((char *)(uintptr_t)r->r.instance.p);
    free(r);
}

void series_free(struct series_store *s)
{
    if (!s) return;
    for (int i = 0; i < 3; i++) level_free(&s->level[i]);
    map_free(&s->reporters, free_reporter);
    free(s);
}

/* ---- who reports ---- */

struct reporter *series_reporter_of(const struct series_store *s, struct str reporter, struct str instance)
{
    struct buf key = { 0 };
    (void)buf_str_append(&key, reporter);
    (void)buf_append(&key, "", 1);
    (void)buf_str_append(&key, instance);
    struct reporter *r = map_get(&s->reporters, buf_str(&key));
    buf_free(&key);
    return r;
}

static struct reporter *reporter_make(struct series_store *s, struct str reporter, struct str instance)
{
    struct reporter *r = series_reporter_of(s, reporter, instance);
    if (r || s->reporters.n >= REPORTERS_MAX) return r;
    struct buf key = { 0 };
    (void)buf_str_append(&key, reporter);
    (void)buf_append(&key, "", 1);
    (void)buf_str_append(&key, instance);
    r = xcalloc(1, sizeof *r);
    r->r.reporter = (struct str){ str_dup(reporter), reporter.n };
    r->r.instance = (struct str){ str_dup(instance), instance.n };
    map_put(&s->reporters, buf_str(&key), r);
    buf_free(&key);
    return r;
}

void series_heard(struct series_store *s, struct str reporter, struct str instance, uint32_t now)
{
    struct reporter *r = reporter_make(s, reporter, instance);
    if (r) r->r.heard = MAX(r->r.heard, now);
}

void series_stream(struct series_store *s, struct str reporter, struct str instance, bool open, uint32_t now)
{
    struct reporter *r = reporter_make(s, reporter, instance);
    if (!r) return;
    if (open) {
        r->r.streams++;
        r->r.heard = MAX(r->r.heard, now);
    } else if (r->r.streams)
        r->r.streams--;
}

/* Who has no stream, was not heard of for long and is in no line any more. */
static void prune(struct series_store *s, uint32_t now)
{
    s->pruned = now;
    map_foreach (e, &s->reporters) {
        struct reporter *r = e->value;
        if (r->r.streams || r->lines || r->r.heard + REMEMBERED_S > now) continue;
        map_remove(&s->reporters, map_key(e));
        free_reporter(r);
    }
}

/* ---- what arrives ---- */

struct series_cell *series_add(struct series_store *s, const struct series_key *k, uint32_t now)
{
    series_tick(s, now);
    const struct line_key key = { .service = k->service,
                                  .reporter = k->reporter,
                                  .instance = k->instance,
                                  .cluster = k->cluster,
                                  .pod = k->pod,
                                  .code_class = k->code_class,
                                  .grpc = k->grpc };
    struct line *l = level_line(&s->level[0], &key, false);
    if (!l) {
        struct reporter *r = reporter_make(s, k->reporter, k->instance);
        if (r && r->lines < MAX(s->level[0].most / SHARE, (size_t)1)) l = level_line(&s->level[0], &key, true);
        if (l) {
            l->by = r;
            r->lines++;
        }
    }
    if (!l) {
        s->refused++;
        return NULL;
    }
    s->added++;
    return level_open(&s->level[0], l, s->now);
}

/* The version of a line, asked for anew now and then: Traffic's versions may change. */
static struct str version_of(struct series_store *s, struct line *l)
{
    uint32_t age = s->now - l->version_at;
    if (s->c.version && (!l->version_at || age >= (l->version ? VERSION_S : UNKNOWN_S))) {
        struct str v = s->c.version(s->c.ctx, l->k.service, l->k.cluster, l->k.pod);
        if (v.n && !(l->version && str_eqc(v, l->version))) {
            free(l->version);
            l->version = str_dup(v);
        }
        l->version_at = s->now;
    }
    return str_of(l->version);
}

/* Into the coarser levels; those cells were begun in the same step, or are sealed before. */
static void roll_up(struct series_store *s, struct line *l)
{
    struct line_key k = { .service = l->k.service, .version = version_of(s, l), .reporter = l->k.reporter };
    for (int i = 1; i < 3; i++) {
        struct level *v = &s->level[i];
        if (i == 2) k.reporter = (struct str){ 0 };
        struct line *to = level_line(v, &k, true);
        if (to)
            series_cell_add(level_open(v, to, l->open_at - l->open_at % v->step), l->open);
        else
            s->refused++;
    }
}

static void seal(struct series_store *s, uint32_t second)
{
    for (int i = 1; i < 3; i++)
        if (second / s->level[i].step != s->rolled / s->level[i].step) level_seal(&s->level[i]);
    s->rolled = second;
    vec_foreach (l, &s->level[0].open) {
        struct series_cell *c = (*l)->open;
        const struct series_key k = { .code_class = (*l)->k.code_class, .grpc = (*l)->k.grpc };
        if (series_is_error(&k)) c->errors = c->requests;
        if (series_is_rejected(&k)) c->rejected = c->requests;
        roll_up(s, *l);
    }
    level_seal(&s->level[0]);
}

void series_tick(struct series_store *s, uint32_t now)
{
    if (now <= s->now) return;
    if (s->now) {
        seal(s, s->now);
        s->complete = now - 1;
    }
    s->now = now;
    if (now - s->pruned >= PRUNE_S) prune(s, now);
}

uint32_t series_complete(const struct series_store *s) { return s->complete; }
uint32_t series_oldest(const struct series_store *s, int level)
{
    return level >= 0 && level < 3 ? level_oldest(&s->level[level]) : UINT32_MAX;
}

struct series_counts series_counts(const struct series_store *s)
{
    struct series_counts c = { .added = s->added, .refused = s->refused, .reporters = s->reporters.n };
    for (int i = 0; i < 3; i++) {
        c.series[i] = s->level[i].by_key.n;
        c.bytes[i] = (size_t)(s->level[i].head - s->level[i].tail);
    }
    return c;
}
