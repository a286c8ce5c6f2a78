/* Before the fabric: can this machine make it? Says exactly what is missing. */
#ifndef WEFT_NODE_PREFLIGHT_H
#define WEFT_NODE_PREFLIGHT_H

#include "base/err.h"

enum preflight_mode { PREFLIGHT_ROOT, PREFLIGHT_USER_NS };

/* Tries in a child process: namespaces, bridge, veth, nftables' NAT. 0 and the mode that works, or an error whose hint is the
 * command or setting that helps. Takes a few milliseconds. */
int preflight(bool force_user_ns, enum preflight_mode *ret, struct err *e);

#endif
