/* Kinds and paths: from the words that a person types ("po", "pods", "pod/NAME") to Kubernetes' paths. */
#ifndef WEFT_CLI_RESOURCE_H
#define WEFT_CLI_RESOURCE_H

#include "cli/api.h"
#include "config/kinds.h"

/* The kind behind a plural, singular or short name, whatever its case; NULL and e with a suggestion. */
const struct kind *resource_kind(const char *word, struct err *e);
/* "/apis/GROUP/VERSION/namespaces/NS/PLURAL[/NAME]"; ns NULL: all namespaces; name NULL: the list. Heap string. */
char *resource_path(const struct kind *k, const char *ns, const char *name);
/* Splits "KIND/NAME" or takes KIND and NAME from two arguments; *ret_used tells how many were taken. */
int resource_parse(int argc, char **argv, const struct kind **ret_kind, const char **ret_name, int *ret_used, struct err *e);
/* Fetches one object; NULL and e. The caller owns it. */
json_t *resource_get(const struct cli *c, const struct kind *k, const char *ns, const char *name, struct err *e);
/* A pod by name, "pod/NAME" or "deploy/NAME" (its first running pod). NULL and e. The caller owns it. */
json_t *resource_pod(const struct cli *c, const char *word, struct err *e);
/* Prints as YAML or JSON for -o. 0, or EXIT_USAGE for an unknown format. */
int resource_print(const struct cli *c, const json_t *object);

#endif
