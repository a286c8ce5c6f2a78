/* The table of messages: Istio's codes and levels (istio.io/latest/docs/reference/config/analysis), and ours. One line each; the text is
 * made where the finding is. */
#ifndef WEFT_ANALYSIS_CODES_H
#define WEFT_ANALYSIS_CODES_H

/*      id                  code       level    name */
#define ANALYSIS_CODES(X)                                                                                                                  \
    X(NOT_FOUND, "IST0101", ERROR, "ReferencedResourceNotFound")                                                                           \
    X(MESH_HOSTS, "IST0109", ERROR, "ConflictingMeshGatewayVirtualServiceHosts")                                                           \
    X(PORT_REQUIRED, "IST0112", ERROR, "VirtualServiceDestinationPortSelectorRequired")                                                    \
    X(SEVERAL_SERVICES, "IST0116", WARNING, "DeploymentAssociatedToMultipleServices")                                                      \
    X(PORT_NAME, "IST0118", INFO, "PortNameIsNotUnderNamingConvention")                                                                    \
    X(NO_SERVER_CHECK, "IST0128", WARNING, "NoServerCertificateVerificationDestinationLevel")                                              \
    X(NO_SERVER_CHECK_PORT, "IST0129", WARNING, "NoServerCertificateVerificationPortLevel")                                                \
    X(UNREACHABLE, "IST0130", WARNING, "VirtualServiceUnreachableRule")                                                                    \
    X(INEFFECTIVE, "IST0131", INFO, "VirtualServiceIneffectiveMatch")                                                                      \
    X(HOST_NOT_IN_GATEWAY, "IST0132", WARNING, "VirtualServiceHostNotFoundInGateway")                                                      \
    X(TARGET_PORTS, "IST0137", WARNING, "DeploymentConflictingPorts")                                                                      \
    X(PROXY_UID, "IST0144", WARNING, "InvalidApplicationUID")                                                                              \
    X(GATEWAYS, "IST0145", ERROR, "ConflictingGateways")                                                                                   \
    X(CREDENTIAL, "IST0161", ERROR, "InvalidGatewayCredential")                                                                            \
    X(GATEWAY_PORT, "IST0162", WARNING, "GatewayPortNotDefinedOnService")                                                                  \
    X(SUBSET_NO_PODS, "IST0173", ERROR, "DestinationRuleSubsetNotSelectPods")                                                              \
    X(RULE_HOST, "IST0174", WARNING, "UnknownDestinationRuleHost")                                                                         \
    /* Weft's own kinds */                                                                                                                 \
    X(TRAFFIC_HOST, "WEFT001", ERROR, "TrafficHostNotFound")                                                                               \
    X(TRAFFIC_TWICE, "WEFT002", ERROR, "ConflictingTraffic")                                                                               \
    X(TRAFFIC_AND, "WEFT003", ERROR, "TrafficConditionsCannotBeJoined")                                                                    \
    X(VERSION_NO_PODS, "WEFT004", WARNING, "VersionSelectsNoPods")                                                                         \
    X(VERSIONS_OVERLAP, "WEFT005", ERROR, "VersionsOverlap")                                                                               \
    X(PROJECT_SERVICE, "WEFT006", ERROR, "ServiceOfSeveralProjects")                                                                       \
    X(PROJECT_NO_SERVICE, "WEFT007", WARNING, "ProjectServiceNotFound")

#define ANALYSIS_ID(id, code, level, name) IST_##id,
enum analysis_code { ANALYSIS_CODES(ANALYSIS_ID) IST__N };

#endif
