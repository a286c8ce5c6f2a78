/* Calls that only look: map, search, files, validation, what may be written. */
#ifndef WEFT_API_PLATFORM_LOOKUPS_H
#define WEFT_API_PLATFORM_LOOKUPS_H

#include "api/platform/platform.h"

struct preq;

/* README: the answer of GET /map. project NULL: all. */
json_t *map_view(struct platform *p, const char *project, uint32_t window);

void map_get_call(struct preq *q);
void search_call(struct preq *q);
void files_list(struct preq *q);
void files_put(struct preq *q);
void validate_call(struct preq *q);
void schema_get(struct preq *q);

#endif
