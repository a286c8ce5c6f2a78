/* Kubernetes' strategic merge patch: as a merge patch, but lists of named things (containers, ports, env ...) are merged by
 * their key. https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/ */
#ifndef WEFT_API_RESOURCES_STRATEGIC_H
#define WEFT_API_RESOURCES_STRATEGIC_H

#include "pb/tree.h"

/* Lays patch on base and returns the result. $patch: delete and replace are followed; $setElementOrder and $retainKeys are
 * only about order and unions, which the result does not depend on here. */
struct node *strategic_merge(struct arena *a, struct node *base, const struct node *patch);

#endif
