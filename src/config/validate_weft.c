/* Percents, names, conditions and versions, as Traffic, Release and Project have them. */
#include "config/validate_weft.h"

#include "config/labels.h"
#include "config/regex.h"
#include "config/syntax.h"

#include <math.h>

static bool two_decimals(double v) { return fabs(v * 100 - round(v * 100)) < 1e-6; }

void check_percent(struct check *c, const double *slot, double low, const char *path)
{
    if (!(*slot >= low && *slot <= 100))
        check_error(c, slot, "%s: %g is no percentage, expected %s to 100", path, *slot, low > 0 ? "more than 0, up" : "0");
    else if (!two_decimals(*slot))
        check_error(c, slot, "%s: %.10g has more than two decimals", path, *slot);
}

void check_number(struct check *c, const double *slot, double low, double high, const char *path)
{
    if (!(*slot >= low && *slot <= high)) check_error(c, slot, "%s: %g is out of range, expected %g to %g", path, *slot, low, high);
}

bool check_name(struct check *c, char *const *slot, const char *path)
{
    if (!*slot || !**slot) {
        check_error(c, *slot ? slot : NULL, "%s: is missing", path);
        return false;
    }
    if (is_dns_label(str_of(*slot))) return true;
    err_hint(check_error(c, slot, "%s: \"%.80s\" is no valid name", path, *slot), "at most 63 lower-case letters, digits and '-'");
    return false;
}

void check_one_of(struct check *c, char *const *slot, const char *const *list, size_t n, const char *path)
{
    if (!*slot) return;
    char all[200] = "";
    for (size_t i = 0; i < n; i++) {
        if (strcmp(*slot, list[i]) == 0) return;
        size_t at = strlen(all);
        snprintf(all + at, sizeof all - at, "%s%s", i ? ", " : "", list[i]);
    }
    const char *near = str_nearest(str_of(*slot), list, n);
    struct err *e = check_error(c, slot, "%s: \"%.60s\" is none of %s", path, *slot, all);
    if (near) err_hint(e, "did you mean %s?", near);
}

void check_text(struct check *c, char *const *slot, size_t max, const char *path)
{
    if (!*slot) return;
    size_t n = strlen(*slot);
    if (n > max) check_error(c, slot, "%s: %zu bytes, at most %zu are allowed", path, n, max);
    for (const unsigned char *p = (const unsigned char *)*slot; *p; p++)
        if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f) {
            check_error(c, slot, "%s: has control characters", path);
            return;
        }
}

void check_max(struct check *c, const void *slot, size_t n, size_t max, const char *path)
{
    if (n > max) check_error(c, slot, "%s: %zu entries, at most %zu are allowed", path, n, max);
}

void check_url(struct check *c, char *const *slot, const char *path)
{
    struct str u = str_of(*slot);
    size_t scheme = str_starts(u, STR("https://")) ? 8 : str_starts(u, STR("http://")) ? 7 : 0;
    bool bad = !scheme || u.n == scheme || u.n > 2000 || strchr("/:?#", u.p[scheme]);
    for (size_t i = 0; i < u.n; i++) bad = bad || (unsigned char)u.p[i] <= 0x20 || u.p[i] == 0x7f;
    if (!u.n)
        check_error(c, NULL, "%s: is missing", path);
    else if (bad)
        check_error(c, slot, "%s: \"%.100s\" is no http or https address", path, *slot);
}

/* ---- things of a request ---- */

/* The names that an attribute or a condition may have, for both messages alike. */
struct named {
    char *const *slot[4]; /* header, metadata, cookie, query */
};
static const char *const named_as[] = { "header", "metadata", "cookie", "query" };

/* Exactly one, and a possible one. Returns which, or -1. */
static int check_named(struct check *c, const struct named *n, const char *path)
{
    int which = -1;
    for (int i = 0; i < 4; i++) {
        const char *v = *n->slot[i];
        if (!v) continue;
        if (which >= 0) {
            check_error(c, n->slot[i], "%s.%s: there is %s already; one of header, metadata, cookie and query is allowed", path,
                        named_as[i], named_as[which]);
            return -1;
        }
        which = i;
        if (!*v)
            check_error(c, n->slot[i], "%s.%s: is empty", path, named_as[i]);
        else if (i < 3 ? !is_header_name(str_of(v)) : strlen(v) > 256 || strpbrk(v, "&=#? \r\n") != NULL)
            check_error(c, n->slot[i], "%s.%s: \"%.80s\" is no %s name", path, named_as[i], v,
                        i == 3   ? "query parameter's"
                        : i == 2 ? "cookie's"
                                 : "header");
        if (i == 1 && strlen(v) > 4 && strcmp(v + strlen(v) - 4, "-bin") == 0)
            check_error(c, n->slot[i], "%s.metadata: \"%.80s\" is binary (-bin) metadata, which cannot be matched", path, v);
    }
    if (which < 0) check_error(c, NULL, "%s: one of header, metadata, cookie and query is needed", path);
    return which;
}

void check_attribute(struct check *c, W(Attribute) *const *slot, const char *path)
{
    const W(Attribute) *a = *slot;
    struct err_at old = check_enter(c, slot);
    const struct named n = { { &a->header, &a->metadata, &a->cookie, &a->query } };
    check_named(c, &n, path);
    check_leave(c, old);
}

static void check_regex(struct check *c, char *const *slot, const char *path)
{
    const char *bad = regex_problem(str_of(*slot));
    if (!**slot)
        check_error(c, slot, "%s: is empty", path);
    else if (strlen(*slot) > 1024)
        check_error(c, slot, "%s: longer than 1024 characters", path);
    else if (bad)
        check_error(c, slot, "%s: \"%.100s\" is no RE2 pattern: %s", path, *slot, bad);
}

/* How the thing must look. */
static void check_value(struct check *c, const W(Condition) * k, const char *path)
{
    char at[160];
    int n = (k->exact != NULL) + (k->prefix != NULL) + (k->regex != NULL) + (k->has_present != 0);
    if (n > 1) check_error(c, NULL, "%s: only one of exact, prefix, regex and present is allowed", path);
    if (k->has_present && !k->present) {
        snprintf(at, sizeof at, "%s.present", path);
        err_hint(check_error(c, &k->present, "%s: false has no meaning", at), "to ask that it is not there write not: true");
    }
    char *const *texts[] = { &k->exact, &k->prefix };
    static const char *const names[] = { "exact", "prefix" };
    for (size_t i = 0; i < 2; i++) {
        snprintf(at, sizeof at, "%s.%s", path, names[i]);
        if (!*texts[i]) continue;
        if (!**texts[i]) check_error(c, texts[i], "%s: is empty", at);
        check_text(c, texts[i], 1024, at);
        if (strpbrk(*texts[i], "\r\n")) check_error(c, texts[i], "%s: has a line break", at);
        if (k->cookie && strpbrk(*texts[i], ";, \"\\"))
            check_error(c, texts[i], "%s: a cookie's value has none of ; , \" \\ and spaces", at);
    }
    snprintf(at, sizeof at, "%s.regex", path);
    if (k->regex) check_regex(c, &k->regex, at);
}

/* The name under which Istio's syntax has one place for a condition. */
static const char *place_of(const W(Condition) * k)
{
    return k->query ? k->query : k->cookie ? "cookie" : k->header ? k->header : k->metadata;
}

void check_conditions(struct check *c, W(Condition) *const *v, size_t n, const char *path)
{
    char at[128];
    check_max(c, n ? &v[0] : NULL, n, 20, path);
    for (size_t i = 0; i < n; i++) {
        const W(Condition) *k = v[i];
        snprintf(at, sizeof at, "%s[%zu]", path, i);
        struct err_at old = check_enter(c, &v[i]);
        const struct named names = { { &k->header, &k->metadata, &k->cookie, &k->query } };
        int which = check_named(c, &names, at);
        check_value(c, k, at);
        if (k->not_ && which > 1) check_error(c, &k->not_, "%s.not: only a header or metadata can be asked not to be so", at);
        for (size_t b = 0; b < i && b < 20 && which >= 0 && !k->not_; b++) {
            const char *x = place_of(v[b]), *y = place_of(k);
            if (v[b]->not_ || !x || !y || (k->query != NULL) != (v[b]->query != NULL)) continue;
            if ((k->query ? strcmp : strcasecmp)(x, y) != 0) continue;
            err_hint(check_error(c, NULL, "%s: match[%zu] asks for %s %.60s already", at, b, k->query ? "query parameter" : "header", y),
                     "there is one condition for each header (all cookies stand in one) and query parameter; a regex can say several");
            break;
        }
        check_leave(c, old);
    }
}

void check_users(struct check *c, W(Users) *const *slot, const char *path)
{
    const W(Users) *u = *slot;
    char at[128];
    if (!u) return;
    struct err_at old = check_enter(c, slot);
    snprintf(at, sizeof at, "%s.percent", path);
    if (u->has_percent)
        check_percent(c, &u->percent, 0, at);
    else
        check_error(c, NULL, "%s: is missing", at);
    snprintf(at, sizeof at, "%s.by", path);
    if (u->by)
        check_attribute(c, &u->by, at);
    else
        err_hint(check_error(c, NULL, "%s: is missing", at), "name what tells users apart: header, metadata, cookie or query");
    check_leave(c, old);
}

/* ---- versions ---- */

static bool same_labels(const W(Version) * x, const W(Version) * y)
{
    return x->n_labels == y->n_labels && x->n_labels &&
           labels_match(STRING_ENTRIES(x->labels), x->n_labels, STRING_ENTRIES(y->labels), y->n_labels);
}

void check_versions(struct check *c, W(Version) *const *v, size_t n, const char *path)
{
    char at[128];
    check_max(c, n ? &v[0] : NULL, n, 20, path);
    for (size_t i = 0; i < n && i < 20; i++) {
        struct err_at old = check_enter(c, &v[i]);
        snprintf(at, sizeof at, "%s[%zu].name", path, i);
        check_name(c, &v[i]->name, at);
        for (size_t k = 0; k < i; k++) {
            if (v[i]->name && v[k]->name && strcmp(v[i]->name, v[k]->name) == 0)
                check_error(c, &v[i]->name, "%s: \"%.63s\" is there already", at, v[i]->name);
            if (same_labels(v[i], v[k]))
                err_hint(check_error(c, &v[i]->labels, "%s[%zu].labels: the same as those of %.63s", path, i,
                                     v[k]->name ? v[k]->name : "another"),
                         "a pod belongs to one version");
        }
        snprintf(at, sizeof at, "%s[%zu].labels", path, i);
        if (!v[i]->n_labels)
            err_hint(check_error(c, NULL, "%s: is missing", at), "name the labels that the version's pods have and others have not");
        check_labels(c, &v[i]->labels, v[i]->labels, v[i]->n_labels, at);
        check_leave(c, old);
    }
}

void check_approval(struct check *c, W(Approval) *const *slot, const char *path)
{
    static const char *const roles[] = { "releaser", "owner" };
    const W(Approval) *a = *slot;
    char at[128];
    if (!a) return;
    struct err_at old = check_enter(c, slot);
    snprintf(at, sizeof at, "%s.role", path);
    check_one_of(c, &a->role, roles, ARRAY_LEN(roles), at);
    if (a->has_count && (a->count < 1 || a->count > 10))
        check_error(c, &a->count, "%s.count: %u is out of range, expected 1 to 10", path, a->count);
    check_leave(c, old);
}
