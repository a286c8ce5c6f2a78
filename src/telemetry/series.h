/* What proxies measured, as the release engine, the pages and the map ask for it: second by second for minutes, in steps of ten seconds
 * for about an hour, of a minute for about a day. Pure: no I/O, no clock; one thread.
 *
 * Memory is bounded by construction: each of the three levels is a ring of bytes in the order of time; when it is full the oldest record
 * goes, whoever it belongs to. So a large or busy mesh remembers less, and never costs more. Nothing costs anything while it is quiet.
 *
 *   series_add (as reports arrive) -> the open second -> series_tick seals it -> level 0
 *                                                         -> version of each request (config.version) -> levels 1 and 2
 *
 * Time is the receiver's clock: a report counts in the second in which it arrives, so a second is complete when it is over
 * (series_complete). Versions are resolved when a second is sealed and kept: what a pod did stays with its version when the pod is gone.
 *
 * What counts as an error, that is against the version that was asked:
 *   HTTP   5xx, which includes the proxies' own answers (no connection, reset, timeout: 503, 504)
 *   gRPC   UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS (those that Google's API errors map to 5xx and
 *          OpenTelemetry calls a server's error), whatever the HTTP status says
 * Rejected, not errors: HTTP 4xx and gRPC's other statuses (RESOURCE_EXHAUSTED is 429). Aborted: the caller went before there was a
 * status (code 0); in neither. Samples of failing requests are not here: proxies push numbers only. */
#ifndef WEFT_TELEMETRY_SERIES_H
#define WEFT_TELEMETRY_SERIES_H

#include "base/metric.h"
#include "base/str.h"

struct series_store;

struct series_config {
    size_t bytes[3]; /* of the levels' rings; 0: 24, 24 and 20 MiB. Pages that were never written cost nothing */
    size_t series;   /* most series of a level; 0: 100,000, 40,000 and 20,000 */
    /* The version that takes what goes to this endpoint: of a subset's cluster ("outbound|80|v2|HOST") the subset, else of the pod with
     * that address ("IP:PORT"; "unknown": no pod was reached). Empty: not known. Copied. NULL: never known. */
    struct str (*version)(void *ctx, struct str service, struct str cluster, struct str pod);
    /* Whether a pod that once reported is still there (series_silent). NULL: always. */
    bool (*exists)(void *ctx, struct str reporter, struct str instance);
    void *ctx;
};
struct series_store *series_new(const struct series_config *c);
void series_free(struct series_store *s);

/* ---- what arrives ---- */

/* Who asked whom, and how it went: one line of a report. */
struct series_key {
    struct str reporter; /* "NAMESPACE/WORKLOAD" that measured: the caller */
    struct str instance; /* which of its pods: "NAMESPACE/POD" */
    struct str service;  /* destination_service: the host, "web.shop.svc.cluster.local" */
    struct str cluster;  /* that took it: the subset */
    struct str pod;      /* the endpoint's address; "unknown": none was reached */
    uint8_t code_class;  /* 1...5 of the response code; 0: none */
    int8_t grpc;         /* grpc status; -1: no gRPC */
};
bool series_is_error(const struct series_key *k);
bool series_is_rejected(const struct series_key *k);

/* Numbers of one or more seconds. Buckets: metric_times_ms, not cumulative, last +Inf; requests whose time is not known are in none. */
struct series_cell {
    uint64_t requests, errors, rejected;
    uint64_t sum_us;
    uint32_t bucket[METRIC_TIMES + 1];
};
/* The q-quantile in ms, between the bounds of its bucket; NAN when there are no times. */
double series_quantile(const struct series_cell *c, double q);
void series_cell_add(struct series_cell *to, const struct series_cell *from);

/* The cell of this key in the open second, to add requests, times and sum_us to (errors and rejected follow from the key); valid until the
 * next call. now: seconds since 1970; earlier than before counts as before, later seals what was open. NULL: too many series. */
struct series_cell *series_add(struct series_store *s, const struct series_key *k, uint32_t now);
/* Seals the seconds before now. At least once a second. */
void series_tick(struct series_store *s, uint32_t now);

/* A proxy reports: a message came (also an empty one), or its stream opened or ended. */
void series_heard(struct series_store *s, struct str reporter, struct str instance, uint32_t now);
void series_stream(struct series_store *s, struct str reporter, struct str instance, bool open, uint32_t now);

/* ---- questions ---- */

/* The newest second that is complete; 0: none yet. */
uint32_t series_complete(const struct series_store *s);
/* The oldest second that a level (0, 1, 2) still holds; UINT32_MAX: none. */
uint32_t series_oldest(const struct series_store *s, int level);

/* What rows are told apart by. POD, INSTANCE and CODE only as far back as seconds reach, CALLER as far as ten seconds do. */
enum series_by {
    SERIES_BY_SERVICE = 1,
    SERIES_BY_VERSION = 2,
    SERIES_BY_CALLER = 4,
    SERIES_BY_INSTANCE = 8,
    SERIES_BY_POD = 16,
    SERIES_BY_CODE = 32,
};
struct series_query {
    struct str service; /* empty: all of them (the map: BY_CALLER | BY_SERVICE | BY_VERSION) */
    struct str caller;  /* reporter; empty: all */
    unsigned by;        /* enum series_by */
    uint32_t from, to;  /* seconds, both included; to later than series_complete is as that */
    uint32_t step;      /* series_steps: seconds */
};
/* Fields that rows are not told apart by are empty, 0 and -2. */
struct series_row {
    struct str service, version, caller, instance, pod, cluster; /* version empty: not known. cluster: with pod */
    uint8_t code_class;
    int8_t grpc;
    uint32_t at, seconds; /* the row's time: its first second, and how many */
    struct series_cell cell;
};
typedef void series_fn(void *ctx, const struct series_row *row);

/* One row for each group that had requests in the time, ordered by service, version, caller, instance, pod. The finest level that
 * reaches back to `from` answers, for long times and for all services over half a minute a coarser one; those round `from` down to their
 * steps (row.at, row.seconds say so). */
void series_sum(const struct series_store *s, const struct series_query *q, series_fn *fn, void *ctx);
/* The same, a row for each step that had requests: group by group, oldest first; at is a multiple of the step. Steps without requests
 * have no row: they are gaps, not zeros. Returns the step: q->step, or the level's when that is coarser. */
uint32_t series_steps(const struct series_store *s, const struct series_query *q, series_fn *fn, void *ctx);
/* Each second of each series of the service as it was measured, from...to (seconds, both included), for the statistics; each once when the
 * caller goes on from series_complete() + 1 of the last time. Rows with all fields; only seconds that level 0 still holds. */
void series_seconds(const struct series_store *s, struct str service, uint32_t from, uint32_t to, series_fn *fn, void *ctx);

/* Proxies that sent requests to the service within the last `within` seconds and have not been heard of for 3 seconds though their pod is
 * still there: what is known of the service has holes ("held: no data"). Returns how many; calls fn (may be NULL) for each. */
struct series_reporter {
    struct str reporter, instance;
    uint32_t heard;   /* second of the last message */
    unsigned streams; /* open ones */
};
size_t series_silent(const struct series_store *s, struct str service, uint32_t within, uint32_t now,
                     void (*fn)(void *ctx, const struct series_reporter *r), void *ctx);
/* Whether any (instance empty) or this pod of the workload was heard of within 3 seconds, or (a foreign Envoy) has its stream open and was
 * heard of within 15. */
bool series_alive(const struct series_store *s, struct str reporter, struct str instance, uint32_t now);
void series_reporters(const struct series_store *s, void (*fn)(void *ctx, const struct series_reporter *r), void *ctx);

/* For weftd's own metrics. */
struct series_counts {
    size_t series[3], bytes[3]; /* in use */
    uint64_t added, refused;    /* lines taken; that found no room among the series */
    size_t reporters;
};
struct series_counts series_counts(const struct series_store *s);

#endif
