/* What `get` prints of each kind: kubectl's columns, from the object's JSON. */
#ifndef WEFT_CLI_COLUMNS_H
#define WEFT_CLI_COLUMNS_H

#include "cli/table.h"

#include <jansson.h>

/* A table for objects of this plural ("pods"); with_ns adds NAMESPACE in front, wide the columns of -o wide. */
struct table *columns_table(const char *plural, bool with_ns, bool wide);
/* Adds the object's row. prefix: "pod/" before the name (get all), or "". */
void columns_row(struct table *t, const char *plural, bool with_ns, bool wide, const char *prefix, const json_t *object);
/* The word in the STATUS column of a pod: Running, CrashLoopBackOff, Terminating, ... Never NULL. */
const char *columns_pod_status(const json_t *pod);
/* "5m" since an RFC 3339 time; "<unknown>" when there is none. */
char *columns_age(const char *rfc3339, char *buf, size_t n);

#endif
