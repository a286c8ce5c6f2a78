/* What is done to a request's head before anything looks at it: refusals, path normalisation, hop-by-hop headers, the client's
 * address, internal or external, x-forwarded-*, x-request-id (dataplane.md 4.1, 4.2). */
#ifndef WEFT_PROXY_REQUEST_H
#define WEFT_PROXY_REQUEST_H

#include "proxy/stream.h"

/* False: the request was answered (or its stream ended). */
bool request_prepare(struct stream *s);

/* Exported for tests: RFC 3986 dot segments (with their ";params", CVE-2026-73551) and decoding of unreserved characters;
 * false: not a path. Result in a, or the path itself. */
bool path_normalize(struct str path, bool merge_slashes, struct arena *a, struct str *ret);

#endif
