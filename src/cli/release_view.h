/* A release as text: for `release get`, drawn again and again by -w, and as single lines where output is piped. Pure. */
#ifndef WEFT_CLI_RELEASE_VIEW_H
#define WEFT_CLI_RELEASE_VIEW_H

#include "base/buf.h"

#include <jansson.h>

struct view_options {
    unsigned width;  /* columns; lines are cut there. 0: never */
    unsigned height; /* lines; the log is cut there. 0: all */
    bool colour, utf8;
    int64_t now_ms; /* wall clock, for countdowns and ages */
};

/* The whole picture of a Release (see api/platform/README.md): head, split, steps, metrics, why, log (array or NULL). */
void release_view(const json_t *release, const json_t *log, const struct view_options *o, struct buf *out);
/* One line about how it stands: "step 2 of 5, 10 % to v2, baking: 420 requests ...". Without time and newline. */
void release_line(const json_t *release, struct buf *out);
/* One entry of the log as a line. */
void release_log_line(const json_t *entry, struct buf *out);
/* The steps of a release or of a plan, as lines of aligned columns. */
void release_steps(const json_t *steps, const struct view_options *o, struct buf *out);

/* A metric's tile has a ratio to speak of: both versions were seen, and it is no split. */
bool release_compared(const json_t *tile);

enum release_outcome { RELEASE_OPEN, RELEASE_GOOD, RELEASE_BACK, RELEASE_BAD };
/* Whether it is over, and how: warm and succeeded are good, rolled-back and aborted are back on the old version. */
enum release_outcome release_outcome(const char *state);

#endif
