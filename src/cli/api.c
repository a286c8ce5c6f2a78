#include "cli/api.h"
#include "base/clock.h"

#include <curl/curl.h>
#include <math.h>
#include <unistd.h>

static size_t collect(char *p, size_t size, size_t n, void *arg)
{
    struct buf *b = arg;
    return buf_append(b, p, size * n) < 0 ? 0 : size * n;
}

static CURL *begin(const struct cli *c, const char *path, char **ret_url)
{
    char *socket = state_path(c, "api.sock");
    CURL *curl = curl_easy_init();
    must(curl);
    size_t n = c->server ? strlen(c->server) : 0;
    while (n && c->server[n - 1] == '/') n--;
    *ret_url = c->server ? xasprintf("%.*s%s", (int)n, c->server, path) : xasprintf("http://weft%s", path);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (c->server)
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    else
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_URL, *ret_url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weft-cli");
    free(socket);
    return curl;
}

static int failed(const struct cli *c, CURLcode code, struct err *e)
{
    if (c->server) return err_set(e, -EIO, "%s did not answer: %s", c->server, curl_easy_strerror(code));
    if (code == CURLE_COULDNT_CONNECT) {
        err_set(e, -ECONNREFUSED, "no mesh runs in %s", c->state);
        return err_hint(e, "start one with: weft up -f FILE%s%s", strcmp(c->state, "/var/lib/weft") ? " --state " : "",
                        strcmp(c->state, "/var/lib/weft") ? c->state : "");
    }
    return err_set(e, -EIO, "the mesh in %s did not answer: %s", c->state, curl_easy_strerror(code));
}

static struct curl_slist *header(struct curl_slist *list, const char *name, const char *value)
{
    if (!value || !*value) return list;
    AUTO(free_p) char *line = xasprintf("%s: %s", name, value);
    for (char *p = line; *p; p++) {
        if ((unsigned char)*p < ' ') *p = ' '; /* from the environment: no header of its own */
    }
    return curl_slist_append(list, line);
}

/* Who speaks: the socket knows the user; a token is somebody else, a name tells which person. */
static struct curl_slist *identity(struct curl_slist *list)
{
    const char *token = getenv("WEFT_TOKEN"), *actor = getenv("WEFT_ACTOR");
    AUTO(free_p) char *bearer = token && *token ? xasprintf("Bearer %s", token) : NULL;
    list = header(list, "Authorization", bearer);
    return header(list, "X-Weft-Actor", actor && *actor ? actor : getenv("SUDO_USER"));
}

int api_send(const struct cli *c, const struct api_request *q, struct api_answer *ret, struct err *e)
{
    char *url;
    CURL *curl = begin(c, q->path, &url);
    struct curl_slist *headers = identity(curl_slist_append(NULL, "Expect:"));
    headers = header(headers, "Content-Type", q->type ? q->type : "application/json");
    headers = header(headers, "If-Match", q->if_match);
    headers = header(headers, "Idempotency-Key", q->idempotency_key);
    headers = header(headers, "Accept", q->accept);
    *ret = (struct api_answer){ 0 };
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method ? q->method : "GET");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (q->body.p) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body.p);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ret->raw);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(url);
    if (code != CURLE_OK) return failed(c, code, e);
    ret->body = json_loadb(buf_data(&ret->raw), ret->raw.len, JSON_DECODE_ANY, NULL);
    return 0;
}

int api_call(const struct cli *c, const char *method, const char *path, const char *type, struct str body, struct api_answer *ret,
             struct err *e)
{
    const struct api_request q = { .method = method, .path = path, .type = type, .body = body };
    return api_send(c, &q, ret, e);
}

int api_check(const struct api_answer *a, struct err *e)
{
    if (a->status >= 200 && a->status < 300) return 0;
    const char *message = json_text(a->body, "message");
    if (!message) message = json_text(a->body, "detail"); /* problem+json */
    if (message) return err_set(e, a->status == 404 ? -ENOENT : -EINVAL, "%s", message);
    return err_set(e, -EIO, "the mesh answered with status %ld", a->status);
}

void api_answer_free(struct api_answer *a)
{
    json_decref(a->body);
    buf_free(&a->raw);
    *a = (struct api_answer){ 0 };
}

json_t *api_get(const struct cli *c, const char *path, struct err *e)
{
    struct api_answer a;
    if (api_call(c, "GET", path, NULL, (struct str){ 0 }, &a, e) < 0) return NULL;
    json_t *body = NULL;
    if (api_check(&a, e) == 0) {
        body = json_incref(a.body);
        if (!body) err_set(e, -EIO, "the mesh answered %s with something that is no JSON", path);
    }
    api_answer_free(&a);
    return body;
}

struct watch {
    struct buf line;
    bool (*fn)(json_t *event, void *arg);
    void *arg;
    bool done;
};

static size_t watch_bytes(char *p, size_t size, size_t n, void *arg)
{
    struct watch *w = arg;
    buf_append(&w->line, p, size * n);
    for (ssize_t nl; !w->done && (nl = str_index(buf_str(&w->line), '\n')) >= 0;) {
        json_t *event = json_loadb(buf_data(&w->line), (size_t)nl, 0, NULL);
        buf_take(&w->line, (size_t)nl + 1);
        if (event) w->done = !w->fn(event, w->arg);
        json_decref(event);
    }
    return w->done ? 0 : size * n;
}

int api_watch(const struct cli *c, const char *path, bool (*fn)(json_t *event, void *arg), void *arg, struct err *e)
{
    struct watch w = { .fn = fn, .arg = arg };
    char *url;
    CURL *curl = begin(c, path, &url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, watch_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &w);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    free(url);
    buf_free(&w.line);
    if (code == CURLE_OK || w.done) return 0;
    return failed(c, code, e);
}

/* ---- server-sent events ---- */

#define RESUME_MS 15000

struct events {
    CURL *curl;
    struct buf line, data;
    char type[64], id[64];
    bool (*fn)(const struct api_event *ev, void *arg);
    void *arg;
    bool done;
    uint64_t heard_ms, tick_ms;
};

static void give(struct events *s, const struct api_event *ev)
{
    if (!s->done) s->done = !s->fn(ev, s->arg);
}

/* One line of the stream (WHATWG HTML 9.2.6); an empty one ends the event. */
static void event_line(struct events *s, struct str line)
{
    if (line.n && line.p[line.n - 1] == '\r') line.n--;
    if (line.n == 0) {
        json_t *data = json_loadb(buf_data(&s->data), s->data.len, JSON_DECODE_ANY, NULL);
        const struct api_event ev = { s->type[0] ? s->type : "message", s->id, data };
        if (data) give(s, &ev);
        json_decref(data);
        buf_clear(&s->data);
        s->type[0] = 0;
        return;
    }
    struct str value = line, name = str_cut(&value, ':');
    if (value.n && value.p[0] == ' ') value = str_skip(value, 1);
    if (str_eqc(name, "data")) {
        buf_str_append(&s->data, value);
        return;
    }
    char *to = str_eqc(name, "event") ? s->type : str_eqc(name, "id") ? s->id : NULL;
    if (to) snprintf(to, sizeof s->type, "%.*s", STR_ARG(value));
}

static size_t event_bytes(char *p, size_t size, size_t n, void *arg)
{
    struct events *s = arg;
    long status = 0;
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    buf_append(&s->line, p, size * n);
    if (status != 200) return size * n; /* a problem: kept for the caller */
    s->heard_ms = clock_ms();
    for (ssize_t nl; !s->done && (nl = str_index(buf_str(&s->line), '\n')) >= 0;) {
        event_line(s, str_first(buf_str(&s->line), (size_t)nl));
        buf_take(&s->line, (size_t)nl + 1);
    }
    return s->done ? 0 : size * n;
}

static int on_tick(void *arg, curl_off_t a, curl_off_t b, curl_off_t x, curl_off_t y)
{
    struct events *s = arg;
    uint64_t now = clock_ms();
    (void)a, (void)b, (void)x, (void)y;
    if (now - s->tick_ms >= 1000) {
        s->tick_ms = now;
        give(s, NULL);
    }
    return s->done;
}

static CURLcode events_once(const struct cli *c, const char *path, struct events *s, long *ret_status)
{
    char *url;
    CURL *curl = begin(c, path, &url);
    struct curl_slist *headers = header(identity(NULL), "Last-Event-ID", s->id);
    headers = header(headers, "Accept", "text/event-stream");
    s->curl = curl;
    buf_clear(&s->line);
    buf_clear(&s->data);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, event_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(url);
    return code;
}

int api_events(const struct cli *c, const char *path, bool (*fn)(const struct api_event *ev, void *arg), void *arg, struct err *e)
{
    struct events s = { .fn = fn, .arg = arg, .heard_ms = clock_ms(), .tick_ms = clock_ms() };
    int r = 1;
    while (r > 0) {
        long status = 0;
        CURLcode code = events_once(c, path, &s, &status);
        if (s.done) {
            r = 0;
        } else if (status && status != 200) {
            struct api_answer a = { .status = status, .body = json_loadb(buf_data(&s.line), s.line.len, 0, NULL) };
            r = api_check(&a, e);
            api_answer_free(&a);
            if (r == 0) r = err_set(e, -EIO, "the mesh answered with status %ld", status);
        } else if (clock_ms() - s.heard_ms > RESUME_MS) {
            r = code == CURLE_OK ? err_set(e, -EIO, "the mesh in %s ended the stream of events", c->state) : failed(c, code, e);
        } else {
            usleep(200000); /* weftd is being started again: its socket stays, so this waits for it only briefly */
            on_tick(&s, 0, 0, 0, 0);
            if (s.done) r = 0;
        }
    }
    buf_free(&s.line);
    buf_free(&s.data);
    return r;
}

json_t *json_path(const json_t *j, const char *path)
{
    struct str rest = str_of(path);
    while (j && rest.p) {
        struct str key = str_cut(&rest, '.');
        uint64_t index;
        char name[128];
        if (json_is_array(j)) {
            j = str_u64(key, &index) ? json_array_get(j, index) : NULL;
            continue;
        }
        snprintf(name, sizeof name, "%.*s", STR_ARG(key));
        j = json_object_get(j, name);
    }
    return (json_t *)j;
}

const char *json_text(const json_t *j, const char *path) { return json_string_value(json_path(j, path)); }

int64_t json_number(const json_t *j, const char *path, int64_t missing)
{
    json_t *v = json_path(j, path);
    return json_is_integer(v) ? json_integer_value(v) : missing;
}

double json_real_at(const json_t *j, const char *path)
{
    json_t *v = json_path(j, path);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

bool json_labels_hold(const json_t *labels, const json_t *want)
{
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)want, key, v) {
        if (!json_equal(json_object_get(labels, key), v)) return false;
    }
    return true;
}
