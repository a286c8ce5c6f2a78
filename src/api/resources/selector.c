#include "api/resources/selector.h"

/* A URL may carry that much and no more. */
#define TERMS_MAX  64
#define VALUES_MAX 256

static bool key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/';
}

static struct str word(struct str *s)
{
    *s = str_trim(*s);
    size_t n = 0;
    while (n < s->n && key_char(s->p[n])) n++;
    struct str w = str_first(*s, n);
    *s = str_trim(str_skip(*s, n));
    return w;
}

static int bad(struct str text, struct err *e)
{
    return err_set(e, -EINVAL, "unable to parse requirement: \"%.*s\"", STR_ARG(str_first(text, 100)));
}

static int add(struct selector *s, struct selector_term t, struct err *e)
{
    s->values += t.n;
    if (s->terms.n == TERMS_MAX || s->values > VALUES_MAX) return err_set(e, -E2BIG, "the selector has too many terms");
    vec_push(&s->terms, t);
    return 0;
}

static struct str *one(struct arena *a, struct str v)
{
    struct str *p = arena_new(a, struct str);
    *p = v;
    return p;
}

/* "(x, y)" at the start of *rest. */
static int set_of(struct str *rest, struct selector_term *t, struct arena *a, struct err *e)
{
    ssize_t close = str_index(*rest, ')');
    if (!rest->n || rest->p[0] != '(' || close < 0) return bad(*rest, e);
    struct str inside = str_make(rest->p + 1, (size_t)close - 1);
    t->values = arena_array(a, struct str, VALUES_MAX);
    while (inside.p && t->n < VALUES_MAX) t->values[t->n++] = str_trim(str_cut(&inside, ','));
    *rest = str_trim(str_skip(*rest, (size_t)close + 1));
    return 0;
}

static int label_term(struct selector *s, struct str *rest, struct arena *a, struct err *e)
{
    struct str whole = *rest;
    struct selector_term t = { 0 };
    bool not = rest->n && rest->p[0] == '!';
    if (not ) *rest = str_skip(*rest, 1);
    t.key = word(rest);
    if (!t.key.n) return bad(whole, e);
    if (!rest->n || rest->p[0] == ',') {
        t.op = not ? SELECT_ABSENT : SELECT_EXISTS;
        return add(s, t, e);
    }
    if (not ) return bad(whole, e);
    if (rest->p[0] == '=' || rest->p[0] == '!') {
        t.op = rest->p[0] == '=' ? SELECT_IN : SELECT_NOT_IN;
        if (t.op == SELECT_NOT_IN && !str_starts(*rest, STR("!="))) return bad(whole, e);
        *rest = str_skip(*rest, str_starts(*rest, STR("==")) || t.op == SELECT_NOT_IN ? 2 : 1);
        t.values = one(a, word(rest));
        t.n = 1;
        return add(s, t, e);
    }
    struct str op = word(rest);
    t.op = str_eqc(op, "in") ? SELECT_IN : SELECT_NOT_IN;
    if (t.op == SELECT_NOT_IN && !str_eqc(op, "notin")) return bad(whole, e);
    int r = set_of(rest, &t, a, e);
    return r < 0 ? r : add(s, t, e);
}

int selector_labels(struct selector *s, struct str text, struct arena *a, struct err *e)
{
    struct str rest = str_trim(text);
    while (rest.n) {
        int r = label_term(s, &rest, a, e);
        if (r < 0) return r;
        if (rest.n && rest.p[0] != ',') return bad(rest, e);
        rest = str_trim(str_skip(rest, 1));
    }
    return 0;
}

int selector_fields(struct selector *s, struct str text, struct arena *a, struct err *e)
{
    static const struct str roots[] = { STR_INIT("metadata."), STR_INIT("spec."), STR_INIT("status."), STR_INIT("involvedObject.") };
    for (struct str rest = text; rest.p && rest.n;) {
        struct str term = str_cut(&rest, ','), value = term, key = str_cut(&value, '=');
        struct selector_term t = { .field = true, .key = str_trim(key), .n = 1 };
        bool known = false;
        if (!value.p) return bad(term, e);
        if (str_ends(t.key, STR("!"))) t.op = SELECT_NOT_IN, t.key.n--;
        if (str_starts(value, STR("="))) value = str_skip(value, 1);
        t.values = one(a, str_trim(value));
        for (size_t i = 0; i < ARRAY_LEN(roots); i++) known = known || str_starts(t.key, roots[i]);
        if (!known) return err_set(e, -EINVAL, "field label not supported: %.*s", STR_ARG(str_first(t.key, 100)));
        int r = add(s, t, e);
        if (r < 0) return r;
    }
    return 0;
}

static struct node *at_path(const struct node *object, struct str path)
{
    const struct node *n = object;
    while (n && path.p) {
        struct str key = str_cut(&path, '.');
        struct node_pair *p = n->type == NODE_MAP ? tree_pair(n, key) : NULL;
        n = p ? p->value : NULL;
    }
    return (struct node *)n;
}

static bool term_holds(const struct selector_term *t, const struct node *object, const struct node *labels)
{
    const struct node *v = t->field ? at_path(object, t->key) : NULL;
    if (!t->field && labels && labels->type == NODE_MAP) {
        struct node_pair *p = tree_pair(labels, t->key);
        v = p ? p->value : NULL;
    }
    bool in = false;
    struct str text = v && v->type != NODE_MAP && v->type != NODE_SEQ ? v->text : STR("");
    for (size_t i = 0; i < t->n; i++) in = in || ((v || t->field) && str_eq(text, t->values[i]));
    switch (t->op) {
    case SELECT_IN: return in;
    case SELECT_NOT_IN: return !in;
    case SELECT_EXISTS: return v != NULL;
    case SELECT_ABSENT: return v == NULL;
    }
    return false;
}

bool selector_match(const struct selector *s, const struct node *object)
{
    const struct node *labels = tree_get(tree_get(object, "metadata"), "labels");
    vec_foreach (t, &s->terms) {
        if (!term_holds(t, object, labels)) return false;
    }
    return true;
}
