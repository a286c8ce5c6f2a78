/* Following a release by its events until it ends. */
#ifndef WEFT_CLI_RELEASE_WATCH_H
#define WEFT_CLI_RELEASE_WATCH_H

#include "cli/platform.h"
#include "cli/release_view.h"

/* The picture once, to stdout. */
int release_show(const struct cli *c, const struct release_ref *ref);
/* Follows it: on a terminal the picture is drawn again in place, else a line for each change of its state and each entry of its log.
 * Returns when it has ended: EXIT_OK, EXIT_ROLLED_BACK, EXIT_FAILED; EXIT_TIMEOUT after --timeout. quiet: no picture, lines only. */
int release_follow(const struct cli *c, struct release_ref *ref, bool quiet);
/* The exit code of a release that has ended. */
int release_exit(const json_t *release);

#endif
