/* The node agent: a list and a watch of pods and of services, pods started and stopped as they say, status reported back.
 * Each (re)connection begins with a list, so whatever was missed while weftd was away is found. */
#include "cli/agent.h"
#include "base/log.h"
#include "base/map.h"
#include "cli/api.h"
#include "http/client.h"

#define RETRY_MS 50

struct agent;

/* One kind that is listed and then watched, on a connection of its own. */
struct feed {
    struct agent *agent;
    const char *path; /* "/api/v1/pods" */
    void (*event)(struct agent *g, const char *type, json_t *object);
    void (*listed)(struct agent *g, const json_t *items);
    struct http_client *client;
    struct http_request *request;
    struct timer again;
    struct buf body;
    bool watching;
    char version[32]; /* resourceVersion of the list */
};

struct agent {
    const struct agent_config *cfg;
    struct fabric *fabric;
    struct loop *loop;
    struct feed pods, services;
    struct http_client *writer; /* status and deletions, one after the other */
    struct map pod_by_uid;      /* -> struct agent_pod * */
    struct map service_by_name; /* "ns/name" -> json_t * */
    struct deferred net;        /* names and addresses, once per turn */
};

static void feed_start(struct feed *d);

static const struct str api_host = { "weft", 4 };

/* ---- writing to the API ---- */

static void written(struct http_request *r, const struct err *err, const struct headers *trailers, void *arg)
{
    (void)trailers;
    int status = http_request_status(r);
    char text[512];
    if (err)
        log_debug("agent: %s: %s", (const char *)arg, err_text(err, text, sizeof text));
    else if (status >= 300 && status != 404)
        log_warn("agent: %s was answered with status %d", (const char *)arg, status);
    free(arg);
}

static void api_write(struct agent *g, const char *method, char *path, const char *type, const char *body)
{
    static const struct http_request_callbacks cb = { .done = written };
    struct http_request *r = http_request_new(g->writer, method, api_host, str_of(path), &cb, path);
    if (type) http_request_header(r, "content-type", str_of(type));
    http_request_deadline(r, 5000);
    http_request_send(r, str_of(body), true);
}

static char *pod_path(const json_t *pod, const char *more)
{
    return xasprintf("/api/v1/namespaces/%s/pods/%s%s", json_text(pod, "metadata.namespace"), json_text(pod, "metadata.name"), more);
}

static void report(struct agent *g, struct agent_pod *p)
{
    if (!p->patch) return;
    char *body = json_dumps(p->patch, JSON_COMPACT);
    api_write(g, "PATCH", pod_path(p->object, "/status"), "application/merge-patch+json", body);
    free(body);
}

static void report_patch(struct agent *g, struct agent_pod *p, json_t *patch)
{
    json_decref(p->patch);
    p->patch = patch;
    report(g, p);
}

static void remove_from_api(struct agent *g, const json_t *pod)
{
    api_write(g, "DELETE", pod_path(pod, "?gracePeriodSeconds=0"), NULL, "");
}

/* ---- pods ---- */

static void net_changed(struct agent *g) { loop_defer(g->loop, &g->net); }

static void update_net(struct deferred *d)
{
    struct agent *g = container_of(d, struct agent, net);
    struct agent_view v = { &g->service_by_name, &g->pod_by_uid };
    agent_net_update(g->fabric, g->cfg, &v);
}

static void start_pod(struct agent *g, struct agent_pod *p)
{
    struct arena a;
    struct node_pod spec;
    struct err e = { 0 };
    const char *reason;
    arena_init(&a, 4096, 0);
    int r = agent_pod_spec(p->object, g->cfg, fabric_is_root(g->fabric), &a, &spec, &reason, &e);
    if (r == 0) {
        reason = "RunContainerError";
        r = fabric_pod_start(g->fabric, &spec, &e);
    }
    p->running = r == 0;
    if (r < 0) {
        char text[sizeof e.what + sizeof e.hint];
        snprintf(text, sizeof text, "%s%s%s", e.what, e.hint[0] ? "; " : "", e.hint);
        log_warn("pod %s/%s cannot run: %s", json_text(p->object, "metadata.namespace"), json_text(p->object, "metadata.name"), text);
        report_patch(g, p, agent_status_refused(p->object, reason, text));
    }
    arena_free(&a);
}

static void forget_pod(struct agent *g, const char *uid)
{
    struct agent_pod *p = map_remove(&g->pod_by_uid, str_of(uid));
    if (!p) return;
    json_decref(p->object);
    json_decref(p->patch);
    free(p);
    net_changed(g);
}

static void end_pod(struct agent *g, struct agent_pod *p, int grace_ms)
{
    const char *uid = json_text(p->object, "metadata.uid");
    if (p->running) {
        if (!p->ended || grace_ms == 0) fabric_pod_stop(g->fabric, uid, grace_ms);
        p->ended = true;
        return;
    }
    remove_from_api(g, p->object);
    forget_pod(g, uid);
}

static void pod_event(struct agent *g, const char *type, json_t *object)
{
    const char *uid = json_text(object, "metadata.uid");
    if (!uid) return;
    struct agent_pod *p = map_get(&g->pod_by_uid, str_of(uid));
    if (strcmp(type, "DELETED") == 0) {
        if (p && p->running)
            fabric_pod_stop(g->fabric, uid, 0);
        else if (p)
            forget_pod(g, uid);
        return;
    }
    bool fresh = !p;
    if (fresh) {
        p = xcalloc(1, sizeof *p);
        map_put(&g->pod_by_uid, str_of(uid), p);
    }
    json_decref(p->object);
    p->object = json_incref(object);
    if (json_text(object, "metadata.deletionTimestamp")) {
        int64_t grace = json_number(object, "metadata.deletionGracePeriodSeconds", -1);
        end_pod(g, p, grace < 0 ? -1 : (int)(grace * 1000));
        return;
    }
    /* A pod without an address is not placed yet: workload will change it again. */
    if (!p->running && json_text(object, "status.podIP")) start_pod(g, p);
    net_changed(g);
}

/* After a list: what we run and nobody wants any more is ended, and every status is said again. */
static void pods_listed(struct agent *g, const json_t *items)
{
    struct map wanted = { 0 };
    size_t i;
    json_t *object;
    json_array_foreach (items, i, object) map_put(&wanted, str_of(json_text(object, "metadata.uid")), object);
    map_foreach (e, &g->pod_by_uid) {
        struct agent_pod *p = e->value;
        if (map_get(&wanted, map_key(e)))
            report(g, p);
        else if (p->running)
            fabric_pod_stop(g->fabric, e->key, 0);
    }
    map_free(&wanted, NULL);
    json_array_foreach (items, i, object) pod_event(g, "ADDED", object);
}

static void on_status(void *ctx, const struct node_pod_status *s)
{
    struct agent *g = ctx;
    struct agent_pod *p = map_get(&g->pod_by_uid, str_of(s->uid));
    if (!p) return;
    if (p->ready != s->ready) net_changed(g);
    p->ready = s->ready;
    report_patch(g, p, agent_status_patch(p->object, s));
}

static void on_gone(void *ctx, const char *uid)
{
    struct agent *g = ctx;
    struct agent_pod *p = map_get(&g->pod_by_uid, str_of(uid));
    if (!p) return;
    remove_from_api(g, p->object);
    forget_pod(g, uid);
}

static void on_event(void *ctx, const struct node_event *ev)
{
    (void)ctx;
    log_at(ev->warning ? LOG_WARN : LOG_INFO, "pod %s/%s%s%s: %s: %s", ev->ns, ev->pod, ev->container ? " " : "",
           ev->container ? ev->container : "", ev->reason, ev->message);
}

/* ---- services ---- */

static void service_event(struct agent *g, const char *type, json_t *object)
{
    char *key = xasprintf("%s/%s", json_text(object, "metadata.namespace"), json_text(object, "metadata.name"));
    json_t *old = strcmp(type, "DELETED") == 0 ? map_remove(&g->service_by_name, str_of(key))
                                               : map_put(&g->service_by_name, str_of(key), json_incref(object));
    json_decref(old);
    free(key);
    net_changed(g);
}

static void free_json(void *j) { json_decref(j); }

static void services_listed(struct agent *g, const json_t *items)
{
    size_t i;
    json_t *object;
    map_free(&g->service_by_name, free_json);
    json_array_foreach (items, i, object) service_event(g, "ADDED", object);
    net_changed(g);
}

/* ---- feeds ---- */

static void feed_line(struct feed *d, struct str line)
{
    json_t *event = json_loadb(line.p, line.n, 0, NULL);
    const char *type = json_text(event, "type");
    json_t *object = json_object_get(event, "object");
    if (type && object && strcmp(type, "BOOKMARK") != 0 && strcmp(type, "ERROR") != 0) d->event(d->agent, type, object);
    json_decref(event);
}

static void feed_data(struct http_request *r, struct str piece, void *arg)
{
    struct feed *d = arg;
    (void)r;
    buf_str_append(&d->body, piece);
    if (!d->watching) return;
    for (ssize_t nl; (nl = str_index(buf_str(&d->body), '\n')) >= 0;) {
        feed_line(d, str_first(buf_str(&d->body), (size_t)nl));
        buf_take(&d->body, (size_t)nl + 1);
    }
}

static void feed_list_done(struct feed *d)
{
    json_t *list = json_loadb(buf_data(&d->body), d->body.len, 0, NULL);
    const char *version = json_text(list, "metadata.resourceVersion");
    buf_free(&d->body);
    snprintf(d->version, sizeof d->version, "%s", version ? version : "");
    if (list) d->listed(d->agent, json_object_get(list, "items"));
    d->watching = list != NULL;
    json_decref(list);
}

static void feed_done(struct http_request *r, const struct err *err, const struct headers *trailers, void *arg)
{
    struct feed *d = arg;
    (void)trailers;
    d->request = NULL;
    bool good = !err && http_request_status(r) == 200;
    if (good && !d->watching) {
        feed_list_done(d);
    } else { /* lost or refused: from the list on again */
        d->watching = false;
        buf_free(&d->body);
    }
    if (good && d->watching)
        feed_start(d);
    else
        timer_set(d->agent->loop, &d->again, RETRY_MS);
}

static void feed_start(struct feed *d)
{
    static const struct http_request_callbacks cb = { .data = feed_data, .done = feed_done };
    char path[128];
    snprintf(path, sizeof path, d->watching ? "%s?watch=1&resourceVersion=%s" : "%s", d->path, d->version);
    d->request = http_request_new(d->client, "GET", api_host, str_of(path), &cb, d);
    http_request_send(d->request, (struct str){ 0 }, true);
}

static void feed_again(struct timer *t)
{
    struct feed *d = container_of(t, struct feed, again);
    if (!d->request) feed_start(d);
}

int agent_start(struct fabric *f, void *ctx, struct err *e)
{
    static const struct node_callbacks callbacks = { on_status, on_gone, on_event };
    static const struct http_client_config http = { .connect_ms = 2000 };
    struct agent *g = xcalloc(1, sizeof *g);
    struct addr api;
    g->cfg = ctx;
    g->fabric = f;
    g->loop = fabric_loop(f);
    g->net.run = update_net;
    int r = addr_unix(&api, g->cfg->api_socket, e);
    if (r < 0) {
        free(g);
        return r;
    }
    fabric_callbacks(f, &callbacks, g);
    g->writer = http_client_new(g->loop, &api, &http);
    g->pods = (struct feed){ .agent = g,
                             .path = "/api/v1/pods",
                             .event = pod_event,
                             .listed = pods_listed,
                             .client = http_client_new(g->loop, &api, &http),
                             .again = { .fire = feed_again } };
    g->services = (struct feed){ .agent = g,
                                 .path = "/api/v1/services",
                                 .event = service_event,
                                 .listed = services_listed,
                                 .client = http_client_new(g->loop, &api, &http),
                                 .again = { .fire = feed_again } };
    feed_start(&g->pods);
    feed_start(&g->services);
    return 0;
}
