/* How weftd itself does, for GET /metrics: calls by way and status and how long they took, what translation takes, how late the loop is.
 * One per controller, on its loop. What others count (the store, xDS, measurements) is asked of them when the text is written
 * (weft/health.c). */
#ifndef WEFT_API_STATS_H
#define WEFT_API_STATS_H

#include "base/buf.h"
#include "base/metric.h"
#include "net/loop.h"
#include "translate/translate.h"

struct stats;

struct stats *stats_new(struct loop *l);
void stats_free(struct stats *s);

/* A call was answered. route: the way as the table of calls has it ("/weft/v1/projects/{p}"), not the path: few different ones. Streams are
 * counted when they begin, and their duration is not (us UINT64_MAX). */
void stats_call(struct stats *s, struct str method, struct str route, int status, uint64_t us);
/* Resources of one type were made for one proxy. */
void stats_translated(struct stats *s, enum tr_type t, uint64_t us);
/* Prometheus' text. */
void stats_write(const struct stats *s, struct buf *out);
/* All of weftd's metrics, these among them, and their content type. In weft/health.c. */
struct controller;
void stats_text(struct controller *c, struct buf *out);
#define STATS_TYPE "text/plain; version=0.0.4"
/* A histogram of seconds with Prometheus' usual bounds; labels as `a="b",` or "". */
void stats_histogram(struct buf *out, const char *name, const char *labels, const struct metric_times *h);

#endif
