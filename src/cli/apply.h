/* Sending manifests to the mesh: shared by apply, diff and up. */
#ifndef WEFT_CLI_APPLY_H
#define WEFT_CLI_APPLY_H

#include "cli/api.h"
#include "cli/files.h"

/* POSTs the files to /weft/v1/VERB (apply, diff). wait_ms: for the proxies' acknowledgement. Errors, warnings and findings are
 * printed to stderr as they are. The answer's JSON (owned by the caller), or NULL after a printed error; *ret_good: the mesh took
 * the files. */
json_t *apply_send(const struct cli *c, const char *verb, const struct file_list *files, int64_t wait_ms, bool dry_run, bool *ret_good);
/* The same for what -f names. */
json_t *apply_files(const struct cli *c, const char *verb, const struct text_list *names, int64_t wait_ms, bool dry_run, bool *ret_good);
/* "deployment.apps/x created" for each object, and how many proxies acknowledged in how many ms. EXIT_OK, or EXIT_FAILED when
 * some proxy did not acknowledge in time or refused. */
int apply_print_result(const json_t *answer);

#endif
