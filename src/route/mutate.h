/* Header additions and removals from configuration, in Envoy's order and with Envoy's append actions
 * (dataplane.md 4.1 "headers from config"). */
#ifndef WEFT_ROUTE_MUTATE_H
#define WEFT_ROUTE_MUTATE_H

#include "route/format.h"
#include "route/match.h"

struct Envoy__Config__Core__V3__HeaderValueOption;

enum header_action { HEADER_APPEND, HEADER_ADD_IF_ABSENT, HEADER_OVERWRITE, HEADER_OVERWRITE_IF_EXISTS };

struct header_add {
    struct str name; /* lower case */
    struct format *value;
    enum header_action action;
    bool keep_empty;
};

struct header_mutation {
    struct header_add *add;
    struct str *remove; /* lower case */
    size_t n_add, n_remove;
};

/* Pseudo-headers and Host cannot be mutated: refused. */
int header_mutation_compile(struct header_mutation *m, struct Envoy__Config__Core__V3__HeaderValueOption **add, size_t n_add, char **remove,
                            size_t n_remove, struct route_build *b, struct err *e);

/* How a mutation changes the caller's header table. */
struct header_sink {
    void *table;
    bool (*has)(void *table, struct str name);
    void (*add)(void *table, struct str name, struct str value); /* value must be copied */
    void (*remove)(void *table, struct str name);                /* all of that name */
};
/* Removals first, then additions (Envoy header_parser.cc). */
void header_mutation_apply(const struct header_mutation *m, const struct header_sink *sink, const struct format_source *src);

#endif
