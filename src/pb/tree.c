/* Trees in memory: looking things up, building, merging. The readers are yaml.c and json.c, the writers print.c. */
#include "pb/internal.h"

const char *node_type_name(enum node_type t)
{
    switch (t) {
    case NODE_NULL: return "nothing";
    case NODE_BOOL: return "a bool";
    case NODE_NUMBER: return "a number";
    case NODE_STRING: return "a string";
    case NODE_SEQ: return "a list";
    case NODE_MAP: return "an object";
    }
    return "?";
}

struct node_pair *tree_pair(const struct node *n, struct str key)
{
    if (!n || n->type != NODE_MAP) return NULL;
    for (size_t i = 0; i < n->n; i++)
        if (str_eq(n->pairs[i].key, key)) return &n->pairs[i];
    return NULL;
}

struct node *tree_get(const struct node *n, const char *key)
{
    struct node_pair *p = tree_pair(n, str_of(key));
    return p ? p->value : NULL;
}

struct str tree_text(const struct node *n, const char *key)
{
    const struct node *v = tree_get(n, key);
    return v && v->type == NODE_STRING ? v->text : STR("");
}

struct node *tree_new(struct arena *a, enum node_type t)
{
    struct node *n = arena_new(a, struct node);
    n->type = t;
    n->weight = n->height = 1;
    return n;
}

struct node *tree_string(struct arena *a, struct str s)
{
    struct node *n = tree_new(a, NODE_STRING);
    n->text = s;
    return n;
}

struct node *tree_number(struct arena *a, const char *fmt, ...)
{
    char text[64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct node *n = tree_new(a, NODE_NUMBER);
    n->text = arena_str(a, str_of(text));
    return n;
}

struct node *tree_bool(struct arena *a, bool b)
{
    struct node *n = tree_new(a, NODE_BOOL);
    n->b = b;
    n->text = b ? STR("true") : STR("false");
    return n;
}

/* Room for one more element: capacities are powers of two from 4, so they need no field of their own. */
static void *grow(struct arena *a, void *old, size_t n, size_t size)
{
    bool full = n == 0 || (n >= 4 && (n & (n - 1)) == 0);
    if (!full) return old;
    void *p = arena_alloc(a, MAX((size_t)4, n * 2) * size);
    if (n) memcpy(p, old, n * size);
    return p;
}

void tree_add(struct arena *a, struct node *map, struct str key, struct node *value)
{
    map->pairs = grow(a, map->pairs, map->n, sizeof *map->pairs);
    map->pairs[map->n++] = (struct node_pair){ .key = key, .line = value->line, .col = value->col, .value = value };
}

void tree_push(struct arena *a, struct node *seq, struct node *item)
{
    seq->items = grow(a, seq->items, seq->n, sizeof *seq->items);
    seq->items[seq->n++] = item;
}

bool tree_remove(struct node *map, const char *key)
{
    struct node_pair *p = tree_pair(map, str_of(key));
    if (!p) return false;
    size_t i = (size_t)(p - map->pairs);
    memmove(p, p + 1, (map->n - i - 1) * sizeof *p);
    map->n--;
    /* grow() takes a power of two for full, and that may now be said of a block with room: it only copies once more. */
    return true;
}

static int pair_cmp(const void *a, const void *b)
{
    const struct node_pair *x = a, *y = b;
    size_t n = MIN(x->key.n, y->key.n);
    int c = n ? memcmp(x->key.p, y->key.p, n) : 0;
    return c ? c : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

void tree_sort(struct node *n)
{
    if (n->type == NODE_SEQ)
        for (size_t i = 0; i < n->n; i++) tree_sort(n->items[i]);
    if (n->type != NODE_MAP) return;
    if (n->n > 1) qsort(n->pairs, n->n, sizeof *n->pairs, pair_cmp);
    for (size_t i = 0; i < n->n; i++) tree_sort(n->pairs[i].value);
}

struct node *tree_copy(struct arena *a, const struct node *n)
{
    struct node *c = arena_new(a, struct node);
    *c = *n;
    if (n->type == NODE_SEQ || n->type == NODE_MAP) {
        c->n = 0;
        c->items = NULL;
    } else {
        c->text = arena_str(a, n->text);
    }
    for (size_t i = 0; i < n->n && n->type == NODE_SEQ; i++) tree_push(a, c, tree_copy(a, n->items[i]));
    for (size_t i = 0; i < n->n && n->type == NODE_MAP; i++) tree_add(a, c, arena_str(a, n->pairs[i].key), tree_copy(a, n->pairs[i].value));
    return c;
}

struct node *tree_merge(struct arena *a, struct node *base, const struct node *over)
{
    if (over->type != NODE_MAP) return tree_copy(a, over);
    if (!base || base->type != NODE_MAP) base = tree_new(a, NODE_MAP);
    for (size_t i = 0; i < over->n; i++) {
        const struct node_pair *p = &over->pairs[i];
        struct node_pair *old = tree_pair(base, p->key);
        if (p->value->type == NODE_NULL) {
            char *key = arena_strndup(a, p->key.p, p->key.n);
            tree_remove(base, key);
        } else if (old) {
            old->value = tree_merge(a, old->value, p->value);
        } else {
            tree_add(a, base, arena_str(a, p->key), tree_merge(a, NULL, p->value));
        }
    }
    return base;
}

bool tree_equal(const struct node *a, const struct node *b)
{
    if (a->type != b->type) return false;
    switch (a->type) {
    case NODE_NULL: return true;
    case NODE_BOOL: return a->b == b->b;
    case NODE_NUMBER:
    case NODE_STRING: return str_eq(a->text, b->text);
    case NODE_SEQ:
        if (a->n != b->n) return false;
        for (size_t i = 0; i < a->n; i++)
            if (!tree_equal(a->items[i], b->items[i])) return false;
        return true;
    case NODE_MAP:
        if (a->n != b->n) return false;
        for (size_t i = 0; i < a->n; i++) {
            struct node_pair *p = tree_pair(b, a->pairs[i].key);
            if (!p || !tree_equal(a->pairs[i].value, p->value)) return false;
        }
        return true;
    }
    return false;
}

/* --- what both readers check --- */

int tree_check_file(struct str text, const char *file, struct errs *errs)
{
    if (text.n <= TREE_FILE_MAX) return 0;
    struct err *e =
        errs_add(errs, (struct err_at){ .file = file }, -EFBIG, "the file has %zu bytes, more than the limit of 16 MiB", text.n);
    err_hint(e, "split it into several files");
    return -EFBIG;
}

void tree_check_doc(size_t bytes, const struct node *n, const char *file, struct errs *errs, tree_docs *docs)
{
    /* A List holds many resources in one document: whoever opens it measures them. */
    struct node *items = tree_get(n, "items");
    bool list = items && items->type == NODE_SEQ && str_ends(tree_text(n, "kind"), STR("List"));
    if (bytes > TREE_DOC_MAX && !list) {
        errs_add(errs, node_at(n, file), -EFBIG, "the resource has %zu bytes, more than the limit of 1 MiB", bytes);
        return;
    }
    if (n->type != NODE_NULL) vec_push(docs, (struct node *)(uintptr_t)n);
}

void node_measure(struct node *n)
{
    unsigned w = 1, h = 0;
    for (size_t i = 0; i < n->n; i++) {
        const struct node *c = n->type == NODE_MAP ? n->pairs[i].value : n->items[i];
        w = c->weight > UINT_MAX / 2 - w ? UINT_MAX / 2 : w + c->weight;
        h = MAX(h, c->height);
    }
    n->weight = w;
    n->height = h + 1;
}

static void report_twice(const struct node_pair *again, const struct node_pair *first, const char *file, struct errs *errs)
{
    errs_add(errs, (struct err_at){ file, again->line, again->col }, -EINVAL, "the key \"%.*s\" is here twice, first in line %u",
             (int)MIN(again->key.n, (size_t)100), again->key.p, first->line);
}

void node_check_keys(const struct node *m, const char *file, struct errs *errs)
{
    if (m->n < 12) {
        for (size_t i = 1; i < m->n; i++)
            for (size_t j = 0; j < i; j++)
                if (str_eq(m->pairs[i].key, m->pairs[j].key)) {
                    report_twice(&m->pairs[i], &m->pairs[j], file, errs);
                    break;
                }
        return;
    }
    struct map seen = { 0 };
    for (size_t i = 0; i < m->n; i++) {
        struct node_pair *first = map_get(&seen, m->pairs[i].key);
        if (first)
            report_twice(&m->pairs[i], first, file, errs);
        else
            map_put(&seen, m->pairs[i].key, &m->pairs[i]);
    }
    map_free(&seen, NULL);
}
