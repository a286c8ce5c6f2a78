/* Response flags: why a request ended as it did, as %RESPONSE_FLAGS% and istio_requests_total show it (dataplane.md 4.8). */
#ifndef WEFT_PROXY_FLAGS_H
#define WEFT_PROXY_FLAGS_H

#include "base/buf.h"

/* X(name, long name), in the order in which they come about: Envoy prints them so ("URX,UF"). */
#define RESPONSE_FLAGS(X)                                                                                                                  \
    X(DI, "DelayInjected")                                                                                                                 \
    X(FI, "FaultInjected")                                                                                                                 \
    X(URX, "UpstreamRetryLimitExceeded")                                                                                                   \
    X(LH, "FailedLocalHealthCheck")                                                                                                        \
    X(UH, "NoHealthyUpstream")                                                                                                             \
    X(UT, "UpstreamRequestTimeout")                                                                                                        \
    X(LR, "LocalReset")                                                                                                                    \
    X(UR, "UpstreamRemoteReset")                                                                                                           \
    X(UF, "UpstreamConnectionFailure")                                                                                                     \
    X(UC, "UpstreamConnectionTermination")                                                                                                 \
    X(UO, "UpstreamOverflow")                                                                                                              \
    X(NR, "NoRouteFound")                                                                                                                  \
    X(RL, "RateLimited")                                                                                                                   \
    X(UAEX, "UnauthorizedExternalService")                                                                                                 \
    X(RLSE, "RateLimitServiceError")                                                                                                       \
    X(DC, "DownstreamConnectionTermination")                                                                                               \
    X(SI, "StreamIdleTimeout")                                                                                                             \
    X(IH, "InvalidEnvoyRequestHeaders")                                                                                                    \
    X(DPE, "DownstreamProtocolError")                                                                                                      \
    X(UMSDR, "UpstreamMaxStreamDurationReached")                                                                                           \
    X(NFCF, "NoFilterConfigFound")                                                                                                         \
    X(DT, "DurationTimeout")                                                                                                               \
    X(UPE, "UpstreamProtocolError")                                                                                                        \
    X(NC, "NoClusterFound")                                                                                                                \
    X(OM, "OverloadManagerTerminated")                                                                                                     \
    X(DF, "DnsResolutionFailed")                                                                                                           \
    X(DO, "DropOverload")                                                                                                                  \
    X(DR, "DownstreamRemoteReset")

enum {
#define X(name, text) RFI_##name,
    RESPONSE_FLAGS(X)
#undef X
        RFI__N
};
enum {
#define X(name, text) RF_##name = 1 << RFI_##name,
    RESPONSE_FLAGS(X)
#undef X
};

/* "UH,URX", or nothing and false for no flag. */
bool flags_write(uint32_t flags, bool long_names, struct buf *out);
const char *flags_name(unsigned index);

#endif
