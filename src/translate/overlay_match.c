/* AND of matches. Two conditions on one header become one where that can be said: an exact value is tried against the other, equal
 * ones and longer prefixes win, "not" joins as alternatives of one pattern. Two patterns on one header cannot be said. */
#include "translate/overlay_match.h"

#include "base/buf.h"
#include "route/regex.h"
#include "translate/msg.h"

#define EXACT  ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_EXACT
#define PREFIX ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX
#define REGEX  ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_REGEX

/* Headers, withoutHeaders and queryParams are maps with entries of one layout. */
typedef Istio__Networking__V1alpha3__HTTPMatchRequest__HeadersEntry match_entry;

enum joined { JOINED, NEVER, UNSAYABLE };

struct match_set match_set_of(const i_http_route *r) { return (struct match_set){ r->match, r->n_match, r->n_match == 0 }; }

bool match_set_pins(const struct match_set *s)
{
    for (size_t i = 0; i < s->n_match; i++)
        if (s->match[i]->n_headers || s->match[i]->n_without_headers || s->match[i]->n_query_params) return true;
    return false;
}

/* ---- values ---- */

static i_string_match *value_new(struct arena *a, int which, const char *text)
{
    i_string_match *m = arena_alloc(a, sizeof *m);
    istio__networking__v1alpha3__string_match__init(m);
    m->match_type_case = (__typeof__(m->match_type_case))which;
    m->exact = msg_str(text); /* the three are one union of strings */
    return m;
}

/* NULL, unset and "*" as a pattern: only that it is there. */
static bool is_presence(const i_string_match *m)
{
    return !m || m->match_type_case == 0 || (m->match_type_case == REGEX && strcmp(m->regex, "*") == 0);
}

static bool same_value(const i_string_match *x, const i_string_match *y)
{
    if (is_presence(x) || is_presence(y)) return is_presence(x) && is_presence(y);
    return x->match_type_case == y->match_type_case && strcmp(x->exact, y->exact) == 0;
}

static bool value_holds(const i_string_match *m, const char *text)
{
    if (is_presence(m)) return true;
    if (m->match_type_case == EXACT) return strcmp(m->exact, text) == 0;
    if (m->match_type_case == PREFIX) return strncmp(m->prefix, text, strlen(m->prefix)) == 0;
    struct err e = { 0 };
    struct regex *r = regex_new(str_of(m->regex), &e);
    bool ret = r && regex_full(r, str_of(text));
    regex_free(r);
    return ret;
}

static enum joined join_values(i_string_match *x, i_string_match *y, i_string_match **ret)
{
    *ret = is_presence(x) ? y : x;
    if (is_presence(x) || is_presence(y) || same_value(x, y)) return JOINED;
    if (y->match_type_case == EXACT) {
        *ret = y;
        return value_holds(x, y->exact) ? JOINED : NEVER;
    }
    if (x->match_type_case == EXACT) return value_holds(y, x->exact) ? JOINED : NEVER;
    if (x->match_type_case == REGEX || y->match_type_case == REGEX) return UNSAYABLE;
    *ret = strlen(x->prefix) > strlen(y->prefix) ? x : y;
    return value_holds(*ret == x ? y : x, (*ret)->prefix) ? JOINED : NEVER;
}

/* Text that a pattern takes literally. */
static const char *quoted(struct arena *a, const char *text)
{
    char *out = arena_alloc(a, strlen(text) * 2 + 1), *p = out;
    for (; *text; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9') || *text == '_' ||
                     (unsigned char)*text >= 0x80;
        if (!plain) *p++ = '\\';
        *p++ = *text;
    }
    *p = 0;
    return out;
}

static const char *as_pattern(struct arena *a, const i_string_match *m)
{
    if (m->match_type_case == EXACT) return quoted(a, m->exact);
    if (m->match_type_case == PREFIX) return arena_printf(a, "%s.*", quoted(a, m->prefix));
    return m->regex;
}

/* Neither x nor y: one pattern of both. A header that must be absent has no value either. */
static enum joined join_without(struct arena *a, i_string_match *x, i_string_match *y, i_string_match **ret)
{
    *ret = is_presence(x) ? x : y;
    if (is_presence(x) || is_presence(y) || same_value(x, y)) return JOINED;
    *ret = value_new(a, REGEX, arena_printf(a, "(?:%s)|(?:%s)", as_pattern(a, x), as_pattern(a, y)));
    return JOINED;
}

/* ---- one condition ---- */

/* A cookie stands in the cookie header among others. */
static i_string_match *cookie_value(struct arena *a, const t_condition *c)
{
    const char *value = "[^;]*";
    if (c->exact) value = quoted(a, c->exact);
    if (c->prefix) value = arena_printf(a, "%s[^;]*", quoted(a, c->prefix));
    if (c->regex) value = arena_printf(a, "(?:%s)", c->regex);
    return value_new(a, REGEX, arena_printf(a, "(?:.*;\\s*)?%s=%s(?:\\s*;.*)?", quoted(a, c->cookie), value));
}

static i_string_match *plain_value(struct arena *a, const t_condition *c)
{
    if (c->exact) return value_new(a, EXACT, c->exact);
    if (c->prefix) return value_new(a, PREFIX, c->prefix);
    if (c->regex) return value_new(a, REGEX, c->regex);
    return value_new(a, 0, NULL);
}

static match_entry **find_entry(match_entry **v, size_t n, const char *key, bool any_case)
{
    for (size_t i = 0; i < n; i++)
        if ((any_case ? strcasecmp : strcmp)(v[i]->key, key) == 0) return &v[i];
    return NULL;
}

static const char *lower(struct arena *a, const char *s)
{
    char *out = arena_strndup(a, s, strlen(s));
    for (char *p = out; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    return out;
}

/* Adds key and value to a map, or joins them with what is there. The arrays and entries of m are its own (own_match). */
#define ADD(a, m, field, k, val, nocase, join)                                                                                             \
    ({                                                                                                                                     \
        match_entry **old_ = find_entry((match_entry **)(void *)(m)->field, (m)->n_##field, (k), (nocase));                                \
        enum joined ret_ = JOINED;                                                                                                         \
        if (old_) {                                                                                                                        \
            ret_ = (join);                                                                                                                 \
        } else {                                                                                                                           \
            __typeof__((m)->field[0]) e_ = arena_alloc((a), sizeof *e_);                                                                   \
            ENTRY_INIT(field)(e_);                                                                                                         \
            e_->key = msg_str(k), e_->value = (val);                                                                                       \
            PUSH((a), (m), field, e_);                                                                                                     \
        }                                                                                                                                  \
        ret_;                                                                                                                              \
    })
#define ENTRY_INIT(field)          ENTRY_INIT_##field
#define ENTRY_INIT_headers         istio__networking__v1alpha3__httpmatch_request__headers_entry__init
#define ENTRY_INIT_without_headers istio__networking__v1alpha3__httpmatch_request__without_headers_entry__init
#define ENTRY_INIT_query_params    istio__networking__v1alpha3__httpmatch_request__query_params_entry__init

static enum joined and_condition(struct arena *a, i_http_match *m, const t_condition *c)
{
    if (c->query)
        return ADD(a, m, query_params, c->query, plain_value(a, c), false, join_values((*old_)->value, plain_value(a, c), &(*old_)->value));
    const char *name = c->cookie ? "cookie" : lower(a, c->header ? c->header : c->metadata ? c->metadata : "");
    i_string_match *v = c->cookie ? cookie_value(a, c) : plain_value(a, c);
    if (!*name) return JOINED;
    if (c->not_) return ADD(a, m, without_headers, name, v, true, join_without(a, (*old_)->value, v, &(*old_)->value));
    return ADD(a, m, headers, name, v, true, join_values((*old_)->value, v, &(*old_)->value));
}

/* ---- sets ---- */

#define OWN_MAP(a, m, field)                                                                                                               \
    do {                                                                                                                                   \
        __typeof__((m)->field) from_ = (m)->field;                                                                                         \
        size_t n_ = (m)->n_##field;                                                                                                        \
        (m)->field = NULL, (m)->n_##field = 0;                                                                                             \
        for (size_t i_ = 0; i_ < n_; i_++) {                                                                                               \
            __typeof__(from_[0]) e_ = arena_alloc((a), sizeof *e_);                                                                        \
            *e_ = *from_[i_];                                                                                                              \
            PUSH((a), (m), field, e_);                                                                                                     \
        }                                                                                                                                  \
    } while (0)

/* A copy whose maps may be changed. */
static i_http_match *own_match(struct arena *a, const i_http_match *from)
{
    i_http_match *m = arena_alloc(a, sizeof *m);
    istio__networking__v1alpha3__httpmatch_request__init(m);
    if (from) *m = *from;
    OWN_MAP(a, m, headers);
    OWN_MAP(a, m, without_headers);
    OWN_MAP(a, m, query_params);
    return m;
}

static const char *reason(struct arena *a, const t_condition *c)
{
    const char *what = c->query ? "query parameter" : c->cookie ? "cookie" : c->metadata ? "metadata" : "header";
    const char *name = c->query ? c->query : c->cookie ? c->cookie : c->metadata ? c->metadata : c->header;
    return arena_printf(a, "%s %s: Istio's syntax has one condition for each %s, and this one cannot be joined with the one that is there",
                        what, name, c->query ? "parameter" : "header (cookies stand in one)");
}

struct match_set match_set_and(struct arena *a, const struct match_set *s, t_condition *const *c, size_t n, const char **why)
{
    struct match_set ret = { .all = s->all && n == 0 };
    if (n == 0) return *s;
    for (size_t i = 0; i < (s->all ? 1 : s->n_match); i++) {
        i_http_match *m = own_match(a, s->all ? NULL : s->match[i]);
        enum joined j = JOINED;
        for (size_t k = 0; k < n && j == JOINED; k++) {
            j = and_condition(a, m, c[k]);
            if (j == UNSAYABLE) *why = reason(a, c[k]);
        }
        if (j == JOINED) PUSH(a, &ret, match, m);
    }
    return ret;
}
