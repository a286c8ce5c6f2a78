/* The index of all objects, commits, the bounded history, and watches. */
#include "store/inside.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/rng.h"

enum { HISTORY_MAX = 4096, HISTORY_BYTES_MAX = 4 << 20 };

struct store_watch {
    struct link link;
    struct store *s;
    char *kind, *ns; /* NULL: all */
    void (*fn)(void *arg, const struct store_event *ev);
    void *arg;
    bool ended; /* freed when nobody walks the list */
};

/* --- objects --- */

struct store_object *store_object_new(struct str kind, struct str ns, struct str name, struct str json)
{
    struct store_object *o = xcalloc(1, sizeof *o + kind.n + ns.n + name.n + json.n + 4);
    char *p = (char *)(o + 1);
    struct str *to[] = { &o->kind, &o->ns, &o->name, &o->json }, from[] = { kind, ns, name, json };
    o->refs = 1;
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        if (from[i].n) memcpy(p, from[i].p, from[i].n);
        *to[i] = str_make(p, from[i].n);
        p += from[i].n + 1;
    }
    return o;
}

struct store_object *store_object_ref(struct store_object *o)
{
    o->refs++;
    return o;
}

void store_object_unref(struct store_object *o)
{
    if (o && --o->refs == 0) free(o);
}

static int key_cmp(const struct store_object *o, struct str kind, struct str ns, struct str name)
{
    struct str a[] = { o->kind, o->ns, o->name }, b[] = { kind, ns, name };
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        int c = a[i].n && b[i].n ? memcmp(a[i].p, b[i].p, MIN(a[i].n, b[i].n)) : 0;
        if (c == 0) c = a[i].n < b[i].n ? -1 : a[i].n > b[i].n;
        if (c) return c;
    }
    return 0;
}

/* Where the object is, or where it would go. */
static size_t find(const struct store *s, struct str kind, struct str ns, struct str name, bool *found)
{
    size_t lo = 0, hi = s->objects.n;
    *found = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = key_cmp(s->objects.v[mid], kind, ns, name);
        if (c == 0) {
            *found = true;
            return mid;
        }
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void store_load(struct store *s, struct store_object *o) { vec_push(&s->objects, o); }

static int order(const void *a, const void *b)
{
    const struct store_object *x = *(struct store_object *const *)a, *y = *(struct store_object *const *)b;
    return key_cmp(x, y->kind, y->ns, y->name);
}

void store_sort(struct store *s)
{
    if (s->objects.n) qsort(s->objects.v, s->objects.n, sizeof *s->objects.v, order);
    s->forgotten = s->version;
}

struct store *store_open_memory(void)
{
    struct store *s = xcalloc(1, sizeof *s);
    list_init(&s->watches);
    return s;
}

static void watch_free(struct store_watch *w)
{
    list_del(&w->link);
    free(w->kind);
    free(w->ns);
    free(w);
}

void store_close(struct store *s)
{
    if (!s) return;
    if (s->backend) s->backend->close(s->backend);
    list_foreach (w, &s->watches, struct store_watch, link) watch_free(w);
    vec_foreach (o, &s->objects) store_object_unref(*o);
    vec_foreach (c, &s->history) store_object_unref(c->object);
    vec_free(&s->objects);
    vec_free(&s->history);
    store_logs_free(s);
    free(s);
}

uint64_t store_bytes(const struct store *s) { return s->backend ? s->backend->bytes(s->backend) : 0; }
uint64_t store_version(const struct store *s) { return s->version; }

struct store_object *store_get(const struct store *s, struct str kind, struct str ns, struct str name)
{
    bool found;
    size_t i = find(s, kind, ns, name, &found);
    return found ? s->objects.v[i] : NULL;
}

void store_list(const struct store *s, struct str kind, struct str ns, void (*fn)(void *arg, struct store_object *o), void *arg)
{
    bool found;
    size_t i = kind.n ? find(s, kind, ns.p ? ns : STR(""), STR(""), &found) : 0;
    for (; i < s->objects.n; i++) {
        struct store_object *o = s->objects.v[i];
        if (kind.n && !str_eq(o->kind, kind)) break;
        if (ns.p && !str_eq(o->ns, ns)) {
            if (kind.n) break;
            continue;
        }
        fn(arg, o);
    }
}

/* --- watches --- */

static bool watch_wants(const struct store_watch *w, const struct store_object *o)
{
    return !w->ended && (!w->kind || str_eqc(o->kind, w->kind)) && (!w->ns || str_eqc(o->ns, w->ns));
}

static void watch_tell(struct store_watch *w, const struct store_change *c)
{
    struct store_event ev = { c->type, c->version, c->object };
    if (watch_wants(w, c->object)) w->fn(w->arg, &ev);
}

struct store_watch *store_watch(struct store *s, struct str kind, struct str ns, uint64_t since,
                                void (*fn)(void *arg, const struct store_event *ev), void *arg, struct err *e)
{
    if (since < s->forgotten || since > s->version) {
        err_set(e, -ESTALE, "resourceVersion %" PRIu64 " is %s", since, since < s->forgotten ? "too old" : "from the future");
        err_hint(e, "list again and watch from there");
        return NULL;
    }
    struct store_watch *w = xcalloc(1, sizeof *w);
    w->s = s;
    w->kind = kind.n ? str_dup(kind) : NULL;
    w->ns = ns.p ? str_dup(ns) : NULL;
    w->fn = fn;
    w->arg = arg;
    list_append(&s->watches, &w->link);
    vec_foreach (c, &s->history)
        if (c->version > since) watch_tell(w, c);
    return w;
}

void store_unwatch(struct store_watch *w)
{
    if (!w) return;
    if (w->s->telling)
        w->ended = true;
    else
        watch_free(w);
}

static void watches_tell(struct store *s, size_t first)
{
    s->telling = true;
    for (size_t i = first; i < s->history.n; i++)
        list_foreach (w, &s->watches, struct store_watch, link) watch_tell(w, &s->history.v[i]);
    s->telling = false;
    list_foreach (w, &s->watches, struct store_watch, link)
        if (w->ended) watch_free(w);
}

/* --- commits --- */

static const char *title(const struct store_write *w, char *buf, size_t n)
{
    snprintf(buf, n, "%.*s %.*s%s%.*s", (int)MIN(w->kind.n, (size_t)80), w->kind.p, (int)MIN(w->ns.n, (size_t)80), w->ns.n ? w->ns.p : "",
             w->ns.n ? "/" : "", (int)MIN(w->name.n, (size_t)130), w->name.p);
    return buf;
}

static int expect_check(const struct store_write *w, const struct store_object *now, struct err *e)
{
    char t[320];
    if (w->expect == STORE_ABSENT) return now ? err_set(e, -EEXIST, "%s exists already", title(w, t, sizeof t)) : 0;
    if (!now && (w->op == STORE_DELETE || w->expect)) return err_set(e, -ENOENT, "%s does not exist", title(w, t, sizeof t));
    if (w->expect && now->version != w->expect) {
        err_set(e, -ESTALE, "%s was changed meanwhile: it is at resourceVersion %" PRIu64 ", not %" PRIu64, title(w, t, sizeof t),
                now->version, w->expect);
        return err_hint(e, "read it again and apply the change to that");
    }
    return 0;
}

static struct store_object *object_next(const struct store_write *w, const struct store_object *now, uint64_t version, struct rng *rng)
{
    struct store_object *o = store_object_new(w->kind, w->ns, w->name, w->json);
    o->version = version;
    o->generation = now ? now->generation + !w->keep_generation : 1;
    o->created_ms = now ? now->created_ms : clock_wall_ms();
    if (now)
        memcpy(o->uid, now->uid, sizeof o->uid);
    else if (w->uid)
        snprintf(o->uid, sizeof o->uid, "%s", w->uid);
    else
        rng_uuid(rng, o->uid);
    return o;
}

struct commit {
    struct store *s;
    VEC(struct store_change) changes;
    uint64_t version;
    struct rng rng;
};

static int commit_one(struct commit *c, struct store_write *w, struct err *e)
{
    struct store_object *now = store_get(c->s, w->kind, w->ns, w->name);
    int rc = expect_check(w, now, e);
    if (rc) return rc;
    if (w->op == STORE_PUT && now && str_eq(now->json, w->json)) {
        w->result = now;
        return 0;
    }
    struct store_change ch = { .version = ++c->version };
    if (w->op == STORE_DELETE) {
        ch.type = STORE_DELETED;
        ch.object = store_object_ref(now);
    } else {
        ch.type = now ? STORE_MODIFIED : STORE_ADDED;
        ch.object = object_next(w, now, ch.version, &c->rng);
    }
    w->result = ch.object;
    vec_push(&c->changes, ch);
    return 0;
}

static int writes_unique(const struct store_write *w, size_t n, struct err *e)
{
    struct map seen = { 0 };
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        char t[320];
        struct buf key = { 0 };
        struct str part[] = { w[i].kind, w[i].ns, w[i].name };
        if (w[i].kind.n == 0 || w[i].name.n == 0) rc = err_set(e, -EINVAL, "an object without kind or name");
        for (size_t k = 0; k < ARRAY_LEN(part); k++) {
            buf_str_append(&key, part[k]);
            buf_append(&key, "", 1);
        }
        if (rc == 0 && map_put(&seen, buf_str(&key), &seen))
            rc = err_set(e, -EINVAL, "%s is written twice in one commit", title(&w[i], t, sizeof t));
        buf_free(&key);
    }
    map_free(&seen, NULL);
    return rc;
}

static void take_effect(struct store *s, const struct store_change *c)
{
    bool found;
    size_t i = find(s, c->object->kind, c->object->ns, c->object->name, &found);
    if (c->type == STORE_DELETED) {
        store_object_unref(s->objects.v[i]);
        vec_delete(&s->objects, i);
        return;
    }
    if (found) {
        store_object_unref(s->objects.v[i]);
    } else {
        vec_push(&s->objects, NULL);
        memmove(&s->objects.v[i + 1], &s->objects.v[i], (s->objects.n - 1 - i) * sizeof *s->objects.v);
    }
    s->objects.v[i] = store_object_ref(c->object);
}

/* History takes over the references of the changes; the oldest are forgotten when it grows past its bounds. */
static void remember(struct store *s, const struct store_change *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        vec_push(&s->history, c[i]);
        s->history_bytes += c[i].object->json.n;
    }
}

static void forget_oldest(struct store *s)
{
    size_t drop = 0;
    if (s->history.n <= HISTORY_MAX && s->history_bytes <= HISTORY_BYTES_MAX) return;
    /* down to three quarters, so that the moving costs little per commit */
    while (drop < s->history.n && (s->history.n - drop > HISTORY_MAX / 4 * 3 || s->history_bytes > HISTORY_BYTES_MAX / 4 * 3)) {
        struct store_change *c = &s->history.v[drop++];
        s->history_bytes -= c->object->json.n;
        s->forgotten = c->version;
        store_object_unref(c->object);
    }
    memmove(s->history.v, s->history.v + drop, (s->history.n - drop) * sizeof *s->history.v);
    s->history.n -= drop;
}

static void commit_done(struct commit *c)
{
    struct store *s = c->s;
    vec_foreach (ch, &c->changes) take_effect(s, ch);
    s->version = c->version;
    size_t first = s->history.n;
    remember(s, c->changes.v, c->changes.n);
    watches_tell(s, first);
}

int store_commit(struct store *s, struct store_write *w, size_t n, struct err *e) { return store_commit_with(s, w, n, NULL, 0, e); }

int store_commit_with(struct store *s, struct store_write *w, size_t n, const struct store_append *a, size_t n_a, struct err *e)
{
    must(!s->telling);
    struct commit c = { .s = s, .version = s->version };
    AUTO(free_p) uint64_t *seq = store_log_seqs(s, a, n_a);
    rng_seed(&c.rng);
    forget_oldest(s); /* of earlier commits: what this one returns stays valid until the next */
    int rc = writes_unique(w, n, e);
    for (size_t i = 0; i < n && rc == 0; i++) rc = commit_one(&c, &w[i], e);
    if (rc == 0 && (c.changes.n || n_a) && s->backend)
        rc = s->backend->commit(s->backend, c.changes.v, c.changes.n, c.version, a, seq, n_a, e);
    if (rc == 0) {
        store_log_took(s, a, seq, n_a);
        commit_done(&c);
    } else {
        vec_foreach (ch, &c.changes) store_object_unref(ch->object);
        for (size_t i = 0; i < n; i++) w[i].result = NULL;
    }
    vec_free(&c.changes);
    return rc;
}
