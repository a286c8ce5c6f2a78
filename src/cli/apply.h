/* Sending manifests to the mesh: shared by apply, diff and up. */
#ifndef WEFT_CLI_APPLY_H
#define WEFT_CLI_APPLY_H

#include "cli/api.h"
#include "cli/files.h"

/* POSTs the files to /weft/v1/VERB (apply, diff). namespace: for objects that name none; timeout_ms: for the proxies' acknowledgement.
 * The answer's JSON (owned by the caller), or NULL and e. *ret_status is the HTTP status. */
json_t *apply_send(const struct cli *c, const char *verb, const struct file_list *files, int64_t timeout_ms, bool dry_run, long *ret_status,
                   struct err *e);
/* Prints errors, warnings and findings of an answer, as they are, to stderr. */
void apply_print_findings(const json_t *answer);
/* "deployment.apps/x created" for each object, and how many proxies acknowledged in how many ms. EXIT_OK, or EXIT_FAILED when
 * some proxy did not acknowledge in time or refused. */
int apply_print_result(const json_t *answer);

#endif
