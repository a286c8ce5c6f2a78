/* The data path's threads. Each worker has its own loop, listening sockets (SO_REUSEPORT), connections, upstream pools and
 * counters; nothing on a request's way locks. Configuration comes as an immutable snapshot by mail, between two turns. */
#ifndef WEFT_PROXY_WORKER_H
#define WEFT_PROXY_WORKER_H

#include "base/rng.h"
#include "net/loop.h"
#include "proxy/snapshot.h"
#include "proxy/stats.h"

/* Who we are, for metrics and the requests that we send: node id and metadata of the bootstrap. Strings are not owned and
 * live as long as the workers. */
struct identity {
    struct str id, cluster;
    struct str workload, namespace, app, version, canonical_name, canonical_revision, mesh_cluster, principal;
    bool gateway; /* node type router: reports as a caller only */
    bool listeners_by_xds;
};

struct workers_options {
    unsigned concurrency;     /* 0: one per CPU that we may use */
    uint32_t mark;            /* SO_MARK of upstream sockets where the cluster says nothing; 0: none */
    uint32_t max_connections; /* downstream, over all workers; 0: 50000 */
    uint64_t drain_ms;        /* how long old listeners drain and `connection: close` is rolled; 0: 600 s */
    struct identity identity;
};

struct workers; /* all of them */

struct workers *workers_new(const struct workers_options *o, struct err *e);
/* Starts the threads. Before that workers_publish may be called already. */
int workers_start(struct workers *ws, struct err *e);
/* Serves from s from now on; takes references of its own. Opens the sockets of new listeners for all workers first; an address that
 * cannot be bound is in *e (-EADDRINUSE ...), all else works nevertheless. Control thread. */
int workers_publish(struct workers *ws, struct snapshot *s, struct err *e);
/* Draining starts (healthcheck/fail, drain_listeners, SIGTERM): each answer says `connection: close` or GOAWAY, with growing
 * probability over drain_ms when gradual, else at once. `close`: listening sockets are closed too. inbound_only: those with
 * direction INBOUND. Control thread. */
void workers_drain(struct workers *ws, bool gradual, bool close, bool inbound_only);
/* healthcheck/ok after healthcheck/fail: as if nothing was (closed listeners stay closed). */
void workers_undrain(struct workers *ws);
/* Downstream connections now open. Any thread. */
uint64_t workers_connections(const struct workers *ws);
/* Ends the threads and frees all. */
void workers_free(struct workers *ws);

unsigned workers_count(const struct workers *ws);
struct stats *workers_stats(struct workers *ws);
const struct identity *workers_identity(const struct workers *ws);
/* Our first address that is not loopback: what x-forwarded-for shows for clients on this machine. */
const char *workers_local_ip(const struct workers *ws);

/* ---- inside the data path ---- */

/* A snapshot as one worker holds it: streams begun under it are users; plain counts. */
struct holder {
    struct snapshot *s;
    unsigned users;
};

struct wcluster;
struct stream;
struct log_file;

struct worker {
    struct workers *all;
    unsigned id;
    struct loop *loop;
    struct rng rng;
    struct holder *now;
    char *rbuf;            /* one read of any connection; RBUF bytes */
    char *pbuf;            /* plaintext of one TLS read; PBUF bytes, made at first use */
    struct link conns;     /* downstream connections */
    struct link bound;     /* listening sockets */
    struct link clusters;  /* struct wcluster in use */
    struct link logs;      /* struct log_file */
    struct map by_address; /* listeners of the snapshot by raw address */
    struct stream *free_streams;
    unsigned n_free_streams;
    struct map cells;            /* "http\0prefix" -> struct cells * */
    struct map series;           /* istio_* metrics: key -> struct series * */
    pthread_mutex_t series_lock; /* guards series against readers; the worker takes it to add one only */
    struct timer second;
    char date[32]; /* of this second */
    uint64_t date_ms;
    int64_t wall_offset_ms; /* wall clock minus monotonic, refreshed each second */
    uint64_t drain_from_ms; /* 0: not draining */
    bool drain_now;
    uint64_t next_id;
    pthread_t thread;
    bool started;
};

#define RBUF (256u << 10)
#define PBUF (64u << 10)

static inline uint64_t now_ms(const struct worker *w) { return loop_now_ms(w->loop); }
static inline struct holder *holder_use(struct holder *h)
{
    h->users++;
    return h;
}
void holder_drop(struct holder *h);
const struct workers_options *workers_options(const struct workers *ws);
/* Counters of this worker in a scope; kept by the caller. */
struct cells *worker_cells(struct worker *w, enum scope_kind kind, struct str name);
/* A connection comes and goes; false: there are too many. */
bool worker_may_accept(struct worker *w);
void worker_conn_closed(struct worker *w);
/* Whether an answer that leaves now should ask the peer to go: draining, with growing probability. */
bool worker_drains(struct worker *w);
/* Does something to each worker on its own thread. */
void workers_each(struct workers *ws, void (*fn)(struct worker *w, void *arg), void *arg);
struct worker *workers_get(struct workers *ws, unsigned i);

#endif
