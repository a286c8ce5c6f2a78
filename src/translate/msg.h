/* Building Envoy's messages in an arena: short names, zeroed and initialised nodes, growing repeated fields, Any.
 * Nothing here is freed one by one: the arena of the translation goes as a whole. */
#ifndef WEFT_TRANSLATE_MSG_H
#define WEFT_TRANSLATE_MSG_H

#include "base/arena.h"

#include "envoy.config.accesslog.v3.pb-c.h"
#include "envoy.config.cluster.v3.pb-c.h"
#include "envoy.config.core.v3.pb-c.h"
#include "envoy.config.endpoint.v3.pb-c.h"
#include "envoy.config.listener.v3.pb-c.h"
#include "envoy.config.route.v3.pb-c.h"
#include "envoy.extensions.filters.common.fault.v3.pb-c.h"
#include "envoy.extensions.access_loggers.file.v3.pb-c.h"
#include "envoy.extensions.filters.http.cors.v3.pb-c.h"
#include "envoy.extensions.filters.http.fault.v3.pb-c.h"
#include "envoy.extensions.filters.network.http_connection_manager.v3.pb-c.h"
#include "envoy.extensions.filters.network.tcp_proxy.v3.pb-c.h"
#include "envoy.extensions.transport_sockets.tls.v3.pb-c.h"
#include "envoy.extensions.upstreams.http.v3.pb-c.h"
#include "envoy.type.matcher.v3.pb-c.h"
#include "envoy.type.v3.pb-c.h"
#include "google.protobuf.pb-c.h"

/* Short names for what is built here: E_MESSAGE(our name, C type, lower-case prefix) gives typedef e_NAME and new_NAME(arena). */
#define E_MESSAGES(X)                                                                                                                      \
    X(cluster, Envoy__Config__Cluster__V3__Cluster, envoy__config__cluster__v3__cluster)                                                   \
    X(cla, Envoy__Config__Endpoint__V3__ClusterLoadAssignment, envoy__config__endpoint__v3__cluster_load_assignment)                       \
    X(locality_endpoints, Envoy__Config__Endpoint__V3__LocalityLbEndpoints, envoy__config__endpoint__v3__locality_lb_endpoints)            \
    X(lb_endpoint, Envoy__Config__Endpoint__V3__LbEndpoint, envoy__config__endpoint__v3__lb_endpoint)                                      \
    X(endpoint, Envoy__Config__Endpoint__V3__Endpoint, envoy__config__endpoint__v3__endpoint)                                              \
    X(locality, Envoy__Config__Core__V3__Locality, envoy__config__core__v3__locality)                                                      \
    X(listener, Envoy__Config__Listener__V3__Listener, envoy__config__listener__v3__listener)                                              \
    X(chain, Envoy__Config__Listener__V3__FilterChain, envoy__config__listener__v3__filter_chain)                                          \
    X(chain_match, Envoy__Config__Listener__V3__FilterChainMatch, envoy__config__listener__v3__filter_chain_match)                         \
    X(filter, Envoy__Config__Listener__V3__Filter, envoy__config__listener__v3__filter)                                                    \
    X(listener_filter, Envoy__Config__Listener__V3__ListenerFilter, envoy__config__listener__v3__listener_filter)                          \
    X(route_config, Envoy__Config__Route__V3__RouteConfiguration, envoy__config__route__v3__route_configuration)                           \
    X(vhost, Envoy__Config__Route__V3__VirtualHost, envoy__config__route__v3__virtual_host)                                                \
    X(route, Envoy__Config__Route__V3__Route, envoy__config__route__v3__route)                                                             \
    X(route_match, Envoy__Config__Route__V3__RouteMatch, envoy__config__route__v3__route_match)                                            \
    X(route_action, Envoy__Config__Route__V3__RouteAction, envoy__config__route__v3__route_action)                                         \
    X(retry_policy, Envoy__Config__Route__V3__RetryPolicy, envoy__config__route__v3__retry_policy)                                         \
    X(header_matcher, Envoy__Config__Route__V3__HeaderMatcher, envoy__config__route__v3__header_matcher)                                   \
    X(query_matcher, Envoy__Config__Route__V3__QueryParameterMatcher, envoy__config__route__v3__query_parameter_matcher)                   \
    X(string_matcher, Envoy__Type__Matcher__V3__StringMatcher, envoy__type__matcher__v3__string_matcher)                                   \
    X(regex_matcher, Envoy__Type__Matcher__V3__RegexMatcher, envoy__type__matcher__v3__regex_matcher)                                      \
    X(address, Envoy__Config__Core__V3__Address, envoy__config__core__v3__address)                                                         \
    X(socket_address, Envoy__Config__Core__V3__SocketAddress, envoy__config__core__v3__socket_address)                                     \
    X(metadata, Envoy__Config__Core__V3__Metadata, envoy__config__core__v3__metadata)                                                      \
    X(config_source, Envoy__Config__Core__V3__ConfigSource, envoy__config__core__v3__config_source)                                        \
    X(header_value_option, Envoy__Config__Core__V3__HeaderValueOption, envoy__config__core__v3__header_value_option)                       \
    X(header_value, Envoy__Config__Core__V3__HeaderValue, envoy__config__core__v3__header_value)                                           \
    X(redirect, Envoy__Config__Route__V3__RedirectAction, envoy__config__route__v3__redirect_action)                                       \
    X(direct_response, Envoy__Config__Route__V3__DirectResponseAction, envoy__config__route__v3__direct_response_action)                   \
    X(weighted_clusters, Envoy__Config__Route__V3__WeightedCluster, envoy__config__route__v3__weighted_cluster)                            \
    X(cluster_weight, Envoy__Config__Route__V3__WeightedCluster__ClusterWeight,                                                            \
      envoy__config__route__v3__weighted_cluster__cluster_weight)                                                                          \
    X(mirror, Envoy__Config__Route__V3__RouteAction__RequestMirrorPolicy, envoy__config__route__v3__route_action__request_mirror_policy)   \
    X(hash_policy, Envoy__Config__Route__V3__RouteAction__HashPolicy, envoy__config__route__v3__route_action__hash_policy)                 \
    X(hash_header, Envoy__Config__Route__V3__RouteAction__HashPolicy__Header, envoy__config__route__v3__route_action__hash_policy__header) \
    X(hash_cookie, Envoy__Config__Route__V3__RouteAction__HashPolicy__Cookie, envoy__config__route__v3__route_action__hash_policy__cookie) \
    X(hash_source, Envoy__Config__Route__V3__RouteAction__HashPolicy__ConnectionProperties,                                                \
      envoy__config__route__v3__route_action__hash_policy__connection_properties)                                                          \
    X(hash_query, Envoy__Config__Route__V3__RouteAction__HashPolicy__QueryParameter,                                                       \
      envoy__config__route__v3__route_action__hash_policy__query_parameter)                                                                \
    X(max_stream_duration, Envoy__Config__Route__V3__RouteAction__MaxStreamDuration,                                                       \
      envoy__config__route__v3__route_action__max_stream_duration)                                                                         \
    X(regex_rewrite, Envoy__Type__Matcher__V3__RegexMatchAndSubstitute, envoy__type__matcher__v3__regex_match_and_substitute)              \
    X(retry_host, Envoy__Config__Route__V3__RetryPolicy__RetryHostPredicate, envoy__config__route__v3__retry_policy__retry_host_predicate) \
    X(retry_back_off, Envoy__Config__Route__V3__RetryPolicy__RetryBackOff, envoy__config__route__v3__retry_policy__retry_back_off)         \
    X(runtime_percent, Envoy__Config__Core__V3__RuntimeFractionalPercent, envoy__config__core__v3__runtime_fractional_percent)             \
    X(percent, Envoy__Type__V3__FractionalPercent, envoy__type__v3__fractional_percent)                                                    \
    X(http_fault, Envoy__Extensions__Filters__Http__Fault__V3__HTTPFault, envoy__extensions__filters__http__fault__v3__httpfault)          \
    X(fault_abort, Envoy__Extensions__Filters__Http__Fault__V3__FaultAbort, envoy__extensions__filters__http__fault__v3__fault_abort)      \
    X(fault_delay, Envoy__Extensions__Filters__Common__Fault__V3__FaultDelay, envoy__extensions__filters__common__fault__v3__fault_delay)  \
    X(cors_policy, Envoy__Extensions__Filters__Http__Cors__V3__CorsPolicy, envoy__extensions__filters__http__cors__v3__cors_policy)        \
    X(thresholds, Envoy__Config__Cluster__V3__CircuitBreakers__Thresholds, envoy__config__cluster__v3__circuit_breakers__thresholds)       \
    X(circuit_breakers, Envoy__Config__Cluster__V3__CircuitBreakers, envoy__config__cluster__v3__circuit_breakers)                         \
    X(outlier, Envoy__Config__Cluster__V3__OutlierDetection, envoy__config__cluster__v3__outlier_detection)                                \
    X(eds_config, Envoy__Config__Cluster__V3__Cluster__EdsClusterConfig, envoy__config__cluster__v3__cluster__eds_cluster_config)          \
    X(common_lb, Envoy__Config__Cluster__V3__Cluster__CommonLbConfig, envoy__config__cluster__v3__cluster__common_lb_config)               \
    X(ring_hash, Envoy__Config__Cluster__V3__Cluster__RingHashLbConfig, envoy__config__cluster__v3__cluster__ring_hash_lb_config)          \
    X(maglev, Envoy__Config__Cluster__V3__Cluster__MaglevLbConfig, envoy__config__cluster__v3__cluster__maglev_lb_config)                  \
    X(slow_start, Envoy__Config__Cluster__V3__Cluster__SlowStartConfig, envoy__config__cluster__v3__cluster__slow_start_config)            \
    X(least_request, Envoy__Config__Cluster__V3__Cluster__LeastRequestLbConfig,                                                            \
      envoy__config__cluster__v3__cluster__least_request_lb_config)                                                                        \
    X(round_robin, Envoy__Config__Cluster__V3__Cluster__RoundRobinLbConfig, envoy__config__cluster__v3__cluster__round_robin_lb_config)    \
    X(upstream_connection, Envoy__Config__Cluster__V3__UpstreamConnectionOptions, envoy__config__cluster__v3__upstream_connection_options) \
    X(tcp_keepalive, Envoy__Config__Core__V3__TcpKeepalive, envoy__config__core__v3__tcp_keepalive)                                        \
    X(bind_config, Envoy__Config__Core__V3__BindConfig, envoy__config__core__v3__bind_config)                                              \
    X(transport_socket, Envoy__Config__Core__V3__TransportSocket, envoy__config__core__v3__transport_socket)                               \
    X(http_options, Envoy__Config__Core__V3__HttpProtocolOptions, envoy__config__core__v3__http_protocol_options)                          \
    X(http1_options, Envoy__Config__Core__V3__Http1ProtocolOptions, envoy__config__core__v3__http1_protocol_options)                       \
    X(http2_options, Envoy__Config__Core__V3__Http2ProtocolOptions, envoy__config__core__v3__http2_protocol_options)                       \
    X(keepalive, Envoy__Config__Core__V3__KeepaliveSettings, envoy__config__core__v3__keepalive_settings)                                  \
    X(upstream_http, Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions,                                                          \
      envoy__extensions__upstreams__http__v3__http_protocol_options)                                                                       \
    X(explicit_http, Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions__ExplicitHttpConfig,                                      \
      envoy__extensions__upstreams__http__v3__http_protocol_options__explicit_http_config)                                                 \
    X(downstream_http, Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions__UseDownstreamHttpConfig,                               \
      envoy__extensions__upstreams__http__v3__http_protocol_options__use_downstream_http_config)                                           \
    X(tls_common, Envoy__Extensions__TransportSockets__Tls__V3__CommonTlsContext,                                                          \
      envoy__extensions__transport_sockets__tls__v3__common_tls_context)                                                                   \
    X(tls_params, Envoy__Extensions__TransportSockets__Tls__V3__TlsParameters,                                                             \
      envoy__extensions__transport_sockets__tls__v3__tls_parameters)                                                                       \
    X(tls_upstream, Envoy__Extensions__TransportSockets__Tls__V3__UpstreamTlsContext,                                                      \
      envoy__extensions__transport_sockets__tls__v3__upstream_tls_context)                                                                 \
    X(tls_downstream, Envoy__Extensions__TransportSockets__Tls__V3__DownstreamTlsContext,                                                  \
      envoy__extensions__transport_sockets__tls__v3__downstream_tls_context)                                                               \
    X(tls_certificate, Envoy__Extensions__TransportSockets__Tls__V3__TlsCertificate,                                                       \
      envoy__extensions__transport_sockets__tls__v3__tls_certificate)                                                                      \
    X(tls_validation, Envoy__Extensions__TransportSockets__Tls__V3__CertificateValidationContext,                                          \
      envoy__extensions__transport_sockets__tls__v3__certificate_validation_context)                                                       \
    X(tls_combined, Envoy__Extensions__TransportSockets__Tls__V3__CommonTlsContext__CombinedCertificateValidationContext,                  \
      envoy__extensions__transport_sockets__tls__v3__common_tls_context__combined_certificate_validation_context)                          \
    X(tls_sds, Envoy__Extensions__TransportSockets__Tls__V3__SdsSecretConfig,                                                              \
      envoy__extensions__transport_sockets__tls__v3__sds_secret_config)                                                                    \
    X(san_matcher, Envoy__Extensions__TransportSockets__Tls__V3__SubjectAltNameMatcher,                                                    \
      envoy__extensions__transport_sockets__tls__v3__subject_alt_name_matcher)                                                             \
    X(secret, Envoy__Extensions__TransportSockets__Tls__V3__Secret, envoy__extensions__transport_sockets__tls__v3__secret)                 \
    X(hcm, Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager,                                          \
      envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager)                                           \
    X(hcm_filter, Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter,                                              \
      envoy__extensions__filters__network__http_connection_manager__v3__http_filter)                                                       \
    X(hcm_rds, Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__Rds,                                                        \
      envoy__extensions__filters__network__http_connection_manager__v3__rds)                                                               \
    X(hcm_upgrade, Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager__UpgradeConfig,                   \
      envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__upgrade_config)                           \
    X(hcm_cert_details,                                                                                                                    \
      Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager__SetCurrentClientCertDetails,                  \
      envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__set_current_client_cert_details)          \
    X(hcm_request_id, Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__RequestIDExtension,                                  \
      envoy__extensions__filters__network__http_connection_manager__v3__request_idextension)                                               \
    X(tcp_proxy, Envoy__Extensions__Filters__Network__TcpProxy__V3__TcpProxy,                                                              \
      envoy__extensions__filters__network__tcp_proxy__v3__tcp_proxy)                                                                       \
    X(tcp_weighted, Envoy__Extensions__Filters__Network__TcpProxy__V3__TcpProxy__WeightedCluster,                                          \
      envoy__extensions__filters__network__tcp_proxy__v3__tcp_proxy__weighted_cluster)                                                     \
    X(tcp_weight, Envoy__Extensions__Filters__Network__TcpProxy__V3__TcpProxy__WeightedCluster__ClusterWeight,                             \
      envoy__extensions__filters__network__tcp_proxy__v3__tcp_proxy__weighted_cluster__cluster_weight)                                     \
    X(access_log, Envoy__Config__Accesslog__V3__AccessLog, envoy__config__accesslog__v3__access_log)                                       \
    X(file_log, Envoy__Extensions__AccessLoggers__File__V3__FileAccessLog, envoy__extensions__access_loggers__file__v3__file_access_log)   \
    X(log_format, Envoy__Config__Core__V3__SubstitutionFormatString, envoy__config__core__v3__substitution_format_string)                  \
    X(api_listener, Envoy__Config__Listener__V3__ApiListener, envoy__config__listener__v3__api_listener)                                   \
    X(predicate, Envoy__Config__Listener__V3__ListenerFilterChainMatchPredicate,                                                           \
      envoy__config__listener__v3__listener_filter_chain_match_predicate)                                                                  \
    X(predicate_set, Envoy__Config__Listener__V3__ListenerFilterChainMatchPredicate__MatchSet,                                             \
      envoy__config__listener__v3__listener_filter_chain_match_predicate__match_set)                                                       \
    X(port_range, Envoy__Type__V3__Int32Range, envoy__type__v3__int32_range)                                                               \
    X(cidr, Envoy__Config__Core__V3__CidrRange, envoy__config__core__v3__cidr_range)                                                       \
    X(decorator, Envoy__Config__Route__V3__Decorator, envoy__config__route__v3__decorator)                                                 \
    X(data_source, Envoy__Config__Core__V3__DataSource, envoy__config__core__v3__data_source)                                              \
    X(any, Google__Protobuf__Any, google__protobuf__any)                                                                                   \
    X(duration, Google__Protobuf__Duration, google__protobuf__duration)                                                                    \
    X(struct, Google__Protobuf__Struct, google__protobuf__struct)                                                                          \
    X(value, Google__Protobuf__Value, google__protobuf__value)

void *msg_new(struct arena *a, const ProtobufCMessageDescriptor *d);
#define E_DECLARE(name, type, prefix)                                                                                                      \
    typedef type e_##name;                                                                                                                 \
    static inline e_##name *new_##name(struct arena *a) { return msg_new(a, &prefix##__descriptor); }
E_MESSAGES(E_DECLARE)

/* PUSH(a, route, match, m): appends to a repeated field (n_match, match). */
void msg_grow(struct arena *a, void *field, size_t n, size_t size);
#define PUSH(a, msg, field, ...)                                                                                                           \
    do {                                                                                                                                   \
        msg_grow((a), &(msg)->field, (msg)->n_##field, sizeof *(msg)->field);                                                              \
        (msg)->field[(msg)->n_##field++] = (__VA_ARGS__);                                                                                  \
    } while (0)
/* SET(m, port, 8080): an optional scalar with its presence. */
#define SET(msg, field, ...) ((msg)->has_##field = 1, (msg)->field = (__VA_ARGS__))

/* The message packed into an Any with its type URL. */
e_any *msg_any(struct arena *a, const ProtobufCMessage *m);
struct str msg_pack(struct arena *a, const ProtobufCMessage *m);

/* A literal or a string that outlives the arena, as protobuf-c wants it. */
static inline char *msg_str(const char *s) { return (char *)(uintptr_t)s; }

e_duration *msg_duration(struct arena *a, int64_t seconds, int32_t nanos);
Google__Protobuf__UInt32Value *msg_u32(struct arena *a, uint32_t v);
Google__Protobuf__UInt64Value *msg_u64(struct arena *a, uint64_t v);
Google__Protobuf__BoolValue *msg_bool(struct arena *a, bool v);
e_address *msg_address(struct arena *a, const char *ip, uint32_t port);
e_config_source *msg_ads(struct arena *a);
e_string_matcher *msg_exact(struct arena *a, const char *value);

e_percent *msg_percent(struct arena *a, double percent);
e_runtime_percent *msg_runtime_percent(struct arena *a, double percent);
/* A config's own Duration, copied; NULL for NULL. */
e_duration *msg_duration_copy(struct arena *a, const e_duration *d);

/* Fields of a Struct, in the order of the calls (callers keep them sorted by name, as JSON printers of proto maps do). */
void msg_struct_string(struct arena *a, e_struct *s, const char *key, const char *value);
void msg_struct_value(struct arena *a, e_struct *s, const char *key, e_value *v);
e_value *msg_value_struct(struct arena *a, e_struct *s);
/* Metadata with the one entry filter_metadata["istio"] = s. */
e_metadata *msg_metadata_istio(struct arena *a, e_struct *s);

#endif
