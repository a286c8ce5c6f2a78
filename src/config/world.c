/* The world as a value: per kind one immutable table, shared between worlds that have the same. */
#include "config/world.h"

struct table {
    _Atomic unsigned refs;
    size_t n;
    struct resource **by_name; /* by namespace, then name */
    struct resource **by_age;  /* oldest first, then name, then namespace */
};

struct world {
    _Atomic unsigned refs;
    struct table *t[KIND__N]; /* NULL: none of the kind */
};

static void table_unref(struct table *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < t->n; i++) resource_unref(t->by_name[i]);
    free(t->by_name);
    free(t->by_age);
    free(t);
}

static int cmp_age(const void *a, const void *b)
{
    const struct resource *x = *(struct resource *const *)a, *y = *(struct resource *const *)b;
    if (x->created_ms != y->created_ms) return x->created_ms < y->created_ms ? -1 : 1;
    int c = strcmp(x->name, y->name);
    return c ? c : strcmp(x->ns, y->ns);
}

/* First element not before (ns, name); name NULL: the namespace's first. */
static size_t lower_bound(const struct table *t, const char *ns, const char *name)
{
    size_t lo = 0, hi = t ? t->n : 0;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = strcmp(t->by_name[mid]->ns, ns);
        if (c == 0 && name) c = strcmp(t->by_name[mid]->name, name);
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct world *world_new(void)
{
    struct world *w = xcalloc(1, sizeof *w);
    atomic_init(&w->refs, 1);
    return w;
}

struct world *world_ref(const struct world *w)
{
    struct world *m = (struct world *)(uintptr_t)w;
    if (m) atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void world_unref(const struct world *w)
{
    struct world *m = (struct world *)(uintptr_t)w;
    if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < KIND__N; i++) table_unref(m->t[i]);
    free(m);
}

/* One change of a kind, as a sort key with its rank: the later of two for the same object wins. */
struct edit {
    const char *ns, *name;
    struct resource *put; /* NULL: remove */
    size_t rank;
};

static int cmp_edit(const void *a, const void *b)
{
    const struct edit *x = a, *y = b;
    int c = strcmp(x->ns, y->ns);
    if (!c) c = strcmp(x->name, y->name);
    return c ? c : (x->rank > y->rank) - (x->rank < y->rank);
}

/* The table after sorted edits; NULL when nothing is left. */
static struct table *table_edit(const struct table *old, const struct edit *e, size_t n)
{
    struct table *t = xcalloc(1, sizeof *t);
    atomic_init(&t->refs, 1);
    t->by_name = xcalloc((old ? old->n : 0) + n + 1, sizeof *t->by_name);
    size_t i = 0, old_n = old ? old->n : 0;
    for (size_t k = 0; k < n; k++) {
        if (k + 1 < n && strcmp(e[k].ns, e[k + 1].ns) == 0 && strcmp(e[k].name, e[k + 1].name) == 0) continue;
        int c = -1;
        while (i < old_n) {
            c = strcmp(old->by_name[i]->ns, e[k].ns);
            if (!c) c = strcmp(old->by_name[i]->name, e[k].name);
            if (c >= 0) break;
            t->by_name[t->n++] = resource_ref(old->by_name[i++]);
        }
        if (i < old_n && c == 0) i++; /* replaced or removed */
        if (e[k].put) t->by_name[t->n++] = resource_ref(e[k].put);
    }
    while (i < old_n) t->by_name[t->n++] = resource_ref(old->by_name[i++]);
    if (t->n == 0) {
        table_unref(t);
        return NULL;
    }
    t->by_age = xcalloc(t->n, sizeof *t->by_age);
    memcpy(t->by_age, t->by_name, t->n * sizeof *t->by_age);
    qsort(t->by_age, t->n, sizeof *t->by_age, cmp_age);
    return t;
}

struct world *world_with(const struct world *w, const struct world_change *changes, size_t n)
{
    struct world *next = world_new();
    struct edit *edits = xcalloc(n ? n : 1, sizeof *edits);
    for (size_t kind = 0; kind < KIND__N; kind++) {
        size_t m = 0;
        for (size_t i = 0; i < n; i++) {
            const struct world_change *c = &changes[i];
            if ((c->put ? c->put->kind->id : c->kind) != kind) continue;
            edits[m++] = (struct edit){ c->put ? c->put->ns : c->ns ? c->ns : "", c->put ? c->put->name : c->name, c->put, i };
        }
        if (m == 0) {
            next->t[kind] = w->t[kind];
            if (next->t[kind]) atomic_fetch_add_explicit(&next->t[kind]->refs, 1, memory_order_relaxed);
            continue;
        }
        qsort(edits, m, sizeof *edits, cmp_edit);
        next->t[kind] = table_edit(w->t[kind], edits, m);
    }
    free(edits);
    return next;
}

struct world *world_put(const struct world *w, struct resource *const *put, size_t n)
{
    struct world_change *c = xcalloc(n ? n : 1, sizeof *c);
    for (size_t i = 0; i < n; i++) c[i].put = put[i];
    struct world *next = world_with(w, c, n);
    free(c);
    return next;
}

struct resource *world_get(const struct world *w, enum kind_id kind, const char *ns, const char *name)
{
    const struct table *t = w->t[kind];
    size_t i = lower_bound(t, ns, name);
    if (!t || i == t->n || strcmp(t->by_name[i]->ns, ns) != 0 || strcmp(t->by_name[i]->name, name) != 0) return NULL;
    return t->by_name[i];
}

struct resource_list world_list(const struct world *w, enum kind_id kind)
{
    const struct table *t = w->t[kind];
    return t ? (struct resource_list){ t->by_age, t->n } : (struct resource_list){ NULL, 0 };
}

struct resource_list world_list_ns(const struct world *w, enum kind_id kind, const char *ns)
{
    const struct table *t = w->t[kind];
    size_t i = lower_bound(t, ns, NULL), j = i;
    while (t && j < t->n && strcmp(t->by_name[j]->ns, ns) == 0) j++;
    return t && j > i ? (struct resource_list){ t->by_name + i, j - i } : (struct resource_list){ NULL, 0 };
}

size_t world_count(const struct world *w, enum kind_id kind)
{
    size_t n = 0;
    for (size_t i = 0; i < KIND__N; i++)
        if ((kind == KIND__N || kind == i) && w->t[i]) n += w->t[i]->n;
    return n;
}

bool world_same(const struct world *a, const struct world *b, enum kind_id kind)
{
    const struct table *x = a->t[kind], *y = b->t[kind];
    if (x == y) return true;
    if (!x || !y || x->n != y->n) return false;
    return memcmp(x->by_name, y->by_name, x->n * sizeof *x->by_name) == 0;
}
