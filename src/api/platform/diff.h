/* The difference of two texts line by line, as a page or a terminal shows it. Pure. */
#ifndef WEFT_API_PLATFORM_DIFF_H
#define WEFT_API_PLATFORM_DIFF_H

#include "config/resource.h"

#include <jansson.h>

/* [{"op": " " | "+" | "-", "text"}], whole texts. Texts of more than 2000 lines each: all removed, all added. A new reference. */
json_t *diff_lines(struct str before, struct str after);
/* Of two manifests as YAML, without stamps and status; NULL: it is not there. A new reference. */
json_t *diff_manifests(const struct resource *before, const struct resource *after);

#endif
