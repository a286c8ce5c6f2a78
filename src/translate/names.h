/* Names: hosts of Istio's resources, and the names that istiod gives to xDS resources (istio.md 2.1, 3.2-3.5). */
#ifndef WEFT_TRANSLATE_NAMES_H
#define WEFT_TRANSLATE_NAMES_H

#include "base/arena.h"

/* A host as a resource in namespace ns wrote it -> its full name, lower case: a name without a dot that is neither "*"
 * nor an IP gets ".NS.svc.DOMAIN"; whatever has a dot is taken as it is. */
const char *name_host(struct arena *a, const char *host, const char *ns, const char *domain);
/* "outbound|PORT|SUBSET|HOST"; subset may be NULL. */
const char *name_cluster(struct arena *a, uint32_t port, const char *subset, const char *host);
/* "inbound|PORT||". */
const char *name_inbound(struct arena *a, uint32_t port);
/* "/apis/networking.istio.io/v1/namespaces/NS/KIND/NAME", as istiod puts it into metadata; kind as "virtual-service". */
const char *name_config(struct arena *a, const char *kind, const char *ns, const char *name);
/* A VirtualService's word for a gateway ("mesh", "ns/name", "name", "./name", "name.ns.svc...") -> "mesh" or "ns/name". */
const char *name_gateway(struct arena *a, const char *gateway, const char *ns);

/* Lower case, in the arena. */
const char *name_lower(struct arena *a, const char *s);

bool host_is_wildcard(const char *host);
/* Whether pattern ("*", "*.x", or a plain name) covers host (which may itself be a wildcard). */
bool host_covers(const char *pattern, const char *host);
/* The narrower of two host patterns where they intersect; NULL where they do not. */
const char *host_intersect(const char *x, const char *y);
bool host_is_ip(const char *s);

#endif
