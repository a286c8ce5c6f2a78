/* Commits of calls that are not the platform's own: `weft apply`, `weft delete`, Kubernetes' dialect. */
#ifndef WEFT_API_PLATFORM_CALL_COMMIT_H
#define WEFT_API_PLATFORM_CALL_COMMIT_H

#include "api/call.h"

/* controller_commit, with an audit entry for each object whose content a person changes (not statuses, pods and what controllers report;
 * those of Traffic, Release and Project come from the gate, admission.h). */
int call_commit(struct call *c, struct batch *b, struct err *e);

#endif
