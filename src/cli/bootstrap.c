#include "cli/bootstrap.h"
#include "cli/api.h"

static json_t *address(const char *ip, int port)
{
    return json_pack("{s:{s:s, s:i}}", "socket_address", "address", ip, "port_value", port);
}

/* A static cluster with one endpoint; http2 for gRPC. */
static json_t *cluster(const char *name, const char *ip, int port, bool http2)
{
    json_t *c = json_pack("{s:s, s:s, s:s, s:{s:s, s:[{s:[{s:{s:o}}]}]}}", "name", name, "type", "STATIC", "connect_timeout", "1s",
                          "load_assignment", "cluster_name", name, "endpoints", "lb_endpoints", "endpoint", "address", address(ip, port));
    if (!http2) return c;
    json_object_set_new(c, "typed_extension_protocol_options",
                        json_pack("{s:{s:s, s:{s:{s:{s:s, s:s}}}}}", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "@type",
                                  "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config",
                                  "http2_protocol_options", "connection_keepalive", "interval", "30s", "timeout", "10s"));
    return c;
}

/* A listener that answers one path from the admin interface and nothing else: health and metrics for the pod's network. */
static json_t *window(const char *name, int port, const char *path, const char *admin_path)
{
    json_t *routes =
        json_pack("[{s:{s:s}, s:{s:s, s:s}}]", "match", "path", path, "route", "cluster", "admin", "prefix_rewrite", admin_path);
    json_t *hcm = json_pack("{s:s, s:s, s:{s:[{s:s, s:[s], s:o}]}, s:[{s:s, s:{s:s}}]}", "@type",
                            "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                            "stat_prefix", name, "route_config", "virtual_hosts", "name", name, "domains", "*", "routes", routes,
                            "http_filters", "name", "envoy.filters.http.router", "typed_config", "@type",
                            "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router");
    return json_pack("{s:s, s:o, s:[{s:[{s:s, s:o}]}]}", "name", name, "address", address("0.0.0.0", port), "filter_chains", "filters",
                     "name", "envoy.filters.network.http_connection_manager", "typed_config", hcm);
}

/* The workload's name: the Deployment behind the ReplicaSet ("web-7d9c5b8f6" -> "web"), else the owner, else the pod. */
static char *workload(const json_t *pod)
{
    const char *owner = json_text(pod, "metadata.ownerReferences.0.name"), *kind = json_text(pod, "metadata.ownerReferences.0.kind");
    const char *hash = json_string_value(json_object_get(json_path(pod, "metadata.labels"), "pod-template-hash"));
    if (!owner) return xstrdup(json_text(pod, "metadata.name"));
    size_t n = strlen(owner), h = hash ? strlen(hash) : 0;
    if (kind && strcmp(kind, "ReplicaSet") == 0 && h && n > h + 1 && strcmp(owner + n - h, hash) == 0) return xstrndup(owner, n - h - 1);
    return xstrdup(owner);
}

static json_t *node(const json_t *pod, const struct bootstrap_options *o)
{
    const char *name = json_text(pod, "metadata.name"), *ns = json_text(pod, "metadata.namespace");
    const char *account = json_text(pod, "spec.serviceAccountName");
    json_t *labels = json_path(pod, "metadata.labels");
    char *owner = workload(pod);
    const char *app = json_string_value(json_object_get(labels, "app"));
    char *id = xasprintf("%s~%s~%s.%s~%s.svc.cluster.local", o->type, o->pod_ip, name, ns, ns),
         *service = xasprintf("%s.%s", app ? app : owner, ns);
    json_t *metadata = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "NAME", name, "NAMESPACE", ns, "WORKLOAD_NAME", owner,
                                 "CLUSTER_ID", "Kubernetes", "MESH_ID", "cluster.local", "INSTANCE_IPS", o->pod_ip, "INTERCEPTION_MODE",
                                 "REDIRECT", "SERVICE_ACCOUNT", account ? account : "default", "NODE_NAME", "weft");
    if (labels) json_object_set(metadata, "LABELS", labels);
    json_t *n = json_pack("{s:s, s:s, s:o}", "id", id, "cluster", service, "metadata", metadata);
    free(owner);
    free(id);
    free(service);
    return n;
}

static json_t *ads_source(void)
{
    return json_pack("{s:{}, s:s, s:s}", "ads", "resource_api_version", "V3", "initial_fetch_timeout", "0s");
}

/* Where measurements go: to weftd, each second. */
static json_t *sink(void)
{
    return json_pack("{s:s, s:{s:s, s:s, s:{s:{s:s}}, s:b, s:b, s:s}}", "name", "envoy.stat_sinks.metrics_service", "typed_config", "@type",
                     "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig", "transport_api_version", "V3", "grpc_service",
                     "envoy_grpc", "cluster_name", "xds-grpc", "report_counters_as_deltas", 1, "emit_tags_as_labels", 1,
                     "histogram_emit_mode", "HISTOGRAM");
}

json_t *bootstrap_make(const json_t *pod, const struct bootstrap_options *o)
{
    json_t *dynamic = json_pack("{s:o, s:o, s:{s:s, s:s, s:b, s:[{s:{s:s}}]}}", "lds_config", ads_source(), "cds_config", ads_source(),
                                "ads_config", "api_type", o->delta ? "DELTA_GRPC" : "GRPC", "transport_api_version", "V3",
                                "set_node_on_first_message_only", 1, "grpc_services", "envoy_grpc", "cluster_name", "xds-grpc");
    json_t *fixed =
        json_pack("{s:[o, o], s:[o, o]}", "clusters", cluster("xds-grpc", o->xds_ip, o->xds_port, true),
                  cluster("admin", "127.0.0.1", PORT_ADMIN, false), "listeners", window("health", PORT_HEALTH, "/healthz/ready", "/ready"),
                  window("metrics", PORT_METRICS, "/stats/prometheus", "/stats/prometheus"));
    return json_pack("{s:o, s:{s:o}, s:o, s:o, s:s, s:[o]}", "node", node(pod, o), "admin", "address", address("127.0.0.1", PORT_ADMIN),
                     "dynamic_resources", dynamic, "static_resources", fixed, "stats_flush_interval", "1s", "stats_sinks", sink());
}
