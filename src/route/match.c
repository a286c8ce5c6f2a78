/* String, header and query matchers: compiling and matching. */
#include "route/match.h"

#include "http/headers.h"

#include "envoy.config.route.v3.pb-c.h"
#include "envoy.type.matcher.v3.pb-c.h"

typedef Envoy__Type__Matcher__V3__StringMatcher StringMatcher;
typedef Envoy__Config__Route__V3__HeaderMatcher HeaderMatcher;
typedef Envoy__Config__Route__V3__QueryParameterMatcher QueryMatcher;

void regex_list_free(struct regex_list *l)
{
    for (; l; l = l->next) regex_free(l->regex); /* the nodes are arena memory */
}

struct regex *route_regex(struct route_build *b, const char *pattern, struct err *e)
{
    struct regex *r = regex_new(str_of(pattern), e);
    if (!r) return NULL;
    struct regex_list *l = arena_new(b->arena, struct regex_list);
    *l = (struct regex_list){ b->regexes, r };
    b->regexes = l;
    return r;
}

static int regex_match(struct string_match *m, const Envoy__Type__Matcher__V3__RegexMatcher *from, struct route_build *b, struct err *e)
{
    if (!from || !from->regex || !*from->regex) return err_set(e, -EINVAL, "empty regular expression");
    m->kind = MATCH_REGEX;
    m->regex = route_regex(b, from->regex, e);
    return m->regex ? 0 : -EINVAL;
}

static int text_match(struct string_match *m, enum match_kind kind, const char *text, struct route_build *b, struct err *e)
{
    m->kind = kind;
    m->text = arena_str(b->arena, str_of(text));
    if (!m->text.n && kind != MATCH_EXACT) return err_set(e, -EINVAL, "a prefix, suffix or contains match must not be empty");
    return 0;
}

int string_match_compile(struct string_match *m, const StringMatcher *from, struct route_build *b, struct err *e)
{
    *m = (struct string_match){ .ignore_case = from->ignore_case };
    switch (from->match_pattern_case) {
    case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_EXACT: return text_match(m, MATCH_EXACT, from->exact, b, e);
    case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX: return text_match(m, MATCH_PREFIX, from->prefix, b, e);
    case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SUFFIX: return text_match(m, MATCH_SUFFIX, from->suffix, b, e);
    case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_CONTAINS: return text_match(m, MATCH_CONTAINS, from->contains, b, e);
    case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SAFE_REGEX: return regex_match(m, from->safe_regex, b, e);
    default: return err_set(e, -EINVAL, "a string match without a pattern that Weft knows");
    }
}

static bool find_ignoring_case(struct str s, struct str what)
{
    for (size_t i = 0; i + what.n <= s.n; i++)
        if (strncasecmp(s.p + i, what.p, what.n) == 0) return true;
    return what.n == 0;
}

static bool eq(struct str a, struct str b, bool ignore_case) { return ignore_case ? str_ieq(a, b) : str_eq(a, b); }

bool string_match(const struct string_match *m, struct str s)
{
    switch (m->kind) {
    case MATCH_EXACT: return eq(s, m->text, m->ignore_case);
    case MATCH_PREFIX: return s.n >= m->text.n && eq(str_first(s, m->text.n), m->text, m->ignore_case);
    case MATCH_SUFFIX: return s.n >= m->text.n && eq(str_skip(s, s.n - m->text.n), m->text, m->ignore_case);
    case MATCH_CONTAINS: return m->ignore_case ? find_ignoring_case(s, m->text) : str_find(s, m->text) >= 0;
    case MATCH_REGEX: return regex_full(m->regex, s);
    case MATCH_PRESENT: return true;
    case MATCH_RANGE: return false;
    }
    return false;
}

struct str route_lower(struct arena *a, const char *text)
{
    struct str s = str_of(text);
    char *p = arena_strndup(a, s.p, s.n);
    for (size_t i = 0; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] + 32);
    return str_make(p, s.n);
}

int header_match_compile(struct header_match *m, const HeaderMatcher *from, struct route_build *b, struct err *e)
{
    *m = (struct header_match){ .name = route_lower(b->arena, from->name),
                                .invert = from->invert_match,
                                .missing_as_empty = from->treat_missing_header_as_empty };
    if (!m->name.n) return err_set(e, -EINVAL, "a header match without a header name");
    m->id = (uint8_t)header_lookup(m->name.p, m->name.n);
    int rc = 0;
    struct string_match *v = &m->value;
    switch (from->header_match_specifier_case) {
    case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_EXACT_MATCH:
        rc = text_match(v, MATCH_EXACT, from->exact_match, b, e);
        break;
    case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PREFIX_MATCH:
        rc = text_match(v, MATCH_PREFIX, from->prefix_match, b, e);
        break;
    case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_SUFFIX_MATCH:
        rc = text_match(v, MATCH_SUFFIX, from->suffix_match, b, e);
        break;
    case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_CONTAINS_MATCH:
        rc = text_match(v, MATCH_CONTAINS, from->contains_match, b, e);
        break;
    case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_SAFE_REGEX_MATCH:
        rc = regex_match(v, from->safe_regex_match, b, e);
        break;
    case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_STRING_MATCH:
        rc = string_match_compile(v, from->string_match, b, e);
        break;
    case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_RANGE_MATCH:
        v->kind = MATCH_RANGE;
        m->start = from->range_match->start;
        m->end = from->range_match->end;
        break;
    case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PRESENT_MATCH:
        v->kind = MATCH_PRESENT;
        m->present = from->present_match;
        break;
    case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER__NOT_SET: /* no kind: the header must be there */
        if (from->base.n_unknown_fields) rc = err_set(e, -EINVAL, "a kind of header match that Weft does not know");
        v->kind = MATCH_PRESENT;
        m->present = true;
        break;
    default: rc = err_set(e, -EINVAL, "a kind of header match that Weft does not know");
    }
    return rc ? err_prefix(e, "header %.*s: ", STR_ARG(m->name)) : 0;
}

static bool value_matches(const struct header_match *m, struct str value)
{
    int64_t n;
    if (m->value.kind == MATCH_RANGE) return str_i64(value, &n) && n >= m->start && n < m->end;
    return string_match(&m->value, value);
}

bool header_match(const struct header_match *m, const struct route_headers *h)
{
    struct str value;
    const void *found = h->next(h->table, m->name, m->id, NULL, &value);
    if (m->value.kind == MATCH_PRESENT) return (found != NULL || m->missing_as_empty) == (m->present != m->invert);
    if (!found) {
        if (!m->missing_as_empty) return false; /* also with invert (dataplane.md 4.4) */
        value = STR("");
    }
    bool hit = value_matches(m, value);
    while (!hit && found && (found = h->next(h->table, m->name, m->id, found, &value))) hit = value_matches(m, value);
    return hit != m->invert;
}

static bool get_joined(const void *table, struct str name, struct str *value)
{
    *value = headers_joined(table, name);
    return value->p != NULL;
}

static const void *next_value(const void *table, struct str name, uint8_t id, const void *prev, struct str *value)
{
    const struct headers *h = table;
    const struct header *e = prev ? headers_next_same(h, prev) : id ? headers_find(h, id) : headers_find_name(h, name);
    if (e) *value = header_value(e);
    return e;
}

struct route_headers route_headers_of(const struct headers *h) { return (struct route_headers){ h, get_joined, next_value }; }

int query_match_compile(struct query_match *m, const QueryMatcher *from, struct route_build *b, struct err *e)
{
    *m = (struct query_match){ .name = arena_str(b->arena, str_of(from->name)) };
    if (!m->name.n) return err_set(e, -EINVAL, "a query parameter match without a name");
    m->present = true;
    m->value.kind = MATCH_PRESENT;
    if (from->query_parameter_match_specifier_case ==
        ENVOY__CONFIG__ROUTE__V3__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_PRESENT_MATCH) {
        m->present = from->present_match;
    } else if (from->query_parameter_match_specifier_case ==
               ENVOY__CONFIG__ROUTE__V3__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_STRING_MATCH) {
        if (string_match_compile(&m->value, from->string_match, b, e)) return err_prefix(e, "query parameter %.*s: ", STR_ARG(m->name));
    }
    return 0;
}

bool query_param(struct str query, struct str name, struct str *value)
{
    while (query.n) {
        struct str pair = str_cut(&query, '&');
        struct str key = str_cut(&pair, '=');
        if (!str_eq(key, name)) continue;
        *value = pair.p ? pair : STR("");
        return true;
    }
    return false;
}

bool query_match(const struct query_match *m, struct str query)
{
    struct str value;
    bool found = query_param(query, m->name, &value);
    if (m->value.kind == MATCH_PRESENT) return found == m->present;
    return found && string_match(&m->value, value);
}
