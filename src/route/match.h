/* Matchers of strings, headers and query parameters, compiled from Envoy's messages (dataplane.md 4.4). Immutable. */
#ifndef WEFT_ROUTE_MATCH_H
#define WEFT_ROUTE_MATCH_H

#include "base/arena.h"
#include "base/err.h"
#include "route/regex.h"

struct Envoy__Type__Matcher__V3__StringMatcher;
struct Envoy__Config__Route__V3__HeaderMatcher;
struct Envoy__Config__Route__V3__QueryParameterMatcher;

/* Regexes are not arena memory: whoever owns the arena keeps this list and frees it (regex_list_free) before the arena. */
struct regex_list {
    struct regex_list *next;
    struct regex *regex;
};
void regex_list_free(struct regex_list *l);

/* What compiling needs: where memory comes from and which regexes to free later. */
struct route_build {
    struct arena *arena;
    struct regex_list *regexes;
};
/* A lower-case copy (ASCII); NULL is "". */
struct str route_lower(struct arena *a, const char *text);
/* A regex that lives as long as the build's arena; NULL and *e when it is bad. */
struct regex *route_regex(struct route_build *b, const char *pattern, struct err *e);

enum match_kind { MATCH_EXACT, MATCH_PREFIX, MATCH_SUFFIX, MATCH_CONTAINS, MATCH_REGEX, MATCH_RANGE, MATCH_PRESENT };

struct string_match {
    enum match_kind kind;
    bool ignore_case;
    struct str text;
    struct regex *regex;
};
int string_match_compile(struct string_match *m, const struct Envoy__Type__Matcher__V3__StringMatcher *from, struct route_build *b,
                         struct err *e);
bool string_match(const struct string_match *m, struct str s);

/* How route reads the headers of a request, whatever table holds them; route_headers_of() for src/http's. */
struct headers;
struct route_headers {
    const void *table;
    /* The value of a lower-case name, pseudo-headers included; repeated ones joined by ",". False: absent. */
    bool (*get)(const void *table, struct str name, struct str *value);
    /* One value after the other: prev is NULL, then what the last call returned. NULL: no more. id: what header_lookup() of
     * src/http says of the name, so that its table need not ask again; other tables may ignore it. */
    const void *(*next)(const void *table, struct str name, uint8_t id, const void *prev, struct str *value);
};
struct route_headers route_headers_of(const struct headers *h);

/* A repeated header matches when one of its values does, each looked at alone (Envoy 1.40, measured; invert negates that). */
struct header_match {
    struct str name;           /* lower case */
    uint8_t id;                /* enum header_id */
    struct string_match value; /* kind MATCH_RANGE and MATCH_PRESENT too */
    int64_t start, end;        /* MATCH_RANGE: [start, end) */
    bool present;              /* MATCH_PRESENT: wanted presence */
    bool invert, missing_as_empty;
};
int header_match_compile(struct header_match *m, const struct Envoy__Config__Route__V3__HeaderMatcher *from, struct route_build *b,
                         struct err *e);
bool header_match(const struct header_match *m, const struct route_headers *h);
static inline bool header_match_all(const struct header_match *m, size_t n, const struct route_headers *h)
{
    for (size_t i = 0; i < n; i++)
        if (!header_match(&m[i], h)) return false;
    return true;
}

struct query_match {
    struct str name;
    struct string_match value; /* MATCH_PRESENT: any value */
    bool present;
};
int query_match_compile(struct query_match *m, const struct Envoy__Config__Route__V3__QueryParameterMatcher *from, struct route_build *b,
                        struct err *e);
/* query: what stands behind '?', without it. */
bool query_match(const struct query_match *m, struct str query);
/* First value of a key in a query; false when the key is absent. Not decoded (Envoy matches the raw text). */
bool query_param(struct str query, struct str name, struct str *value);

/* A fraction of requests. */
struct fraction {
    uint32_t numerator, denominator; /* denominator 100, 10000 or 1000000 */
};
static inline bool fraction_hit(struct fraction f, uint64_t random) { return random % f.denominator < f.numerator; }

#endif
