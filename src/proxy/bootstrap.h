/* The bootstrap: an Envoy-style file (YAML or JSON) with node, admin address, static resources, where xDS comes from, and
 * where measurements go. What we do not support in it is refused by name and place: a static file must not be half obeyed. */
#ifndef WEFT_PROXY_BOOTSTRAP_H
#define WEFT_PROXY_BOOTSTRAP_H

#include "net/addr.h"
#include "pb/pb.h"

struct Envoy__Config__Bootstrap__V3__Bootstrap;
struct Envoy__Config__Core__V3__Node;

/* A MetricsService sink (stats_sinks). */
struct bootstrap_sink {
    struct str cluster;   /* whose endpoints take the stream: static, plain text */
    struct str authority; /* the cluster's name unless given */
    bool deltas;          /* counters as deltas since the last report */
    uint32_t batch;       /* most families of a message; 0: no limit */
};

struct bootstrap {
    struct arena arena;
    struct pb_positions positions;
    struct Envoy__Config__Bootstrap__V3__Bootstrap *msg;
    struct Envoy__Config__Core__V3__Node *node; /* never NULL */
    bool has_admin;
    struct addr admin;
    bool has_ads;
    bool ads_delta; /* DELTA_GRPC; else state of the world */
    struct str ads_cluster;
    bool lds, cds;             /* listeners, clusters by ADS */
    uint64_t initial_fetch_ms; /* of lds/cds; UINT64_MAX: default; 0: wait for ever */
    struct bootstrap_sink *sinks;
    size_t n_sinks;
    uint64_t flush_ms; /* stats_flush_interval, 5000 unless set */
};

/* Command line: --service-node, --service-cluster, --service-zone; NULL leaves the file's. */
struct bootstrap_node {
    const char *id, *cluster, *zone;
};

/* Reads a file ("-": standard input). NULL when errs has errors. node may be NULL. */
struct bootstrap *bootstrap_read(const char *path, const struct bootstrap_node *node, struct errs *errs);
/* The same from text; name stands in errors and must outlive them. */
struct bootstrap *bootstrap_parse(struct str text, const char *name, const struct bootstrap_node *node, struct errs *errs);
void bootstrap_free(struct bootstrap *b);

#endif
