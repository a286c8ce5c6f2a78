/* Reading and checking a bootstrap. */
#include "proxy/bootstrap.h"

#include "proxy/build.h"

#include "envoy.config.bootstrap.v3.pb-c.h"
#include "envoy.config.metrics.v3.pb-c.h"

#include <fcntl.h>
#include <unistd.h>

typedef Envoy__Config__Bootstrap__V3__Bootstrap Bootstrap;
typedef Envoy__Config__Core__V3__ConfigSource ConfigSource;
typedef Envoy__Config__Core__V3__ApiConfigSource ApiConfigSource;
typedef Envoy__Config__Core__V3__GrpcService GrpcService;

static struct err *refuse(struct bootstrap *b, struct errs *errs, const void *slot, const char *what)
{
    return errs_add(errs, pb_where(&b->positions, slot), -EINVAL, "%s", what);
}

/* The cluster of an envoy_grpc service. */
static struct str grpc_cluster(const GrpcService *g)
{
    if (!g || g->target_specifier_case != ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__TARGET_SPECIFIER_ENVOY_GRPC) return STR("");
    return str_of(g->envoy_grpc->cluster_name);
}

static void read_ads(struct bootstrap *b, Envoy__Config__Bootstrap__V3__Bootstrap__DynamicResources *d, struct errs *errs)
{
    const ApiConfigSource *a = d->ads_config;
    if (!a) return;
    b->ads_delta = a->api_type == ENVOY__CONFIG__CORE__V3__API_CONFIG_SOURCE__API_TYPE__DELTA_GRPC;
    if (!b->ads_delta && a->api_type != ENVOY__CONFIG__CORE__V3__API_CONFIG_SOURCE__API_TYPE__GRPC)
        refuse(b, errs, &a->api_type, "ads_config: api_type must be GRPC or DELTA_GRPC");
    if (a->has_transport_api_version && a->transport_api_version != ENVOY__CONFIG__CORE__V3__API_VERSION__V3)
        refuse(b, errs, &a->transport_api_version, "ads_config: transport_api_version must be V3");
    if (a->n_grpc_services != 1) {
        refuse(b, errs, &d->ads_config, "ads_config: exactly one entry of grpc_services is needed");
        return;
    }
    b->ads_cluster = grpc_cluster(a->grpc_services[0]);
    if (!b->ads_cluster.n) refuse(b, errs, &a->grpc_services[0], "ads_config: envoy_grpc with a cluster_name is needed");
    b->has_ads = true;
}

static bool by_ads(struct bootstrap *b, const ConfigSource *s, const void *slot, const char *what, struct errs *errs)
{
    if (!s) return false;
    if (s->config_source_specifier_case != ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS) {
        struct err *e = refuse(b, errs, slot, what);
        err_hint(e, "use \"ads: {}\" with dynamic_resources.ads_config");
        return false;
    }
    if (!b->has_ads) refuse(b, errs, slot, "ads without dynamic_resources.ads_config");
    b->initial_fetch_ms = xdsmsg_ms(s->initial_fetch_timeout, b->initial_fetch_ms);
    return true;
}

static void read_dynamic(struct bootstrap *b, Bootstrap *m, struct errs *errs)
{
    b->initial_fetch_ms = UINT64_MAX;
    if (!m->dynamic_resources) return;
    read_ads(b, m->dynamic_resources, errs);
    b->lds = by_ads(b, m->dynamic_resources->lds_config, &m->dynamic_resources->lds_config, "lds_config: only ADS is supported", errs);
    b->cds = by_ads(b, m->dynamic_resources->cds_config, &m->dynamic_resources->cds_config, "cds_config: only ADS is supported", errs);
}

static void read_admin(struct bootstrap *b, Bootstrap *m, struct errs *errs)
{
    struct err e = { 0 };
    if (!m->admin) return;
    if (m->admin->n_access_log) refuse(b, errs, &m->admin->access_log, "admin: access_log is not supported");
    if (m->admin->access_log_path && !str_eqc(str_of(m->admin->access_log_path), "/dev/null"))
        refuse(b, errs, &m->admin->access_log_path, "admin: access_log_path is supported as /dev/null only");
    if (!m->admin->address) return;
    if (address_build(&b->admin, m->admin->address, &e))
        refuse(b, errs, &m->admin->address, e.what);
    else
        b->has_admin = true;
}

typedef Envoy__Config__Metrics__V3__MetricsServiceConfig SinkConfig;

/* What would change the stream and is not carried out. */
static void check_sink(struct bootstrap *b, const SinkConfig *m, const void *slot, struct errs *errs)
{
    const GrpcService *g = m->grpc_service;
    const Envoy__Config__Core__V3__GrpcService__EnvoyGrpc *e = g->envoy_grpc;
    const struct {
        bool bad;
        const char *what, *hint;
    } rules[] = {
        { m->has_transport_api_version && m->transport_api_version != ENVOY__CONFIG__CORE__V3__API_VERSION__V3,
          "stats_sinks: transport_api_version must be V3", NULL },
        { !m->emit_tags_as_labels, "stats_sinks: emit_tags_as_labels must be true", "series are told apart by their labels only" },
        { m->histogram_emit_mode != ENVOY__CONFIG__METRICS__V3__HISTOGRAM_EMIT_MODE__HISTOGRAM,
          "stats_sinks: histogram_emit_mode must be HISTOGRAM", "no quantiles are kept, so there are no summaries" },
        { g->timeout != NULL, "stats_sinks: grpc_service.timeout is not supported", NULL },
        { g->n_initial_metadata > 0, "stats_sinks: grpc_service.initial_metadata is not supported", NULL },
        { g->retry_policy || e->retry_policy, "stats_sinks: retry_policy is not supported", "a lost stream is made anew with back-off" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (!rules[i].bad) continue;
        struct err *err = refuse(b, errs, slot, rules[i].what);
        if (rules[i].hint) err_hint(err, "%s", rules[i].hint);
    }
}

static void read_sink(struct bootstrap *b, Envoy__Config__Metrics__V3__StatsSink **slot, struct errs *errs)
{
    const Google__Protobuf__Any *any = (*slot)->config_type_case ? (*slot)->typed_config : NULL;
    const ProtobufCMessageDescriptor *d = &envoy__config__metrics__v3__metrics_service_config__descriptor;
    if (!any || !xdsmsg_is(any->type_url, d)) {
        refuse(b, errs, slot, "stats_sinks: only envoy.config.metrics.v3.MetricsServiceConfig is supported");
        return;
    }
    const SinkConfig *m = (const void *)pb_unpack(d, str_make(any->value.data, any->value.len), &b->arena);
    struct str cluster = m ? grpc_cluster(m->grpc_service) : STR("");
    if (!cluster.n) {
        refuse(b, errs, slot, "stats_sinks: grpc_service.envoy_grpc.cluster_name is missing");
        return;
    }
    check_sink(b, m, slot, errs);
    const char *authority = m->grpc_service->envoy_grpc->authority;
    b->sinks[b->n_sinks++] = (struct bootstrap_sink){ .cluster = cluster,
                                                      .authority = authority && *authority ? str_of(authority) : cluster,
                                                      .deltas = xdsmsg_bool(m->report_counters_as_deltas, false),
                                                      .batch = m->batch_size };
}

static void read_stats(struct bootstrap *b, Bootstrap *m, struct errs *errs)
{
    if (m->stats_config) refuse(b, errs, &m->stats_config, "stats_config is not supported");
    b->flush_ms = xdsmsg_ms(m->stats_flush_interval, 5000);
    if (b->flush_ms < 1 || b->flush_ms > 300000) refuse(b, errs, &m->stats_flush_interval, "stats_flush_interval must be in 0.001s...300s");
    b->sinks = arena_array(&b->arena, struct bootstrap_sink, m->n_stats_sinks + 1);
    for (size_t i = 0; i < m->n_stats_sinks; i++) read_sink(b, &m->stats_sinks[i], errs);
}

/* The admin layer and empty layers say nothing; values would have to be obeyed. */
static void read_runtime(struct bootstrap *b, Bootstrap *m, struct errs *errs)
{
    for (size_t i = 0; m->layered_runtime && i < m->layered_runtime->n_layers; i++) {
        Envoy__Config__Bootstrap__V3__RuntimeLayer *l = m->layered_runtime->layers[i];
        if (l->layer_specifier_case == ENVOY__CONFIG__BOOTSTRAP__V3__RUNTIME_LAYER__LAYER_SPECIFIER_STATIC_LAYER &&
            l->static_layer->n_fields)
            refuse(b, errs, &m->layered_runtime->layers[i], "layered_runtime: values are not supported");
    }
}

static const Envoy__Config__Cluster__V3__Cluster *static_cluster(const Bootstrap *m, struct str name)
{
    for (size_t i = 0; m->static_resources && i < m->static_resources->n_clusters; i++) {
        const Envoy__Config__Cluster__V3__Cluster *c = m->static_resources->clusters[i];
        if (str_eqc(name, c->name ? c->name : "")) return c;
    }
    return NULL;
}

static void check_sinks(struct bootstrap *b, Bootstrap *m, struct errs *errs)
{
    for (size_t i = 0; i < b->n_sinks; i++) {
        struct str name = b->sinks[i].cluster;
        const Envoy__Config__Cluster__V3__Cluster *c = static_cluster(m, name);
        struct err_at at = pb_where(&b->positions, &m->stats_sinks);
        if (!c)
            errs_add(errs, at, -EINVAL, "stats_sinks: there is no static cluster \"%.*s\"", STR_ARG(name));
        else if (c->transport_socket || c->n_transport_socket_matches)
            errs_add(errs, at, -EINVAL, "stats_sinks: cluster \"%.*s\" has a transport_socket; only plain text is supported",
                     STR_ARG(name));
    }
}

static void check_whole(struct bootstrap *b, Bootstrap *m, struct errs *errs)
{
    if (b->has_ads && !static_cluster(m, b->ads_cluster))
        errs_add(errs, pb_where(&b->positions, &m->dynamic_resources->ads_config), -EINVAL,
                 "ads_config: there is no static cluster \"%.*s\"", STR_ARG(b->ads_cluster));
    check_sinks(b, m, errs);
    if (b->has_ads && (!b->node->id || !*b->node->id || !b->node->cluster || !*b->node->cluster))
        err_hint(errs_add(errs, pb_where(&b->positions, &m->node), -EINVAL, "node.id and node.cluster are needed for xDS"),
                 "write them, or give --service-node and --service-cluster");
}

static void override_node(struct bootstrap *b, const struct bootstrap_node *n)
{
    if (n->id) b->node->id = arena_strndup(&b->arena, n->id, strlen(n->id));
    if (n->cluster) b->node->cluster = arena_strndup(&b->arena, n->cluster, strlen(n->cluster));
    if (!n->zone) return;
    if (!b->node->locality) b->node->locality = (void *)pb_new(&envoy__config__core__v3__locality__descriptor, &b->arena);
    b->node->locality->zone = arena_strndup(&b->arena, n->zone, strlen(n->zone));
}

struct bootstrap *bootstrap_parse(struct str text, const char *name, const struct bootstrap_node *node, struct errs *errs)
{
    struct bootstrap *b = xcalloc(1, sizeof *b);
    arena_init(&b->arena, 16384, 0);
    b->positions.file = name;
    struct pb_policy policy = { .file = name, .registry = xdsmsg_descriptor };
    tree_docs docs = { 0 };
    size_t before = errs_count(errs);
    int rc = tree_read(text, name, &b->arena, &docs, errs);
    if (!rc && docs.n != 1) errs_add(errs, (struct err_at){ name, 0, 0 }, -EINVAL, "a bootstrap is one document; this has %zu", docs.n);
    if (errs_count(errs) == before)
        b->msg =
            (void *)pb_decode(docs.v[0], &envoy__config__bootstrap__v3__bootstrap__descriptor, &policy, &b->arena, &b->positions, errs);
    vec_free(&docs);
    if (b->msg) {
        if (!b->msg->node) b->msg->node = (void *)pb_new(&envoy__config__core__v3__node__descriptor, &b->arena);
        b->node = b->msg->node;
        if (node) override_node(b, node);
        read_dynamic(b, b->msg, errs);
        read_admin(b, b->msg, errs);
        read_stats(b, b->msg, errs);
        read_runtime(b, b->msg, errs);
        check_whole(b, b->msg, errs);
    }
    if (errs_count(errs) == before && b->msg) return b;
    bootstrap_free(b);
    return NULL;
}

struct bootstrap *bootstrap_read(const char *path, const struct bootstrap_node *node, struct errs *errs)
{
    bool in = str_eqc(str_of(path), "-");
    int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct buf text = { .limit = TREE_FILE_MAX };
    ssize_t n = -1;
    while (fd >= 0) {
        char *p = buf_reserve(&text, 65536);
        n = p ? read(fd, p, 65536) : (errno = EFBIG, -1);
        if (n <= 0) break;
        buf_added(&text, (size_t)n);
    }
    struct bootstrap *b = NULL;
    if (fd < 0 || n < 0)
        errs_add(errs, (struct err_at){ path, 0, 0 }, -errno, "cannot read the bootstrap: %s", strerror(errno));
    else
        b = bootstrap_parse(buf_str(&text), path, node, errs);
    if (fd >= 0 && !in) close(fd);
    buf_free(&text);
    return b;
}

void bootstrap_free(struct bootstrap *b)
{
    if (!b) return;
    pb_positions_free(&b->positions);
    arena_free(&b->arena);
    free(b);
}
