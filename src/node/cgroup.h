/* Memory and CPU limits of containers, where a writable cgroup controller exists (version 2, or 1). Groups stand below the
 * agent's own (or the root's) as weft-HASH/POD-CONTAINER, HASH of the state directory: what a killed mesh left is swept by
 * the next one there. Everywhere else limits are skipped, and the pod's status says so. */
#ifndef WEFT_NODE_CGROUP_H
#define WEFT_NODE_CGROUP_H

#include "base/prelude.h"

struct cgroup;

/* NULL when no limit could be applied in full: *why says what is missing, owned by the caller. */
struct cgroup *cgroup_new(const char *state_dir, uint32_t pod, size_t container, uint64_t memory, unsigned cpu_milli, char **why);
/* Files to which a process writes "0" to be in it; up to 2, -1 for none. Not owned by the caller. */
void cgroup_files(const struct cgroup *g, int fds[2]);
/* True when the kernel killed a process in it for memory since the last call. */
bool cgroup_oom(struct cgroup *g);
/* Removes it; its processes must have ended. */
void cgroup_free(struct cgroup *g);
/* Removes what an earlier mesh with this state directory left behind. */
void cgroup_sweep(const char *state_dir);

#endif
