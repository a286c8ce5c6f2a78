/* The state directory: one lock, held by the `weft up` that owns it. The lock file holds its process id as text. */
#ifndef WEFT_NODE_STATE_H
#define WEFT_NODE_STATE_H

#include "base/err.h"
#include "base/str.h"

/* Makes the directory (0700) with its parents when it is missing, takes STATE/lock and writes our pid. Returns the lock's fd,
 * to be kept open; -EBUSY when another mesh runs there (the message names its pid). Stale sockets are removed. */
int state_lock(const char *state_dir, struct err *e);
/* The pid of the weft up that holds the lock; 0 when no mesh runs there. */
pid_t state_owner(const char *state_dir);

#endif
