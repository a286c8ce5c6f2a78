/* What is carried out of a VirtualService, and where each route comes from: a person's YAML, or Traffic (weftd's /weft/v1/effective). */
#ifndef WEFT_CLI_EFFECTIVE_H
#define WEFT_CLI_EFFECTIVE_H

#include "cli/api.h"
#include "config/kinds.h"

/* weftd's answer (api/weft/effective.h), owned; NULL and e. */
json_t *effective_fetch(const struct cli *c, const struct kind *k, const char *ns, const char *name, struct err *e);
/* `get KIND NAME --effective`: a table of routes, or with -o the object. The exit code. */
int effective_get(const struct cli *c, const struct kind *k, const char *name);
/* The routes of an answer as a table, and what could not be joined; title stands above where there is anything. */
void effective_print(const json_t *answer, const char *title);

#endif
