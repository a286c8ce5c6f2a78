#include "api/platform/change.h"

#include "api/platform/diff.h"
#include "api/platform/sentence.h"
#include "api/weft/proxies.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"

#define WAIT_MS 5000
/* Entries that are looked through for one question: more changes of one service than that are still kept. */
#define SCAN_MAX 2000

static json_t *spec_json(const struct resource *r)
{
    const TrafficSpec *s = model_traffic(r);
    return s ? model_json(&s->base) : json_null();
}

static json_t *text_of(struct str s)
{
    json_t *j = json_stringn(s.p ? s.p : "", s.n);
    return j ? j : json_string("?");
}

static void append(struct batch *b, const char *log, const char *ns, const char *service, struct str second, json_t *j, int64_t now)
{
    char key[330];
    char *text = json_dumps(j, JSON_COMPACT);
    snprintf(key, sizeof key, "%s/%s", ns, service);
    const struct str keys[STORE_KEYS] = { str_of(key), second, { "", 0 } };
    if (text) batch_log(b, log, keys, now, str_of(text));
    free(text);
    json_decref(j);
}

uint64_t change_record(struct platform *p, struct batch *b, const struct change *c)
{
    json_t *facts = json_array(), *sentences = json_array();
    struct buf text = { 0 };
    int64_t now = clock_wall_ms();
    uint64_t k = store_log_next(controller_store(platform_controller(p)), STR(CHANGE_LOG));
    vec_foreach (l, &b->logs) k += str_eqc(l->log, CHANGE_LOG);
    sentence_change(c->before ? model_traffic(c->before) : c->after ? c->was : NULL, model_traffic(c->after), facts, sentences);
    sentence_join(sentences, &text);
    json_t *j = json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "at", model_time(now), "actor", text_of(c->actor), "via", via_names[c->via],
                          "sentence", text_of(buf_str(&text)), "facts", facts, "reason", text_of(c->reason));
    json_object_set_new(j, "release", c->release ? json_integer(c->release) : json_null());
    if (c->undoes) json_object_set_new(j, "undoes", json_integer((json_int_t)c->undoes));
    if (c->brings_back) json_object_set_new(j, "bringsBack", json_integer((json_int_t)c->brings_back));
    json_object_set_new(j, "before", spec_json(c->before));
    json_object_set_new(j, "after", spec_json(c->after));
    json_decref(sentences);
    buf_free(&text);
    append(b, CHANGE_LOG, c->ns, c->service, c->project, j, now);
    return k;
}

uint64_t change_add(struct platform *p, struct batch *b, const struct change *c, uint64_t expect)
{
    if (c->after)
        batch_put(b, (struct resource *)(uintptr_t)c->after, expect);
    else if (c->before)
        batch_delete(b, c->before->kind, c->before->ns, c->before->name, expect);
    return change_record(p, b, c);
}

/* ---- reading ---- */

struct scan {
    json_t *list; /* newest first; each with "k" */
    uint64_t only;
};

static bool take(void *arg, const struct store_log_entry *l)
{
    struct scan *s = arg;
    json_t *j = json_loadb(l->json.p, l->json.n, 0, NULL);
    if (j) {
        json_object_set_new(j, "k", json_integer((json_int_t)l->seq));
        json_array_append_new(s->list, j);
    }
    return true;
}

/* Entries of a log about a service, newest first. */
static json_t *entries(struct platform *p, const char *log, const char *ns, const char *service, uint64_t to, size_t limit)
{
    char key[330];
    struct scan s = { .list = json_array() };
    snprintf(key, sizeof key, "%s/%s", ns, service);
    struct store_log_query q = { .log = str_of(log), .keys = { str_of(key) }, .to = to, .limit = limit };
    store_log_read(controller_store(platform_controller(p)), &q, take, &s, NULL);
    return s.list;
}

static json_t *seen(struct platform *p, const char *ns, const char *service, uint64_t k)
{
    char key[330], number[24];
    struct scan s = { .list = json_array() };
    snprintf(key, sizeof key, "%s/%s", ns, service);
    snprintf(number, sizeof number, "%" PRIu64, k);
    struct store_log_query q = { .log = STR(CHANGE_SEEN_LOG), .keys = { str_of(key), str_of(number) }, .limit = 1 };
    store_log_read(controller_store(platform_controller(p)), &q, take, &s, NULL);
    json_t *j = json_incref(json_object_get(json_array_get(s.list, 0), "proxies"));
    json_decref(s.list);
    return j ? j : json_null();
}

static uint64_t number_of(const json_t *j, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(j, key));
    return v > 0 ? (uint64_t)v : 0;
}

static bool undone(const json_t *list, uint64_t k)
{
    size_t i;
    json_t *e;
    json_array_foreach (list, i, e)
        if (number_of(e, "undoes") == k) return true;
    return false;
}

static void yaml_of(const json_t *spec, struct buf *out)
{
    struct arena a;
    arena_init(&a, 2048, 0);
    struct node *n = model_json_tree(spec, &a);
    if (n && n->type == NODE_MAP) tree_yaml(n, out);
    arena_free(&a);
}

json_t *change_diff(const json_t *before, const json_t *after)
{
    struct buf a = { 0 }, b = { 0 };
    yaml_of(before, &a);
    yaml_of(after, &b);
    json_t *d = diff_lines(buf_str(&a), buf_str(&b));
    buf_free(&a);
    buf_free(&b);
    return d;
}

static json_t *dress(struct platform *p, const char *ns, const char *service, json_t *e, const json_t *list, bool with)
{
    uint64_t k = number_of(e, "k");
    json_object_set_new(e, "undone", json_boolean(undone(list, k)));
    json_object_set_new(e, "proxies", seen(p, ns, service, k));
    json_object_set_new(e, "observed", json_null());
    if (with) {
        json_object_set_new(e, "diff", change_diff(json_object_get(e, "before"), json_object_get(e, "after")));
    } else {
        json_object_del(e, "before");
        json_object_del(e, "after");
    }
    return e;
}

json_t *change_get(struct platform *p, const char *ns, const char *service, uint64_t k, bool with)
{
    json_t *list = entries(p, CHANGE_LOG, ns, service, 0, SCAN_MAX), *e, *found = NULL;
    size_t i;
    json_array_foreach (list, i, e)
        if (number_of(e, "k") == k) found = json_incref(e);
    if (found) dress(p, ns, service, found, list, with);
    json_decref(list);
    return found;
}

json_t *change_list(struct platform *p, const char *ns, const char *service, uint64_t after, size_t limit, uint64_t *next)
{
    json_t *all = entries(p, CHANGE_LOG, ns, service, 0, SCAN_MAX), *out = json_array(), *e;
    size_t i;
    *next = 0;
    json_array_foreach (all, i, e) {
        uint64_t k = number_of(e, "k");
        if (after && k >= after) continue;
        if (json_array_size(out) == limit) {
            *next = number_of(json_array_get(out, limit - 1), "k");
            break;
        }
        json_array_append_new(out, dress(p, ns, service, json_incref(e), all, false));
    }
    json_decref(all);
    return out;
}

/* The newest changes of services, as long as no entry was added to the logs: lists of services ask for them each second. One platform. */
static struct {
    struct store *store;
    uint64_t seq;
    struct map by_service; /* "NAMESPACE/NAME" -> json_t */
} newest;

static void drop(void *j) { json_decref(j); }

json_t *change_last(struct platform *p, const char *ns, const char *service)
{
    struct store *store = controller_store(platform_controller(p));
    uint64_t seq = store_log_next(store, STR(CHANGE_LOG)) + store_log_next(store, STR(CHANGE_SEEN_LOG));
    char key[330];
    snprintf(key, sizeof key, "%s/%s", ns, service);
    if (newest.store != store || newest.seq != seq) {
        map_free(&newest.by_service, drop);
        newest.store = store;
        newest.seq = seq;
    }
    json_t *e = map_get(&newest.by_service, str_of(key));
    if (e) return json_copy(e); /* callers add to it */
    json_t *list = entries(p, CHANGE_LOG, ns, service, 0, 1);
    e = json_incref(json_array_get(list, 0));
    if (e) dress(p, ns, service, e, list, false);
    json_decref(list);
    if (!e) e = json_null();
    map_put(&newest.by_service, str_of(key), json_incref(e));
    return json_is_object(e) ? (json_decref(e), json_copy(map_get(&newest.by_service, str_of(key)))) : e;
}

struct marks {
    json_t *list;
};

static bool mark(void *arg, const struct store_log_entry *l)
{
    struct marks *m = arg;
    json_t *j = json_loadb(l->json.p, l->json.n, 0, NULL);
    const char *s = json_string_value(json_object_get(j, "sentence"));
    json_array_append_new(m->list, json_pack("{s:I, s:s}", "t", (json_int_t)l->time_ms, "label", s ? s : ""));
    json_decref(j);
    return true;
}

json_t *change_marks(struct platform *p, const char *ns, const char *service, int64_t since_ms)
{
    char key[330];
    struct marks m = { json_array() };
    snprintf(key, sizeof key, "%s/%s", ns, service);
    struct store_log_query q = {
        .log = STR(CHANGE_LOG), .keys = { str_of(key) }, .since_ms = since_ms, .oldest_first = true, .limit = 200
    };
    store_log_read(controller_store(platform_controller(p)), &q, mark, &m, NULL);
    return m.list;
}

uint64_t change_to_undo(struct platform *p, const char *ns, const char *service, json_t **spec, json_t **after, unsigned *release)
{
    *release = 0;
    json_t *list = entries(p, CHANGE_LOG, ns, service, 0, SCAN_MAX), *e;
    size_t i;
    uint64_t k = 0;
    json_array_foreach (list, i, e) {
        uint64_t at = number_of(e, "k");
        if (number_of(e, "undoes") || undone(list, at)) continue;
        k = at;
        *release = (unsigned)number_of(e, "release");
        *spec = json_incref(json_object_get(e, "before"));
        *after = json_incref(json_object_get(e, "after"));
        break;
    }
    json_decref(list);
    return k;
}

json_t *change_state(struct platform *p, const char *ns, const char *service, uint64_t k)
{
    json_t *e = change_get(p, ns, service, k, true), *s = json_incref(json_object_get(e, "after"));
    json_decref(e);
    return s;
}

/* ---- acknowledgements ---- */

struct change_wait {
    struct platform *p;
    char *ns, *service;
    uint64_t k;
    void (*done)(void *arg, const json_t *proxies); /* NULL: nobody listens */
    void *arg;
};

static void keep(struct change_wait *w, const json_t *proxies)
{
    struct batch b = { 0 };
    struct err e = { 0 };
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, w->k);
    append(&b, CHANGE_SEEN_LOG, w->ns, w->service, str_of(number), json_pack("{s:O}", "proxies", proxies), clock_wall_ms());
    if (platform_commit(w->p, &b, &e) < 0) log_warn("what the proxies said of change %" PRIu64 " is not kept: %s", w->k, e.what);
    batch_free(&b);
}

static void finish(struct change_wait *w, const struct xds_outcome *o)
{
    json_t *proxies = proxies_json(platform_world(w->p), o);
    if (w->done) w->done(w->arg, proxies);
    if (w->k) keep(w, proxies); /* 0: not about a change of Traffic */
    json_decref(proxies);
    free(w->ns);
    free(w->service);
    free(w);
}

static void waited(void *arg, const struct xds_outcome *o) { finish(arg, o); }

struct change_wait *change_wait(struct platform *p, const char *ns, const char *service, uint64_t k,
                                void (*done)(void *arg, const json_t *proxies), void *arg)
{
    struct controller *ctl = platform_controller(p);
    struct change_wait *w = xcalloc(1, sizeof *w);
    const struct xds_outcome nobody = { 0 };
    *w = (struct change_wait){ .p = p, .ns = xstrdup(ns), .service = xstrdup(service), .k = k, .done = done, .arg = arg };
    uint64_t epoch = controller_settle(ctl);
    if (epoch == 0) {
        finish(w, &nobody);
        return NULL;
    }
    struct xds_wait *x = xds_server_wait(controller_xds(ctl), epoch, WAIT_MS, clock_ms(), waited, w);
    controller_tick(ctl);
    return x ? w : NULL;
}

void change_forget(struct change_wait *w)
{
    if (w) w->done = NULL;
}
