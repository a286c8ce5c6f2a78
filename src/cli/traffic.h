/* A service's TrafficSpec, fetched, edited and ordered: what the commands of `weft traffic` share. */
#ifndef WEFT_CLI_TRAFFIC_H
#define WEFT_CLI_TRAFFIC_H

#include "cli/platform.h"

struct traffic {
    struct service_ref service;
    json_t *spec; /* owned; where nothing is ordered yet: the versions that run */
    char *etag;   /* of what was read, so that nobody's change is overwritten */
};

/* The traffic of SERVICE (NULL: the only one). Exit code; free it in any case. */
int traffic_load(const struct cli *c, const char *word, struct traffic *t);
void traffic_free(struct traffic *t);
/* Orders t->spec, or previews it with --dry-run, and prints what came: the sentence, and how many proxies acknowledged. Exit code. */
int traffic_order(const struct cli *c, const struct traffic *t);
/* A preview as the API gives it: sentence, diff, effect, warnings. EXIT_FAILED with errors, EXIT_REFUSED by a guard rail. */
int preview_print(const struct cli *c, const json_t *preview);

#endif
