/* What a person writes, laid over what is there: who owns which part of an object. Results are new resources (one reference)
 * without stamps of their own: the store adds them. */
#ifndef WEFT_API_MERGE_H
#define WEFT_API_MERGE_H

#include "config/resource.h"
#include "pb/errs.h"

/* A new object: no uid, version or times that its author made up. */
struct resource *merge_new(const struct resource *r);
/* apply: the person's part (spec, labels, annotations ...) is replaced as written; kept are status, addresses that were
 * given, ownership, deletion, the labels and annotations of controllers, and a deployment's replicas when the manifest
 * names none (r must have been read with positions for that). */
struct resource *merge_apply(const struct resource *old, const struct resource *r);
/* PUT and PATCH: all that the author sent, but for the status and what no author changes. */
struct resource *merge_replace(const struct resource *old, const struct resource *r);
/* PUT and PATCH of /status: only the status. */
struct resource *merge_status(const struct resource *old, const struct resource *r);

/* What may not change in an object that exists (Kubernetes' immutable fields): false, and an error for each that differs. */
bool merge_allowed(const struct resource *old, const struct resource *next, struct err_at at, struct errs *errs);

#endif
