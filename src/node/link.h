/* Network links by rtnetlink: bridge, veth pairs, addresses, routes. Acts in the network namespace of the caller. */
#ifndef WEFT_NODE_LINK_H
#define WEFT_NODE_LINK_H

#include "net/addr.h"

/* A socket for the functions below; close() it. */
int link_open(struct err *e);
/* Hardware addresses follow from IP addresses (`ip`): neighbours keep them for half a minute, so an address that a new pod
 * takes over must lead to the new pod at once, and the bridge's must not change as ports come and go. */
int link_bridge(int nl, const char *name, const struct addr *ip, struct err *e);
/* A pair: `name` here on bridge `master`, its peer as `peer` in the network namespace of process `pid`. Up at once. */
int link_veth(int nl, const char *name, const char *master, const char *peer, const struct addr *ip, pid_t pid, struct err *e);
int link_up(int nl, const char *name, struct err *e);
int link_address(int nl, const char *name, const struct addr *ip, unsigned prefix, struct err *e);
/* Default route by gateway. */
int link_gateway(int nl, const struct addr *gw, struct err *e);
/* What goes to this net is answered with "unreachable" at once. */
int link_unreachable(int nl, const struct cidr *net, struct err *e);
int link_delete(int nl, const char *name, struct err *e);
/* Writes a value to /proc/sys/PATH: "net/ipv4/ip_forward". */
int link_sysctl(const char *path, const char *value);

#endif
