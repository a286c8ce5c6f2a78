/* GET with watch=1: a stream of events, one JSON object in a line. It starts with ADDED for what is there, or behind the
 * resourceVersion that is given; it ends after timeoutSeconds, or when the reader is too slow to keep up: then it lists
 * again, as it must after any break. */
#include "api/object.h"
#include "api/resources/status.h"
#include "api/resources/target.h"
#include "base/map.h"

/* A reader that is this far behind is cut off; the memory is ours. */
#define BEHIND_MAX (4 << 20)

struct watch {
    struct call *call;
    struct store_watch *events;
    struct selector selector; /* its strings lie in the call's arena */
    struct map matched;       /* "NS/NAME" of what the reader knows of, when there is a selector */
    char *api_version;
    struct timer timeout;
    struct deferred over;
    struct buf line;
    bool broken;
};

static void watch_free(struct watch *w)
{
    store_unwatch(w->events);
    timer_stop(&w->timeout);
    deferred_cancel(&w->over);
    selector_free(&w->selector);
    map_free(&w->matched, NULL);
    buf_free(&w->line);
    free(w->api_version);
    free(w);
}

static void watch_end(struct watch *w)
{
    struct call *c = w->call;
    bool broken = w->broken;
    watch_free(w);
    if (broken)
        c->ops->abort(c);
    else
        c->ops->end(c);
}

static void over(struct deferred *d) { watch_end(container_of(d, struct watch, over)); }
static void timed_out(struct timer *t) { watch_end(container_of(t, struct watch, timeout)); }

static void peer_gone(struct call *c) { watch_free(c->user); }

static void send_event(struct watch *w, const char *type, const struct store_object *o, uint64_t version)
{
    if (w->broken) return;
    buf_clear(&w->line);
    buf_printf(&w->line, "{\"type\":\"%s\",\"object\":", type);
    object_write(&w->line, o, w->api_version, version);
    buf_puts(&w->line, "}\n");
    ssize_t waiting = w->call->ops->write(w->call, buf_data(&w->line), w->line.len);
    if (waiting >= 0 && waiting <= BEHIND_MAX) return;
    w->broken = true; /* not from within the store's commit */
    loop_defer(controller_loop(w->call->ctl), &w->over);
}

static bool selected(const struct watch *w, const struct store_object *o)
{
    struct arena a;
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    arena_init(&a, 8192, 0);
    bool yes = tree_read_json(o->json, "<store>", &a, &docs, &errs) == 0 && docs.n == 1 && selector_match(&w->selector, docs.v[0]);
    vec_free(&docs);
    errs_free(&errs);
    arena_free(&a);
    return yes;
}

/* With a selector, an object that begins or ceases to match is added or deleted in the reader's eyes. */
static void on_event(void *arg, const struct store_event *ev)
{
    static const char *const types[] = { [STORE_ADDED] = "ADDED", [STORE_MODIFIED] = "MODIFIED", [STORE_DELETED] = "DELETED" };
    struct watch *w = arg;
    if (!w->selector.terms.n) return send_event(w, types[ev->type], ev->object, ev->version);
    char *key = xasprintf("%.*s/%.*s", STR_ARG(ev->object->ns), STR_ARG(ev->object->name));
    bool known = map_get(&w->matched, str_of(key)) != NULL;
    bool now = ev->type != STORE_DELETED && selected(w, ev->object);
    if (now)
        map_put(&w->matched, str_of(key), w);
    else
        map_remove(&w->matched, str_of(key));
    if (now)
        send_event(w, known ? "MODIFIED" : "ADDED", ev->object, ev->version);
    else if (known)
        send_event(w, "DELETED", ev->object, ev->version);
    free(key);
}

static void what_is_there(void *arg, struct store_object *o)
{
    struct store_event ev = { STORE_ADDED, o->version, o };
    on_event(arg, &ev);
}

/* What a reader that watches from a version on, with a selector, is taken to know: all that matches now. */
static void remember(void *arg, struct store_object *o)
{
    struct watch *w = arg;
    if (!selected(w, o)) return;
    char *key = xasprintf("%.*s/%.*s", STR_ARG(o->ns), STR_ARG(o->name));
    map_put(&w->matched, str_of(key), w);
    free(key);
}

static void too_old(struct call *c, struct str since, uint64_t version)
{
    status_refuse(c, 410, NULL, (struct str){ 0 }, "too old resource version: %.*s (%" PRIu64 ")", STR_ARG(str_first(since, 40)), version);
}

void resource_watch(struct call *c, const struct target *t)
{
    struct store *store = controller_store(c->ctl);
    struct str since_text = call_query(c, "resourceVersion"), kind = object_kind_name(t->kind),
               ns = t->ns ? str_of(t->ns) : (struct str){ 0 };
    struct selector selector = { 0 };
    uint64_t since = 0, seconds = 0;
    struct err e = { 0 };
    if (since_text.n && !str_u64(since_text, &since)) return status_refuse(c, 400, NULL, (struct str){ 0 }, "invalid resource version");
    if (!target_selector(c, t, &selector)) return;
    bool fresh = since == 0;
    struct watch *w = xcalloc(1, sizeof *w);
    *w = (struct watch){
        .call = c, .selector = selector, .api_version = xstrdup(t->api_version), .timeout.fire = timed_out, .over.run = over
    };
    /* Is the version still known? Asked without a reader first: the answer's status depends on it. */
    if (!fresh && selector.terms.n) store_list(store, kind, ns, remember, w);
    struct store_watch *probe = fresh ? NULL : store_watch(store, STR("-"), STR("-"), since, on_event, w, &e);
    if (!fresh && !probe) {
        watch_free(w);
        return too_old(c, since_text, store_version(store));
    }
    store_unwatch(probe);
    c->user = w;
    c->gone = peer_gone;
    c->ops->start(c, 200, "application/json");
    if (fresh) store_list(store, kind, ns, what_is_there, w);
    w->events = store_watch(store, kind, ns, fresh ? store_version(store) : since, on_event, w, &e);
    if (str_u64(call_query(c, "timeoutSeconds"), &seconds) && seconds)
        timer_set(controller_loop(c->ctl), &w->timeout, MIN(seconds, (uint64_t)86400) * 1000);
}
