#include "cli/traffic_spec.h"
#include "cli/api.h"

#include <math.h>

struct match_options match_options;

bool spec_duration(const char *text, char *buf, size_t n)
{
    int64_t ms;
    if (!opts_duration(text, &ms) || ms == 0) return false;
    if (ms % 1000)
        snprintf(buf, n, "%" PRId64 ".%03ds", ms / 1000, (int)(ms % 1000));
    else if (ms % 60000 == 0)
        snprintf(buf, n, "%" PRId64 "%s", ms % 3600000 ? ms / 60000 : ms / 3600000, ms % 3600000 ? "m" : "h");
    else
        snprintf(buf, n, "%" PRId64 "s", ms / 1000);
    return true;
}

bool spec_percent(const char *text, double *ret)
{
    char *end;
    double v = strtod(text, &end);
    if (*end == '%') end++;
    if (end == text || *end || isnan(v) || v < 0 || v > 100 || fabs(v * 100 - round(v * 100)) > 1e-6) return false;
    *ret = round(v * 100) / 100;
    return true;
}

/* 10 and not 10.0: what people wrote. */
static json_t *number(double v) { return v == floor(v) ? json_integer((json_int_t)v) : json_real(v); }

/* "NAME", "NAME=V", "NAME!=V", "NAME^=V", "NAME~=V" */
static int condition(const char *kind, const char *text, json_t **ret, struct err *e)
{
    struct str value = str_of(text), name = str_cut(&value, '=');
    char op = name.n && value.p ? name.p[name.n - 1] : 0;
    if (op == '!' || op == '^' || op == '~') name.n--;
    if (name.n == 0) {
        err_set(e, -EINVAL, "--%s \"%s\" has no name", kind, text);
        return err_hint(e, "for instance --%s version=200", kind);
    }
    json_t *c = json_object();
    json_object_set_new(c, kind, json_stringn(name.p, name.n));
    if (value.p && op != '!') json_object_set_new(c, op == '^' ? "prefix" : op == '~' ? "regex" : "exact", json_stringn(value.p, value.n));
    if (op == '!') {
        json_object_set_new(c, "exact", json_stringn(value.p, value.n));
        json_object_set_new(c, "not", json_true());
    }
    *ret = c;
    return 0;
}

int spec_match(const struct match_options *o, json_t **ret, struct err *e)
{
    const struct {
        const char *kind;
        const struct text_list *list;
    } all[] = { { "header", &o->header }, { "metadata", &o->metadata }, { "cookie", &o->cookie }, { "query", &o->query } };
    json_t *match = json_array(), *one = NULL;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (int k = 0; k < all[i].list->n; k++) {
            if (condition(all[i].kind, all[i].list->v[k], &one, e) < 0) {
                json_decref(match);
                return e->code;
            }
            json_array_append_new(match, one);
        }
    }
    *ret = match;
    return 0;
}

int spec_attribute(const char *text, json_t **ret, struct err *e)
{
    static const char *const kinds[] = { "header", "metadata", "cookie", "query" };
    struct str name = str_of(text), kind = str_cut(&name, ':');
    for (size_t i = 0; name.n && i < ARRAY_LEN(kinds); i++) {
        if (!str_eqc(kind, kinds[i])) continue;
        *ret = json_object();
        json_object_set_new(*ret, kinds[i], json_stringn(name.p, name.n));
        return 0;
    }
    err_set(e, -EINVAL, "\"%s\" does not say of what", text);
    return err_hint(e, "header:NAME, metadata:NAME, cookie:NAME or query:NAME, for instance header:x-user-id");
}

int spec_has_version(const json_t *spec, const char *name, struct err *e)
{
    struct buf names = { 0 };
    size_t i;
    json_t *v;
    json_array_foreach (json_object_get(spec, "versions"), i, v) {
        const char *have = json_text(v, "name");
        if (!have) continue;
        if (strcmp(have, name) == 0) {
            buf_free(&names);
            return 0;
        }
        buf_printf(&names, "%s%s", names.len ? ", " : "", have);
    }
    err_set(e, -ENOENT, "there is no version \"%s\"", name);
    if (names.len)
        err_hint(e, "there are: %.*s", STR_ARG(buf_str(&names)));
    else
        err_hint(e, "no version of this service is known; are its pods there?");
    buf_free(&names);
    return e->code;
}

static int one_weight(const json_t *spec, json_t *split, const char *word, double *sum, struct err *e)
{
    struct str value = str_of(word), key = str_cut(&value, '=');
    double weight;
    AUTO(free_p) char *name = str_dup(key);
    if (!value.p || !spec_percent(value.p, &weight)) {
        err_set(e, -EINVAL, "\"%s\" is not of the form VERSION=PERCENT", word);
        return err_hint(e, "for instance v1=90 v2=10; at most two decimals");
    }
    if (spec_has_version(spec, name, e) < 0) return e->code;
    if (json_object_get(split, name)) return err_set(e, -EINVAL, "%s is given twice", name);
    json_object_set_new(split, name, number(weight));
    *sum += weight;
    return 0;
}

int spec_split(json_t *spec, int n, char **words, struct err *e)
{
    json_t *split = json_object();
    double sum = 0;
    const char *stable = json_text(spec, "versions.0.name");
    for (int k = 0; k < n; k++) {
        if (one_weight(spec, split, words[k], &sum, e) == 0) continue;
        json_decref(split);
        return e->code;
    }
    /* Never to a version by chance: a sum that was mistyped must not send anybody to one that nobody named. */
    double left = round((100 - sum) * 100) / 100;
    bool named = !stable || json_object_get(split, stable);
    if (left > 0 && !named) {
        json_object_set_new(split, stable, number(left));
        left = 0;
    }
    if (left != 0) {
        json_decref(split);
        return err_set(e, -EINVAL, "the weights sum to %g, not to 100", sum);
    }
    json_object_set_new(spec, "split", split);
    return 0;
}

int spec_rule_index(const json_t *spec, const char *name)
{
    size_t i;
    json_t *r;
    json_array_foreach (json_object_get(spec, "rules"), i, r) {
        const char *have = json_text(r, "name");
        if (have && strcmp(have, name) == 0) return (int)i;
    }
    return -1;
}

void spec_put_rule(json_t *spec, json_t *rule, bool in_front)
{
    json_t *rules = json_object_get(spec, "rules");
    const char *name = json_text(rule, "name");
    int at = name ? spec_rule_index(spec, name) : -1;
    if (!rules) json_object_set_new(spec, "rules", rules = json_array());
    if (at >= 0 && !in_front)
        json_array_set_new(rules, (size_t)at, rule);
    else {
        if (at >= 0) json_array_remove(rules, (size_t)at);
        json_array_insert_new(rules, in_front ? 0 : json_array_size(rules), rule);
    }
}
