/* Ingress: listening sockets of the host, bridged to pods. A thread of its own relays with splice(2), so that traffic
 * through a door does not wait for the agent's work. */
#ifndef WEFT_NODE_DOORS_H
#define WEFT_NODE_DOORS_H

#include "net/addr.h"
#include "net/loop.h"

struct doors;

/* listen: the doors' sockets, taken over. */
struct doors *doors_new(const int *listen, size_t n, struct err *e);
/* From another thread. Copies. */
void doors_target(struct doors *d, size_t door, const struct addr *to, size_t n);

#endif
