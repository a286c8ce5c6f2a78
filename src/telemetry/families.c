#include "telemetry/families.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"

#include "envoy.service.metrics.v3.pb-c.h"

#define BYTES_DEFAULT ((size_t)1 << 20)

typedef Io__Prometheus__Client__LabelPair Label;
typedef Io__Prometheus__Client__Metric Metric;
typedef Io__Prometheus__Client__MetricFamily Family;

/* Equal labels are held once: a request counts in four families. */
struct label_set {
    Label **labels;
    size_t n;
};

struct telemetry_labels {
    Label v[TELEMETRY_LABELS_MAX];
    size_t n;
    struct arena *arena;
};

/* What a cell is: a histogram's numbers are its buckets, +Inf among them, then the sum. */
static const struct shape {
    const double *bounds;
    size_t n; /* bounds; 0: a counter */
    bool sparse;
} counter_shape = { 0 }, histogram_shape = { metric_bounds, METRIC_BUCKETS, false }, times_shape = { metric_times_ms, METRIC_TIMES, true };
enum { NUMBERS = METRIC_TIMES + 2 };
static_assert(NUMBERS >= METRIC_BUCKETS + 2, "an offer holds either");
static_assert(offsetof(struct metric_times, sum_us) == sizeof(metric_counter) * (METRIC_TIMES + 1), "numbers in a row");
static_assert(offsetof(struct metric_histogram, sum_us) == sizeof(metric_counter) * (METRIC_BUCKETS + 1), "numbers in a row");

static size_t numbers(const struct shape *s) { return s->n ? s->n + 2 : 1; }

struct record {
    const char *name;
    const struct shape *shape;
    bool known; /* the receiver had a value of it in this stream */
    const struct label_set *labels;
    VEC(const metric_counter *) cells; /* the first number of each */
    uint64_t taken[];                  /* numbers(shape) */
};

struct offer {
    struct record *r;
    uint64_t now[NUMBERS];
};

struct families {
    struct families_options o;
    struct arena arena; /* label sets */
    struct map sets;    /* labels as text -> struct label_set */
    struct map by_name; /* family, label set -> struct record */
    struct map by_cell; /* address of a cell -> struct record */
    VEC(struct record *) records;
    size_t next; /* of records, in this round */
    int64_t now_ms;
    VEC(struct offer) offers; /* of the last message */
};

struct families *families_new(const struct families_options *o)
{
    struct families *f = xcalloc(1, sizeof *f);
    f->o = *o;
    if (!f->o.bytes) f->o.bytes = BYTES_DEFAULT;
    arena_init(&f->arena, 4096, 0);
    return f;
}

void families_free(struct families *f)
{
    if (!f) return;
    vec_foreach (r, &f->records) {
        vec_free(&(*r)->cells);
        free(*r);
    }
    vec_free(&f->records);
    vec_free(&f->offers);
    map_free(&f->sets, NULL);
    map_free(&f->by_name, NULL);
    map_free(&f->by_cell, NULL);
    arena_free(&f->arena);
    free(f);
}

size_t families_count(const struct families *f) { return f->records.n; }

/* ---- labels ---- */

/* Bytes of the UTF-8 sequence at p; 0: none. Overlong forms and surrogates are told by the second byte (RFC 3629). */
static size_t utf8(const uint8_t *p, size_t n)
{
    if (p[0] < 0x80) return 1;
    size_t len = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    if (!len || len > n) return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

void telemetry_label(struct telemetry_labels *to, const char *name, struct str value)
{
    if (oops(to->n == TELEMETRY_LABELS_MAX)) return;
    value = str_first(value, TELEMETRY_VALUE_MAX);
    char *text = arena_strndup(to->arena, value.p, value.n);
    for (size_t i = 0, len; i < value.n; i += MAX(len, (size_t)1)) {
        len = text[i] ? utf8((uint8_t *)text + i, value.n - i) : 0;
        if (!len) text[i] = '?';
    }
    Label *l = &to->v[to->n++];
    io__prometheus__client__label_pair__init(l);
    l->name = arena_strndup(to->arena, name, strlen(name));
    l->value = text;
}

static const struct label_set *copy_set(struct families *f, const struct telemetry_labels *from)
{
    struct label_set *set = arena_new(&f->arena, struct label_set);
    set->labels = arena_array(&f->arena, Label *, from->n + 1);
    for (size_t i = 0; i < from->n; i++) {
        Label *l = arena_new(&f->arena, Label);
        *l = from->v[i];
        l->name = arena_strndup(&f->arena, l->name, strlen(l->name));
        l->value = arena_strndup(&f->arena, l->value, strlen(l->value));
        set->labels[set->n++] = l;
    }
    return set;
}

static const struct label_set *label_set(struct families *f, const struct telemetry_series *s)
{
    struct arena a;
    struct buf key = { 0 };
    arena_init(&a, 4096, 0);
    struct telemetry_labels *labels = arena_new(&a, struct telemetry_labels);
    labels->arena = &a;
    if (s->labels) s->labels(s, labels);
    for (size_t i = 0; i < labels->n; i++) {
        (void)buf_append(&key, labels->v[i].name, strlen(labels->v[i].name) + 1);
        (void)buf_append(&key, labels->v[i].value, strlen(labels->v[i].value) + 1);
    }
    const struct label_set *set = map_get(&f->sets, buf_str(&key));
    if (!set) {
        set = copy_set(f, labels);
        map_put(&f->sets, buf_str(&key), (void *)(uintptr_t)set);
    }
    buf_free(&key);
    arena_free(&a);
    return set;
}

/* ---- series ---- */

static const struct shape *shape_of(const struct telemetry_series *s)
{
    return s->times ? &times_shape : s->histogram ? &histogram_shape : &counter_shape;
}

static const metric_counter *cell_of(const struct telemetry_series *s)
{
    return s->times ? s->times->bucket : s->histogram ? s->histogram->bucket : s->counter;
}

static struct record *record_for(struct families *f, const struct telemetry_series *s)
{
    const struct label_set *set = label_set(f, s);
    struct buf key = { 0 };
    (void)buf_append(&key, &set, sizeof set);
    (void)buf_puts(&key, s->name);
    struct record *r = map_get(&f->by_name, buf_str(&key));
    if (!r) {
        r = xcalloc(1, sizeof *r + sizeof r->taken[0] * numbers(shape_of(s)));
        r->name = s->name;
        r->shape = shape_of(s);
        r->labels = set;
        map_put(&f->by_name, buf_str(&key), r);
        vec_push(&f->records, r);
    }
    buf_free(&key);
    return r;
}

void families_add(struct families *f, const struct telemetry_series *s)
{
    const metric_counter *cell = cell_of(s);
    struct str key = str_make(&cell, sizeof cell);
    if (map_get(&f->by_cell, key)) return;
    struct record *r = record_for(f, s);
    if (oops(r->shape != shape_of(s))) return;
    vec_push(&r->cells, cell);
    map_put(&f->by_cell, key, r);
}

static void read_now(const struct record *r, uint64_t now[NUMBERS])
{
    size_t n = numbers(r->shape);
    memset(now, 0, sizeof now[0] * n);
    vec_foreach (cell, &r->cells) {
        for (size_t i = 0; i < n; i++) now[i] += metric_get(&(*cell)[i]);
    }
}

static bool changed(const struct families *f, const struct record *r, const uint64_t now[NUMBERS])
{
    if (!r->shape->n) return now[0] != r->taken[0] || (!f->o.deltas && !r->known && now[0]);
    return memcmp(now, r->taken, sizeof now[0] * numbers(r->shape)) != 0;
}

/* ---- messages ---- */

/* A bound is needed when there were requests in the bucket below or above it. */
static bool wanted(const struct record *r, const uint64_t now[NUMBERS], size_t i)
{
    return !r->shape->sparse || now[i] != r->taken[i] || now[i + 1] != r->taken[i + 1];
}

static Io__Prometheus__Client__Histogram *histogram(const struct record *r, const uint64_t now[NUMBERS], struct arena *a)
{
    size_t n = r->shape->n;
    Io__Prometheus__Client__Histogram *h = arena_new(a, Io__Prometheus__Client__Histogram);
    io__prometheus__client__histogram__init(h);
    h->bucket = arena_array(a, Io__Prometheus__Client__Bucket *, n);
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += now[i] - r->taken[i];
        if (!wanted(r, now, i)) continue;
        Io__Prometheus__Client__Bucket *b = arena_new(a, Io__Prometheus__Client__Bucket);
        io__prometheus__client__bucket__init(b);
        b->has_cumulative_count = b->has_upper_bound = true;
        b->cumulative_count = sum;
        b->upper_bound = r->shape->bounds[i];
        h->bucket[h->n_bucket++] = b;
    }
    h->has_sample_count = h->has_sample_sum = true;
    h->sample_count = sum + now[n] - r->taken[n];
    h->sample_sum = (double)(now[n + 1] - r->taken[n + 1]) / 1000.0;
    return h;
}

static Family *family(const struct families *f, const struct record *r, const uint64_t now[NUMBERS], struct arena *a)
{
    Family *m = arena_new(a, Family);
    Metric *metric = arena_new(a, Metric);
    io__prometheus__client__metric_family__init(m);
    io__prometheus__client__metric__init(metric);
    m->name = (char *)(uintptr_t)r->name;
    m->has_type = true;
    m->type = r->shape->n ? IO__PROMETHEUS__CLIENT__METRIC_TYPE__HISTOGRAM : IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER;
    m->metric = arena_array(a, Metric *, 1);
    m->metric[m->n_metric++] = metric;
    metric->label = r->labels->labels;
    metric->n_label = r->labels->n;
    metric->has_timestamp_ms = true;
    metric->timestamp_ms = f->now_ms;
    if (r->shape->n) {
        metric->histogram = histogram(r, now, a);
        return m;
    }
    metric->counter = arena_new(a, Io__Prometheus__Client__Counter);
    io__prometheus__client__counter__init(metric->counter);
    metric->counter->has_value = true;
    metric->counter->value = (double)(now[0] - (f->o.deltas ? r->taken[0] : 0));
    return m;
}

void families_stream(struct families *f)
{
    vec_foreach (r, &f->records) (*r)->known = false;
}

void families_begin(struct families *f, int64_t now_ms)
{
    f->next = 0;
    f->now_ms = now_ms;
    f->offers.n = 0;
}

static void pack(const Envoy__Service__Metrics__V3__StreamMetricsMessage *m, struct buf *out)
{
    char *to = buf_reserve(out, envoy__service__metrics__v3__stream_metrics_message__get_packed_size(m));
    if (to) buf_added(out, envoy__service__metrics__v3__stream_metrics_message__pack(m, (uint8_t *)to));
}

void families_hello(struct Envoy__Config__Core__V3__Node *node, struct buf *out)
{
    Envoy__Service__Metrics__V3__StreamMetricsMessage msg = ENVOY__SERVICE__METRICS__V3__STREAM_METRICS_MESSAGE__INIT;
    Envoy__Service__Metrics__V3__StreamMetricsMessage__Identifier id =
        ENVOY__SERVICE__METRICS__V3__STREAM_METRICS_MESSAGE__IDENTIFIER__INIT;
    id.node = node;
    msg.identifier = &id;
    pack(&msg, out);
}

bool families_message(struct families *f, struct buf *out)
{
    struct arena a;
    VEC(Family *) list = { 0 };
    size_t bytes = 0;
    arena_init(&a, 16384, 0);
    f->offers.n = 0;
    for (; f->next < f->records.n && bytes < f->o.bytes && (!f->o.batch || list.n < f->o.batch); f->next++) {
        struct offer offer = { .r = f->records.v[f->next] };
        read_now(offer.r, offer.now);
        if (!changed(f, offer.r, offer.now)) continue;
        Family *m = family(f, offer.r, offer.now, &a);
        bytes += io__prometheus__client__metric_family__get_packed_size(m);
        vec_push(&list, m);
        vec_push(&f->offers, offer);
    }
    bool any = list.n > 0;
    if (any) {
        Envoy__Service__Metrics__V3__StreamMetricsMessage msg = ENVOY__SERVICE__METRICS__V3__STREAM_METRICS_MESSAGE__INIT;
        msg.envoy_metrics = list.v;
        msg.n_envoy_metrics = list.n;
        pack(&msg, out);
    }
    vec_free(&list);
    arena_free(&a);
    return any;
}

void families_taken(struct families *f)
{
    vec_foreach (o, &f->offers) {
        memcpy(o->r->taken, o->now, sizeof o->now[0] * numbers(o->r->shape));
        o->r->known = true;
    }
    f->offers.n = 0;
}

void families_lost(struct families *f) { f->offers.n = 0; }
