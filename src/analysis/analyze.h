/* Analysis: finds in a world what would not work, with Istio's codes (istioctl analyze). One file per group of analyzers,
 * codes.h is the table of messages. */
#ifndef WEFT_ANALYSIS_ANALYZE_H
#define WEFT_ANALYSIS_ANALYZE_H

#include "config/read.h"
#include "config/world.h"

enum analysis_level { ANALYSIS_INFO, ANALYSIS_WARNING, ANALYSIS_ERROR };

struct analysis_message {
    const char *code; /* "IST0101" */
    enum analysis_level level;
    struct resource *resource; /* about what; one reference held by the list */
    struct err_at at;          /* the field's place where known, else the resource's */
    char *text;
};
struct analysis_list {
    struct analysis_message *v;
    size_t n, cap;
};

/* Runs all analyzers over a world, sorted by level (errors first), then code, kind, namespace, name. Messages suppressed by the
 * annotation galley.istio.io/analyze-suppress are left out. */
void analysis_run(const struct world *w, struct analysis_list *out);
/* Only messages about resources of `these` are kept: what an apply should print. */
void analysis_only(struct analysis_list *l, struct resource *const *these, size_t n);
/* "Error [IST0101] (VirtualService default/reviews file.yaml:12) text". Returns buf. */
char *analysis_text(const struct analysis_message *m, char *buf, size_t n);
const char *analysis_level_name(enum analysis_level l); /* "Error" */
size_t analysis_count(const struct analysis_list *l, enum analysis_level at_least);
void analysis_free(struct analysis_list *l);

/* `weft analyze FILE...`: reads the inputs, and analyses what they hold on top of `base` (NULL: only the files). Everything found is
 * appended to `out` as lines of text, errors of reading as FILE:LINE:COL: error: ... Returns the exit code: 0, or 1 when
 * there was an error. */
int analysis_files(const struct config_input *in, size_t n, const char *default_namespace, const struct world *base, struct buf *out);

#endif
