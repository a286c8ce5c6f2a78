/* A ReleaseSpec (JSON, see weft.dev.v1alpha1.proto) from the words of `weft release start` and `plan`. Pure. */
#ifndef WEFT_CLI_RELEASE_SPEC_H
#define WEFT_CLI_RELEASE_SPEC_H

#include "cli/cli.h"

#include <jansson.h>

struct release_words {
    const char *from, *to, *strategy, *steps, *bake, *approval_from, *inconclusive, *supersede, *warm_for, *reason;
};

/* Lays the words over `spec` (from a file, or empty). With conditions in `match` (array of Conditions, may be empty) the steps begin with
 * one for whoever they match, and keep it. Steps are WEIGHT[:BAKE],...; without them the strategy's. 0, or negative and e. */
int release_spec_apply(json_t *spec, const struct release_words *w, const json_t *match, struct err *e);

#endif
