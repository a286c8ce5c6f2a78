/* What a receiver of measurements does not have yet: a table of series with what was last taken of each, and the messages of Envoy's
 * MetricsService made from the difference. Pure: no I/O, no clock. One thread; the cells are written by others (relaxed reads).
 *
 * A round: families_begin; then, as long as families_message gives one: send it, and say families_taken when the receiver has it or
 * families_lost when that will never be known. What is not taken stays in the difference, so it comes with a later round. */
#ifndef WEFT_TELEMETRY_FAMILIES_H
#define WEFT_TELEMETRY_FAMILIES_H

#include "base/buf.h"
#include "base/metric.h"

struct Envoy__Config__Core__V3__Node;

struct families;
struct telemetry_labels;

/* One cell of one series. Cells with the same name and labels (one per worker) are added up. */
struct telemetry_series {
    const char *name;                         /* of the family; must outlive the table */
    const metric_counter *counter;            /* one of the three; must outlive the table, and its address stands for name and labels: */
    const struct metric_histogram *histogram; /* those are asked for only once */
    const struct metric_times *times;         /* a histogram; of its bounds only those around requests are sent */
    void (*labels)(const struct telemetry_series *s, struct telemetry_labels *to);
    const void *ctx; /* for labels */
};
/* Adds a label, copied; for telemetry_series.labels. Values are cut at TELEMETRY_VALUE_MAX bytes; what is no UTF-8 becomes '?'. */
void telemetry_label(struct telemetry_labels *to, const char *name, struct str value);
enum { TELEMETRY_LABELS_MAX = 48, TELEMETRY_VALUE_MAX = 512 };

struct families_options {
    bool deltas;    /* counters as what was added since the last message taken; else their values. Histograms are always the
                     * difference, as Envoy sends them */
    uint32_t batch; /* families per message, 0: no limit */
    size_t bytes;   /* a message is not begun with more than that behind it; 0: 1 MiB */
};
struct families *families_new(const struct families_options *o);
void families_free(struct families *f);

/* Makes a cell known; nothing when it is. */
void families_add(struct families *f, const struct telemetry_series *s);
/* The receiver is a new one: counters that are sent as values come anew, changed or not. */
void families_stream(struct families *f);
/* A round from the first series on. now_ms: of the wall clock, for timestamps. */
void families_begin(struct families *f, int64_t now_ms);
/* The next packed StreamMetricsMessage, appended to out; false: nothing (more) has changed. One metric per family, as Envoy; series
 * that never counted anything are left out. */
bool families_message(struct families *f, struct buf *out);
/* What became of the last message. */
void families_taken(struct families *f);
void families_lost(struct families *f);
/* The message that says who sends, the first of a stream; without metrics. */
void families_hello(struct Envoy__Config__Core__V3__Node *node, struct buf *out);
/* Series known. */
size_t families_count(const struct families *f);

#endif
