#include "cli/api.h"

#include <curl/curl.h>

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
    *ret_url = xasprintf("http://weft%s", path);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_URL, *ret_url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weft-cli");
    free(socket);
    return curl;
}

static int failed(const struct cli *c, CURLcode code, struct err *e)
{
    if (code == CURLE_COULDNT_CONNECT) {
        err_set(e, -ECONNREFUSED, "no mesh runs in %s", c->state);
        return err_hint(e, "start one with: weft up -f FILE%s%s", strcmp(c->state, "/var/lib/weft") ? " --state " : "",
                        strcmp(c->state, "/var/lib/weft") ? c->state : "");
    }
    return err_set(e, -EIO, "the mesh in %s did not answer: %s", c->state, curl_easy_strerror(code));
}

int api_call(const struct cli *c, const char *method, const char *path, const char *type, struct str body, struct api_answer *ret,
             struct err *e)
{
    char *url, *content = xasprintf("Content-Type: %s", type ? type : "application/json");
    CURL *curl = begin(c, path, &url);
    struct curl_slist *headers = curl_slist_append(NULL, content);
    headers = curl_slist_append(headers, "Expect:");
    *ret = (struct api_answer){ 0 };
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (body.p) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ret->raw);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(url);
    free(content);
    if (code != CURLE_OK) return failed(c, code, e);
    ret->body = json_loadb(buf_data(&ret->raw), ret->raw.len, JSON_DECODE_ANY, NULL);
    return 0;
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

bool json_labels_hold(const json_t *labels, const json_t *want)
{
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)want, key, v) {
        if (!json_equal(json_object_get(labels, key), v)) return false;
    }
    return true;
}
