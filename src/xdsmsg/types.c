/* The table of messages that can stand in an Any. */
#include "xdsmsg/types.h"

#include "base/hash.h"

#include "envoy.admin.v3.pb-c.h"
#include "envoy.config.bootstrap.v3.pb-c.h"
#include "envoy.config.cluster.v3.pb-c.h"
#include "envoy.config.endpoint.v3.pb-c.h"
#include "envoy.config.listener.v3.pb-c.h"
#include "envoy.config.metrics.v3.pb-c.h"
#include "envoy.config.route.v3.pb-c.h"
#include "envoy.extensions.access_loggers.file.v3.pb-c.h"
#include "envoy.extensions.access_loggers.stream.v3.pb-c.h"
#include "envoy.extensions.filters.http.cors.v3.pb-c.h"
#include "envoy.extensions.filters.http.fault.v3.pb-c.h"
#include "envoy.extensions.filters.http.grpc_stats.v3.pb-c.h"
#include "envoy.extensions.filters.http.local_ratelimit.v3.pb-c.h"
#include "envoy.extensions.filters.http.router.v3.pb-c.h"
#include "envoy.extensions.filters.listener.http_inspector.v3.pb-c.h"
#include "envoy.extensions.filters.listener.original_dst.v3.pb-c.h"
#include "envoy.extensions.filters.listener.proxy_protocol.v3.pb-c.h"
#include "envoy.extensions.filters.listener.tls_inspector.v3.pb-c.h"
#include "envoy.extensions.filters.network.http_connection_manager.v3.pb-c.h"
#include "envoy.extensions.filters.network.tcp_proxy.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.least_request.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.maglev.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.random.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.ring_hash.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.round_robin.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.wrr_locality.v3.pb-c.h"
#include "envoy.extensions.request_id.uuid.v3.pb-c.h"
#include "envoy.extensions.retry.host.previous_hosts.v3.pb-c.h"
#include "envoy.extensions.retry.priority.previous_priorities.v3.pb-c.h"
#include "envoy.extensions.transport_sockets.raw_buffer.v3.pb-c.h"
#include "envoy.extensions.transport_sockets.tls.v3.pb-c.h"
#include "envoy.extensions.upstreams.http.v3.pb-c.h"
#include "envoy.service.discovery.v3.pb-c.h"
#include "envoy.service.metrics.v3.pb-c.h"
#include "google.protobuf.pb-c.h"
#include "google.rpc.pb-c.h"
#include "istio.envoy.config.filter.http.alpn.v2alpha1.pb-c.h"
#include "udpa.type.v1.pb-c.h"
#include "xds.type.v3.pb-c.h"

const ProtobufCMessageDescriptor *const xdsmsg_all[] = {
    &envoy__admin__v3__bootstrap_config_dump__descriptor,
    &envoy__admin__v3__clusters_config_dump__descriptor,
    &envoy__admin__v3__config_dump__descriptor,
    &envoy__admin__v3__endpoints_config_dump__descriptor,
    &envoy__admin__v3__listeners_config_dump__descriptor,
    &envoy__admin__v3__routes_config_dump__descriptor,
    &envoy__admin__v3__secrets_config_dump__descriptor,
    &envoy__config__bootstrap__v3__bootstrap__descriptor,
    &envoy__config__cluster__v3__cluster__descriptor,
    &envoy__config__endpoint__v3__cluster_load_assignment__descriptor,
    &envoy__config__listener__v3__listener__descriptor,
    &envoy__config__metrics__v3__metrics_service_config__descriptor,
    &envoy__config__route__v3__filter_config__descriptor,
    &envoy__config__route__v3__route_configuration__descriptor,
    &envoy__config__route__v3__virtual_host__descriptor,
    &envoy__extensions__access_loggers__file__v3__file_access_log__descriptor,
    &envoy__extensions__access_loggers__stream__v3__stderr_access_log__descriptor,
    &envoy__extensions__access_loggers__stream__v3__stdout_access_log__descriptor,
    &envoy__extensions__filters__http__cors__v3__cors__descriptor,
    &envoy__extensions__filters__http__cors__v3__cors_policy__descriptor,
    &envoy__extensions__filters__http__fault__v3__httpfault__descriptor,
    &envoy__extensions__filters__http__grpc_stats__v3__filter_config__descriptor,
    &envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit__descriptor,
    &envoy__extensions__filters__http__router__v3__router__descriptor,
    &envoy__extensions__filters__listener__http_inspector__v3__http_inspector__descriptor,
    &envoy__extensions__filters__listener__original_dst__v3__original_dst__descriptor,
    &envoy__extensions__filters__listener__proxy_protocol__v3__proxy_protocol__descriptor,
    &envoy__extensions__filters__listener__tls_inspector__v3__tls_inspector__descriptor,
    &envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor,
    &envoy__extensions__filters__network__tcp_proxy__v3__tcp_proxy__descriptor,
    &envoy__extensions__load_balancing_policies__least_request__v3__least_request__descriptor,
    &envoy__extensions__load_balancing_policies__maglev__v3__maglev__descriptor,
    &envoy__extensions__load_balancing_policies__random__v3__random__descriptor,
    &envoy__extensions__load_balancing_policies__ring_hash__v3__ring_hash__descriptor,
    &envoy__extensions__load_balancing_policies__round_robin__v3__round_robin__descriptor,
    &envoy__extensions__load_balancing_policies__wrr_locality__v3__wrr_locality__descriptor,
    &envoy__extensions__request_id__uuid__v3__uuid_request_id_config__descriptor,
    &envoy__extensions__retry__host__previous_hosts__v3__previous_hosts_predicate__descriptor,
    &envoy__extensions__retry__priority__previous_priorities__v3__previous_priorities_config__descriptor,
    &envoy__extensions__transport_sockets__raw_buffer__v3__raw_buffer__descriptor,
    &envoy__extensions__transport_sockets__tls__v3__downstream_tls_context__descriptor,
    &envoy__extensions__transport_sockets__tls__v3__secret__descriptor,
    &envoy__extensions__transport_sockets__tls__v3__upstream_tls_context__descriptor,
    &envoy__extensions__upstreams__http__v3__http_protocol_options__descriptor,
    &envoy__service__discovery__v3__delta_discovery_request__descriptor,
    &envoy__service__discovery__v3__delta_discovery_response__descriptor,
    &envoy__service__discovery__v3__discovery_request__descriptor,
    &envoy__service__discovery__v3__discovery_response__descriptor,
    &envoy__service__metrics__v3__stream_metrics_message__descriptor,
    &envoy__service__metrics__v3__stream_metrics_response__descriptor,
    &google__protobuf__bool_value__descriptor,
    &google__protobuf__duration__descriptor,
    &google__protobuf__empty__descriptor,
    &google__protobuf__string_value__descriptor,
    &google__protobuf__struct__descriptor,
    &google__protobuf__uint32_value__descriptor,
    &google__rpc__status__descriptor,
    &istio__envoy__config__filter__http__alpn__v2alpha1__filter_config__descriptor,
    &udpa__type__v1__typed_struct__descriptor,
    &xds__type__v3__typed_struct__descriptor,
    NULL,
};

struct str xdsmsg_type(struct str type_url)
{
    ssize_t slash = str_rindex(type_url, '/');
    return str_skip(type_url, (size_t)(slash + 1));
}

/* Open addressing over the hash of the full name, filled once: a config push asks thousands of times. */
#define SLOTS 256
static const ProtobufCMessageDescriptor *slots[SLOTS];

__attribute__((constructor)) static void fill_slots(void)
{
    static_assert(ARRAY_LEN(xdsmsg_all) < SLOTS / 2, "table too full");
    for (const ProtobufCMessageDescriptor *const *d = xdsmsg_all; *d; d++) {
        size_t i = hash_str(str_of((*d)->name)) % SLOTS;
        while (slots[i]) i = (i + 1) % SLOTS;
        slots[i] = *d;
    }
}

const ProtobufCMessageDescriptor *xdsmsg_descriptor(struct str full_name, void *ctx)
{
    (void)ctx;
    for (size_t i = hash_str(full_name) % SLOTS; slots[i]; i = (i + 1) % SLOTS)
        if (str_eqc(full_name, slots[i]->name)) return slots[i];
    return NULL;
}

bool xdsmsg_is(const char *type_url, const ProtobufCMessageDescriptor *d) { return str_eqc(xdsmsg_type(str_of(type_url)), d->name); }
