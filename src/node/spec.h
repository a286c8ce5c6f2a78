/* Checking and copying of pod specs. */
#ifndef WEFT_NODE_SPEC_H
#define WEFT_NODE_SPEC_H

#include "base/arena.h"
#include "node/node.h"

/* A spec that cannot run: what is wrong, or 0. */
int spec_check(const struct node_pod *p, struct err *e);
/* A deep copy in the arena, probes' zeroes replaced by Kubernetes' defaults. */
struct node_pod *spec_copy(struct arena *a, const struct node_pod *p);

#endif
