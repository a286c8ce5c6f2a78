#include "api/platform/diff.h"
#include "api/platform/model.h"
#include "base/vec.h"

#define LINES_MAX 2000

typedef VEC(struct str) lines;

static lines cut(struct str s)
{
    lines l = { 0 };
    while (s.p && s.n) vec_push(&l, str_cut(&s, '\n'));
    return l;
}

static void emit(json_t *out, const char *op, struct str s)
{
    json_t *text = json_stringn(s.p ? s.p : "", s.n);
    json_array_append_new(out, json_pack("{s:s, s:o}", "op", op, "text", text ? text : json_string("?")));
}

/* The longest common subsequence by the plain table: the texts are manifests. */
json_t *diff_lines(struct str before, struct str after)
{
    json_t *out = json_array();
    lines a = cut(before), b = cut(after);
    size_t i = 0, j = 0, w = b.n + 1;
    bool small = a.n <= LINES_MAX && b.n <= LINES_MAX;
    uint16_t *t = small ? xcalloc((a.n + 1) * w, sizeof *t) : NULL;
    for (size_t x = a.n; small && x-- > 0;)
        for (size_t y = b.n; y-- > 0;)
            t[x * w + y] = (uint16_t)(str_eq(a.v[x], b.v[y]) ? t[(x + 1) * w + y + 1] + 1 : MAX(t[(x + 1) * w + y], t[x * w + y + 1]));
    while (i < a.n || j < b.n) {
        if (small && i < a.n && j < b.n && str_eq(a.v[i], b.v[j]))
            emit(out, " ", a.v[i]), i++, j++;
        else if (i < a.n && (j >= b.n || !small || t[(i + 1) * w + j] >= t[i * w + j + 1]))
            emit(out, "-", a.v[i++]);
        else
            emit(out, "+", b.v[j++]);
    }
    free(t);
    vec_free(&a);
    vec_free(&b);
    return out;
}

json_t *diff_manifests(const struct resource *before, const struct resource *after)
{
    struct buf a = { 0 }, b = { 0 };
    model_yaml(before, &a);
    model_yaml(after, &b);
    json_t *d = diff_lines(buf_str(&a), buf_str(&b));
    buf_free(&a);
    buf_free(&b);
    return d;
}
