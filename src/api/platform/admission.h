/* The checks and traces of the platform for what does not come through its own calls: for controller_set_gate. */
#ifndef WEFT_API_PLATFORM_ADMISSION_H
#define WEFT_API_PLATFORM_ADMISSION_H

#include "api/batch.h"
#include "pb/errs.h"

/* ctx: the struct platform. What speaks against a manifest, with its place. */
void admission_check(void *ctx, const struct resource *r, struct errs *errs);
/* Before a commit: refuses (-EINVAL, -EPERM, -EBUSY), fills in a Release's state, adds records of changes and audit entries. */
int admission_before(void *ctx, struct batch *b, struct err *e);
/* After it: releases that it begins are the engine's now. */
void admission_after(void *ctx, struct batch *b, int result);

#endif
