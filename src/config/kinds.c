/* The table of kinds. */
#include "config/kinds.h"

#include "k8s.io.api.apps.v1.pb-c.h"
#include "k8s.io.api.core.v1.pb-c.h"
#include "k8s.io.api.discovery.v1.pb-c.h"
#include "weft.config.pb-c.h"
#include "weft.dev.v1alpha1.pb-c.h"

/* clang-format off */
#define CORE   ""
#define NET    "networking.istio.io"
#define SECUR  "security.istio.io"
#define WEFT   "weft.dev"
#define GWAPI  "gateway.networking.k8s.io"
#define OPAQUE &weft__config__opaque__descriptor
#define V3     { "v1", "v1beta1", "v1alpha3" }

#define CORE_V1(x) &k8s__io__api__core__v1__##x##__descriptor
#define APPS_V1(x) &k8s__io__api__apps__v1__##x##__descriptor
#define WHOLE(x)   &weft__config__##x##__descriptor
#define PLATFORM(x) &weft__dev__v1alpha1__##x##__descriptor
#define K(id, ...) [KIND_##id] = { KIND_##id, __VA_ARGS__ }

static const struct kind kinds[KIND__N] = {
    K(NAMESPACE, CORE, { "v1" }, "Namespace", "namespaces", "namespace", { "ns" }, false, true, CORE_V1(namespace)),
    K(SERVICE, CORE, { "v1" }, "Service", "services", "service", { "svc" }, true, true, CORE_V1(service)),
    K(POD, CORE, { "v1" }, "Pod", "pods", "pod", { "po" }, true, true, CORE_V1(pod)),
    K(CONFIG_MAP, CORE, { "v1" }, "ConfigMap", "configmaps", "configmap", { "cm" }, true, true, CORE_V1(config_map)),
    K(SECRET, CORE, { "v1" }, "Secret", "secrets", "secret", { NULL }, true, true, CORE_V1(secret)),
    K(SERVICE_ACCOUNT, CORE, { "v1" }, "ServiceAccount", "serviceaccounts", "serviceaccount", { "sa" }, true, true, CORE_V1(service_account)),
    K(EVENT, CORE, { "v1" }, "Event", "events", "event", { "ev" }, true, true, CORE_V1(event)),
    K(DEPLOYMENT, "apps", { "v1" }, "Deployment", "deployments", "deployment", { "deploy" }, true, true, APPS_V1(deployment)),
    K(REPLICA_SET, "apps", { "v1" }, "ReplicaSet", "replicasets", "replicaset", { "rs" }, true, true, APPS_V1(replica_set)),
    K(ENDPOINT_SLICE, "discovery.k8s.io", { "v1" }, "EndpointSlice", "endpointslices", "endpointslice", { NULL }, true, true, &k8s__io__api__discovery__v1__endpoint_slice__descriptor),
    K(INGRESS, "networking.k8s.io", { "v1" }, "Ingress", "ingresses", "ingress", { "ing" }, true, false, OPAQUE),

    K(VIRTUAL_SERVICE, NET, V3, "VirtualService", "virtualservices", "virtualservice", { "vs" }, true, true, WHOLE(virtual_service)),
    K(DESTINATION_RULE, NET, V3, "DestinationRule", "destinationrules", "destinationrule", { "dr" }, true, true, WHOLE(destination_rule)),
    K(GATEWAY, NET, V3, "Gateway", "gateways", "gateway", { "gw" }, true, true, WHOLE(gateway)),
    K(SERVICE_ENTRY, NET, V3, "ServiceEntry", "serviceentries", "serviceentry", { "se" }, true, true, WHOLE(service_entry)),
    K(TRAFFIC, WEFT, { "v1alpha1" }, "Traffic", "traffics", "traffic", { NULL }, true, true, PLATFORM(traffic)),
    K(RELEASE, WEFT, { "v1alpha1" }, "Release", "releases", "release", { NULL }, true, true, PLATFORM(release)),
    K(PROJECT, WEFT, { "v1alpha1" }, "Project", "projects", "project", { NULL }, false, true, PLATFORM(project)),
    K(SIDECAR, NET, V3, "Sidecar", "sidecars", "sidecar", { NULL }, true, false, OPAQUE),
    K(WORKLOAD_ENTRY, NET, V3, "WorkloadEntry", "workloadentries", "workloadentry", { "we" }, true, false, OPAQUE),
    K(WORKLOAD_GROUP, NET, V3, "WorkloadGroup", "workloadgroups", "workloadgroup", { "wg" }, true, false, OPAQUE),
    K(PROXY_CONFIG, NET, { "v1beta1" }, "ProxyConfig", "proxyconfigs", "proxyconfig", { NULL }, true, false, OPAQUE),
    K(ENVOY_FILTER, NET, { "v1alpha3" }, "EnvoyFilter", "envoyfilters", "envoyfilter", { NULL }, true, false, OPAQUE),

    K(PEER_AUTHENTICATION, SECUR, { "v1", "v1beta1" }, "PeerAuthentication", "peerauthentications", "peerauthentication", { "pa" }, true, false, OPAQUE),
    K(REQUEST_AUTHENTICATION, SECUR, { "v1", "v1beta1" }, "RequestAuthentication", "requestauthentications", "requestauthentication", { "ra" }, true, false, OPAQUE),
    K(AUTHORIZATION_POLICY, SECUR, { "v1", "v1beta1" }, "AuthorizationPolicy", "authorizationpolicies", "authorizationpolicy", { "ap" }, true, false, OPAQUE),
    K(TELEMETRY, "telemetry.istio.io", { "v1", "v1alpha1" }, "Telemetry", "telemetries", "telemetry", { "telemetry" }, true, false, OPAQUE),
    K(WASM_PLUGIN, "extensions.istio.io", { "v1alpha1" }, "WasmPlugin", "wasmplugins", "wasmplugin", { NULL }, true, false, OPAQUE),

    K(GATEWAY_CLASS, GWAPI, { "v1", "v1beta1" }, "GatewayClass", "gatewayclasses", "gatewayclass", { "gc" }, false, false, OPAQUE),
    K(K8S_GATEWAY, GWAPI, { "v1", "v1beta1" }, "Gateway", "gateways", "gateway", { "gtw" }, true, false, OPAQUE),
    K(HTTP_ROUTE, GWAPI, { "v1", "v1beta1" }, "HTTPRoute", "httproutes", "httproute", { NULL }, true, false, OPAQUE),
    K(GRPC_ROUTE, GWAPI, { "v1" }, "GRPCRoute", "grpcroutes", "grpcroute", { NULL }, true, false, OPAQUE),
    K(TLS_ROUTE, GWAPI, { "v1", "v1alpha3", "v1alpha2" }, "TLSRoute", "tlsroutes", "tlsroute", { NULL }, true, false, OPAQUE),
    K(TCP_ROUTE, GWAPI, { "v1", "v1alpha2" }, "TCPRoute", "tcproutes", "tcproute", { NULL }, true, false, OPAQUE),
    K(REFERENCE_GRANT, GWAPI, { "v1", "v1beta1" }, "ReferenceGrant", "referencegrants", "referencegrant", { "refgrant" }, true, false, OPAQUE),
    K(BACKEND_TLS_POLICY, GWAPI, { "v1", "v1alpha3" }, "BackendTLSPolicy", "backendtlspolicies", "backendtlspolicy", { "btlspolicy" }, true, false, OPAQUE),
};
/* clang-format on */

const struct kind *kind_of(enum kind_id id)
{
    must(id < KIND__N);
    return &kinds[id];
}

const struct kind *kind_find(struct str group, struct str kind)
{
    for (size_t i = 0; i < KIND__N; i++)
        if (str_eqc(kind, kinds[i].kind) && str_eqc(group, kinds[i].group)) return &kinds[i];
    return NULL;
}

const struct kind *kind_by_plural(struct str group, struct str plural)
{
    for (size_t i = 0; i < KIND__N; i++)
        if (str_eqc(plural, kinds[i].plural) && str_eqc(group, kinds[i].group)) return &kinds[i];
    return NULL;
}

static bool is_name(const struct kind *k, struct str word)
{
    if (str_ieq(word, str_of(k->plural)) || str_ieq(word, str_of(k->singular))) return true;
    for (size_t i = 0; i < ARRAY_LEN(k->shorts) && k->shorts[i]; i++)
        if (str_ieq(word, str_of(k->shorts[i]))) return true;
    return false;
}

const struct kind *kind_by_name(struct str word)
{
    struct str group = word, name = str_cut(&group, '.');
    for (size_t i = 0; i < KIND__N; i++) {
        if (!is_name(&kinds[i], name)) continue;
        /* "deployments.apps", "virtualservices.networking.istio.io", "virtualservices.v1.networking.istio.io" */
        struct str g = group, version = g.p ? str_cut(&g, '.') : g;
        if (!group.p || str_ieq(group, str_of(kinds[i].group)) || (kind_serves(&kinds[i], version) && str_ieq(g, str_of(kinds[i].group))))
            return &kinds[i];
    }
    return NULL;
}

void kind_split(struct str api_version, struct str *group, struct str *version)
{
    ssize_t slash = str_index(api_version, '/');
    *group = slash < 0 ? STR("") : str_first(api_version, (size_t)slash);
    *version = str_skip(api_version, (size_t)(slash + 1));
}

bool kind_serves(const struct kind *k, struct str version)
{
    for (size_t i = 0; i < ARRAY_LEN(k->versions) && k->versions[i]; i++)
        if (str_eqc(version, k->versions[i])) return true;
    return false;
}

char *kind_api_version(const struct kind *k, char *buf, size_t n)
{
    snprintf(buf, n, "%s%s%s", k->group, k->group[0] ? "/" : "", k->versions[0]);
    return buf;
}
