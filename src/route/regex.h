/* RE2 behind a C interface: linear time whatever a peer sends, bytes (Latin-1) instead of UTF-8 so that no byte sequence
 * escapes a rule. Immutable after compilation: any number of threads may match. */
#ifndef WEFT_ROUTE_REGEX_H
#define WEFT_ROUTE_REGEX_H

#include "base/buf.h"
#include "base/err.h"

struct regex;

/* NULL and *e when the expression is bad or its program is too large. */
struct regex *regex_new(struct str pattern, struct err *e);
void regex_free(struct regex *r);
/* The whole text matches (Envoy's safe_regex: full match). */
bool regex_full(const struct regex *r, struct str text);
/* Some part of it matches. */
bool regex_partial(const struct regex *r, struct str text);
/* Appends text with every match replaced; \0..\9 in the substitution are groups (Envoy's RegexMatchAndSubstitute). */
void regex_replace(const struct regex *r, struct str text, struct str substitution, struct buf *out);
/* A substitution that names a group which the pattern lacks is refused. */
int regex_check_substitution(const struct regex *r, struct str substitution, struct err *e);

#endif
