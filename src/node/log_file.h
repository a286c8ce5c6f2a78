/* A container's output: a pipe read by the agent, appended to STATE/logs/NS_POD_CONTAINER.log, rotated once to .log.1. */
#ifndef WEFT_NODE_LOG_FILE_H
#define WEFT_NODE_LOG_FILE_H

#include "net/loop.h"

struct container_log;

/* *write_end: what the container writes to; owned by the caller, kept over restarts. owner: uid that may open /dev/stdout
 * by name (-1: ours). NULL on failure. */
struct container_log *log_open(struct loop *l, const char *path, uint64_t limit, int owner, int *write_end, struct err *e);
/* Reads what is left and closes; the files stay. */
void log_close(struct container_log *g);

#endif
