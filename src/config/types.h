/* Short names for the generated message types of the kinds, so that code reads as the YAML does. */
#ifndef WEFT_CONFIG_TYPES_H
#define WEFT_CONFIG_TYPES_H

#include "config/resource.h"

#include "k8s.io.api.apps.v1.pb-c.h"
#include "k8s.io.api.core.v1.pb-c.h"
#include "k8s.io.api.discovery.v1.pb-c.h"
#include "weft.config.pb-c.h"

/* Kubernetes */
typedef K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__LabelSelector K8sLabelSelector;
typedef K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__Time K8sTime;
typedef K8s__Io__Apimachinery__Pkg__Util__Intstr__IntOrString IntOrString;
typedef K8s__Io__Api__Core__V1__Namespace K8sNamespace;
typedef K8s__Io__Api__Core__V1__Service K8sService;
typedef K8s__Io__Api__Core__V1__ServicePort K8sServicePort;
typedef K8s__Io__Api__Core__V1__Pod K8sPod;
typedef K8s__Io__Api__Core__V1__PodSpec K8sPodSpec;
typedef K8s__Io__Api__Core__V1__Container K8sContainer;
typedef K8s__Io__Api__Core__V1__Probe K8sProbe;
typedef K8s__Io__Api__Core__V1__Secret K8sSecret;
typedef K8s__Io__Api__Core__V1__ConfigMap K8sConfigMap;
typedef K8s__Io__Api__Apps__V1__Deployment K8sDeployment;
typedef K8s__Io__Api__Apps__V1__ReplicaSet K8sReplicaSet;
typedef K8s__Io__Api__Discovery__V1__EndpointSlice K8sEndpointSlice;
/* Istio: X is the spec, XObject the whole object */
typedef Weft__Config__VirtualService VirtualServiceObject;
typedef Weft__Config__DestinationRule DestinationRuleObject;
typedef Weft__Config__Gateway GatewayObject;
typedef Weft__Config__ServiceEntry ServiceEntryObject;
typedef Istio__Networking__V1alpha3__VirtualService VirtualService;
typedef Istio__Networking__V1alpha3__HTTPRoute HTTPRoute;
typedef Istio__Networking__V1alpha3__HTTPMatchRequest HTTPMatchRequest;
typedef Istio__Networking__V1alpha3__StringMatch StringMatch;
typedef Istio__Networking__V1alpha3__Destination Destination;
typedef Istio__Networking__V1alpha3__HTTPRouteDestination HTTPRouteDestination;
typedef Istio__Networking__V1alpha3__RouteDestination RouteDestination;
typedef Istio__Networking__V1alpha3__DestinationRule DestinationRule;
typedef Istio__Networking__V1alpha3__Subset Subset;
typedef Istio__Networking__V1alpha3__TrafficPolicy TrafficPolicy;
typedef Istio__Networking__V1alpha3__Gateway Gateway;
typedef Istio__Networking__V1alpha3__Server GatewayServer;
typedef Istio__Networking__V1alpha3__ServiceEntry ServiceEntry;

/* The message of a resource as its type; NULL when the resource is NULL or of another kind. */
static inline K8sService *as_service(const struct resource *r) { return r && r->kind->id == KIND_SERVICE ? (K8sService *)r->msg : NULL; }
static inline K8sPod *as_pod(const struct resource *r) { return r && r->kind->id == KIND_POD ? (K8sPod *)r->msg : NULL; }
static inline K8sDeployment *as_deployment(const struct resource *r)
{
    return r && r->kind->id == KIND_DEPLOYMENT ? (K8sDeployment *)r->msg : NULL;
}
static inline K8sReplicaSet *as_replica_set(const struct resource *r)
{
    return r && r->kind->id == KIND_REPLICA_SET ? (K8sReplicaSet *)r->msg : NULL;
}
static inline K8sEndpointSlice *as_endpoint_slice(const struct resource *r)
{
    return r && r->kind->id == KIND_ENDPOINT_SLICE ? (K8sEndpointSlice *)r->msg : NULL;
}
static inline K8sSecret *as_secret(const struct resource *r) { return r && r->kind->id == KIND_SECRET ? (K8sSecret *)r->msg : NULL; }
static inline VirtualServiceObject *as_virtual_service(const struct resource *r)
{
    return r && r->kind->id == KIND_VIRTUAL_SERVICE ? (VirtualServiceObject *)r->msg : NULL;
}
static inline DestinationRuleObject *as_destination_rule(const struct resource *r)
{
    return r && r->kind->id == KIND_DESTINATION_RULE ? (DestinationRuleObject *)r->msg : NULL;
}
static inline GatewayObject *as_gateway(const struct resource *r)
{
    return r && r->kind->id == KIND_GATEWAY ? (GatewayObject *)r->msg : NULL;
}
static inline ServiceEntryObject *as_service_entry(const struct resource *r)
{
    return r && r->kind->id == KIND_SERVICE_ENTRY ? (ServiceEntryObject *)r->msg : NULL;
}

#endif
