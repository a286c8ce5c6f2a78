/* A root route and a delegate's route become one (istio.md 2.4): matches are joined where they do not contradict each
 * other, the delegate's settings win and the root's fill the gaps. */
#include "translate/vs_http.h"

typedef __typeof__(((i_http_match *)0)->headers[0]) header_entry;

static bool is_case(const i_string_match *m, int which) { return m && (int)m->match_type_case == which; }
#define EXACT  ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_EXACT
#define PREFIX ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX
#define REGEX  ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_REGEX

static bool same_string(const i_string_match *x, const i_string_match *y)
{
    if (x->match_type_case != y->match_type_case) return false;
    return x->match_type_case == 0 || strcmp(x->exact, y->exact) == 0; /* the three are one union of strings */
}

/* False: they contradict each other. */
static bool join_uri(const i_string_match *root, const i_string_match *del, i_string_match **ret)
{
    *ret = (i_string_match *)(uintptr_t)(del ? del : root);
    if (!root || !del) return true;
    if (is_case(root, REGEX) || is_case(del, REGEX)) return false;
    if (is_case(root, EXACT)) return is_case(del, EXACT) && strcmp(root->exact, del->exact) == 0;
    const char *rest = is_case(del, EXACT) ? del->exact : del->prefix;
    return is_case(root, PREFIX) && strncmp(rest, root->prefix, strlen(root->prefix)) == 0;
}

static bool join_string(const i_string_match *root, const i_string_match *del, i_string_match **ret)
{
    *ret = (i_string_match *)(uintptr_t)(del ? del : root);
    return !root || !del || same_string(root, del);
}

static bool has_key(const header_entry *v, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(v[i]->key, key) == 0) return true;
    return false;
}

/* Union of two maps of matches; the delegate's value wins. */
#define JOIN_MAP(a, out, root, del, field)                                                                                                 \
    do {                                                                                                                                   \
        (out)->field = NULL, (out)->n_##field = 0;                                                                                         \
        for (size_t i_ = 0; i_ < (del)->n_##field; i_++) PUSH((a), (out), field, (del)->field[i_]);                                        \
        for (size_t i_ = 0; i_ < (root)->n_##field; i_++)                                                                                  \
            if (!has_key((const header_entry *)(void *)(del)->field, (del)->n_##field, (root)->field[i_]->key))                            \
                PUSH((a), (out), field, (root)->field[i_]);                                                                                \
    } while (0)

static bool same_text(const char *x, const char *y) { return strcmp(x ? x : "", y ? y : "") == 0; }

static bool labels_agree(const i_http_match *root, const i_http_match *del)
{
    for (size_t i = 0; i < root->n_source_labels; i++)
        for (size_t k = 0; k < del->n_source_labels; k++)
            if (same_text(root->source_labels[i]->key, del->source_labels[k]->key) &&
                !same_text(root->source_labels[i]->value, del->source_labels[k]->value))
                return false;
    return true;
}

static bool gateways_subset(const i_http_match *root, const i_http_match *del)
{
    for (size_t i = 0; root->n_gateways && i < del->n_gateways; i++) {
        bool found = false;
        for (size_t k = 0; k < root->n_gateways; k++) found = found || strcmp(root->gateways[k], del->gateways[i]) == 0;
        if (!found) return false;
    }
    return true;
}

static i_http_match *join_match(struct arena *a, const i_http_match *root, const i_http_match *del)
{
    i_http_match *m = arena_alloc(a, sizeof *m);
    *m = *del;
    if (!join_uri(root->uri, del->uri, &m->uri) || !join_string(root->scheme, del->scheme, &m->scheme) ||
        !join_string(root->method, del->method, &m->method) || !join_string(root->authority, del->authority, &m->authority))
        return NULL;
    if (root->ignore_uri_case != del->ignore_uri_case && root->uri && del->uri) return NULL;
    if (root->uri && !del->uri) m->has_ignore_uri_case = root->has_ignore_uri_case, m->ignore_uri_case = root->ignore_uri_case;
    if (root->port && del->port && root->port != del->port) return NULL;
    if (root->port) SET(m, port, root->port);
    const char *rn = root->source_namespace ? root->source_namespace : "", *dn = del->source_namespace ? del->source_namespace : "";
    if (*rn && strcmp(rn, dn) != 0) return NULL;
    if (!labels_agree(root, del) || !gateways_subset(root, del)) return NULL;
    JOIN_MAP(a, m, root, del, headers);
    JOIN_MAP(a, m, root, del, without_headers);
    JOIN_MAP(a, m, root, del, query_params);
    JOIN_MAP(a, m, root, del, source_labels);
    if (!del->n_gateways) m->gateways = root->gateways, m->n_gateways = root->n_gateways;
    const char *x = root->name && *root->name ? root->name : NULL, *y = del->name && *del->name ? del->name : NULL;
    m->name = x && y ? arena_printf(a, "%s-%s", x, y) : msg_str(x ? x : y);
    return m;
}

/* A delegate match that fits no root match voids the whole delegate route. */
static bool join_matches(struct arena *a, const i_http_route *root, const i_http_route *del, i_http_route *ret)
{
    if (!root->n_match) return true;
    if (!del->n_match) {
        ret->match = root->match;
        ret->n_match = root->n_match;
        return true;
    }
    ret->match = NULL;
    ret->n_match = 0;
    for (size_t d = 0; d < del->n_match; d++) {
        size_t before = ret->n_match;
        for (size_t r = 0; r < root->n_match; r++) {
            i_http_match *m = join_match(a, root->match[r], del->match[d]);
            if (m) PUSH(a, ret, match, m);
        }
        if (ret->n_match == before) return false;
    }
    return true;
}

bool vs_delegate_merge(struct arena *a, const i_http_route *root, const i_http_route *delegate, i_http_route *ret)
{
    *ret = *delegate;
    if (delegate->delegate) return false; /* one level only */
    if (!join_matches(a, root, delegate, ret)) return false;
    const char *x = root->name && *root->name ? root->name : NULL, *y = delegate->name && *delegate->name ? delegate->name : NULL;
    ret->name = x && y ? arena_printf(a, "%s-%s", x, y) : msg_str(x ? x : y);
#define FILL(field)                                                                                                                        \
    if (!ret->field) ret->field = root->field
    FILL(rewrite);
    FILL(direct_response);
    FILL(timeout);
    FILL(retries);
    FILL(fault);
    FILL(cors_policy);
    FILL(headers);
    if (!delegate->mirror && !delegate->n_mirrors) {
        ret->mirror = root->mirror;
        ret->mirrors = root->mirrors;
        ret->n_mirrors = root->n_mirrors;
    }
    FILL(mirror_percentage);
    FILL(mirror_percent);
    return true;
}
