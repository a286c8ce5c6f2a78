/* The C side of the regex interface: struct str and struct err on this side, plain pointers towards regex.cc. */
#include "route/regex.h"

struct regex *weft_re2_new(const char *p, size_t n, char *error, size_t error_n);
void weft_re2_free(struct regex *r);
bool weft_re2_full(const struct regex *r, const char *p, size_t n);
bool weft_re2_partial(const struct regex *r, const char *p, size_t n);
char *weft_re2_replace(const struct regex *r, const char *p, size_t n, const char *sub, size_t sub_n, size_t *ret_n);
bool weft_re2_check(const struct regex *r, const char *sub, size_t sub_n, char *error, size_t error_n);

struct regex *regex_new(struct str pattern, struct err *e)
{
    char why[200];
    struct regex *r = weft_re2_new(pattern.p, pattern.n, why, sizeof why);
    if (!r) err_set(e, -EINVAL, "bad regular expression \"%.*s\": %s", STR_ARG(str_first(pattern, 100)), why);
    return r;
}

void regex_free(struct regex *r)
{
    if (r) weft_re2_free(r);
}

bool regex_full(const struct regex *r, struct str text) { return weft_re2_full(r, text.p, text.n); }
bool regex_partial(const struct regex *r, struct str text) { return weft_re2_partial(r, text.p, text.n); }

void regex_replace(const struct regex *r, struct str text, struct str substitution, struct buf *out)
{
    size_t n;
    char *p = weft_re2_replace(r, text.p, text.n, substitution.p, substitution.n, &n);
    if (p) buf_append(out, p, n);
    free(p);
}

int regex_check_substitution(const struct regex *r, struct str substitution, struct err *e)
{
    char why[200];
    if (weft_re2_check(r, substitution.p, substitution.n, why, sizeof why)) return 0;
    return err_set(e, -EINVAL, "bad substitution \"%.*s\": %s", STR_ARG(str_first(substitution, 100)), why);
}
