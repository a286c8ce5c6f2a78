#include "api/platform/outgoing.h"

#include "base/buf.h"
#include "base/list.h"

#include <curl/curl.h>

#define ANSWER_MAX (64u << 10)

struct outgoing {
    struct loop *loop;
    CURLM *multi;
    struct timer timer;
    struct link calls;
};

struct outgoing_call {
    struct link link;
    struct outgoing *o;
    CURL *easy;
    struct curl_slist *headers;
    struct buf answer;
    char error[CURL_ERROR_SIZE];
    outgoing_fn *fn;
    void *arg;
};

/* A socket of curl's on the loop; freed when curl lets it go. */
struct watch {
    struct io io;
    struct outgoing *o;
    struct deferred end;
};

static void call_free(struct outgoing_call *c)
{
    list_del(&c->link);
    curl_multi_remove_handle(c->o->multi, c->easy);
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    buf_free(&c->answer);
    free(c);
}

/* What is over. */
static void collect(struct outgoing *o)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(o->multi, &left))) {
        struct outgoing_call *c;
        long status = 0;
        if (m->msg != CURLMSG_DONE) continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        CURLcode code = m->data.result;
        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
        outgoing_fn *fn = c->fn;
        if (code == CURLE_OK)
            fn(c->arg, (int)status, buf_str(&c->answer));
        else
            fn(c->arg, 0, str_of(c->error[0] ? c->error : curl_easy_strerror(code)));
        call_free(c);
    }
}

static void ready(struct io *io, uint32_t events)
{
    struct watch *w = container_of(io, struct watch, io);
    struct outgoing *o = w->o;
    int running, mask = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(o->multi, io->fd, mask, &running);
    collect(o);
}

static void watch_end(struct deferred *d) { free(container_of(d, struct watch, end)); }

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct outgoing *o = arg;
    struct watch *w = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            loop_del(o->loop, &w->io);
            curl_multi_assign(o->multi, fd, NULL);
            w->end.run = watch_end;
            loop_defer_last(o->loop, &w->end);
        }
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (w) {
        loop_mod(o->loop, &w->io, events);
        return 0;
    }
    w = xcalloc(1, sizeof *w);
    w->o = o;
    w->io.ready = ready;
    if (loop_add(o->loop, &w->io, fd, events) < 0) {
        free(w);
        return -1;
    }
    curl_multi_assign(o->multi, fd, w);
    return 0;
}

static void fire(struct timer *t)
{
    struct outgoing *o = container_of(t, struct outgoing, timer);
    int running;
    curl_multi_socket_action(o->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(o);
}

static int on_timer(CURLM *m, long ms, void *arg)
{
    struct outgoing *o = arg;
    (void)m;
    if (ms < 0)
        timer_stop(&o->timer);
    else
        timer_set(o->loop, &o->timer, (uint64_t)ms);
    return 0;
}

static size_t on_data(char *p, size_t one, size_t n, void *arg)
{
    struct outgoing_call *c = arg;
    if (c->answer.len + one * n <= ANSWER_MAX) buf_append(&c->answer, p, one * n);
    return one * n;
}

struct outgoing *outgoing_new(struct loop *l)
{
    struct outgoing *o = xcalloc(1, sizeof *o);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    o->loop = l;
    o->multi = curl_multi_init();
    o->timer.fire = fire;
    list_init(&o->calls);
    curl_multi_setopt(o->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(o->multi, CURLMOPT_SOCKETDATA, o);
    curl_multi_setopt(o->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(o->multi, CURLMOPT_TIMERDATA, o);
    curl_multi_setopt(o->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 50L);
    return o;
}

void outgoing_free(struct outgoing *o)
{
    if (!o) return;
    list_foreach (c, &o->calls, struct outgoing_call, link) call_free(c);
    timer_stop(&o->timer);
    curl_multi_cleanup(o->multi);
    free(o);
}

struct outgoing_call *outgoing_send(struct outgoing *o, const char *url, const char *const *headers, const char *body, int64_t timeout_ms,
                                    outgoing_fn *fn, void *arg)
{
    struct outgoing_call *c = xcalloc(1, sizeof *c);
    c->o = o;
    c->fn = fn;
    c->arg = arg;
    c->easy = curl_easy_init();
    for (; headers && *headers; headers++) c->headers = curl_slist_append(c->headers, *headers);
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "weftd");
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    if (body) {
        curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(c->easy, CURLOPT_COPYPOSTFIELDS, body);
    }
    list_append(&o->calls, &c->link);
    if (curl_easy_setopt(c->easy, CURLOPT_URL, url) == CURLE_OK && curl_multi_add_handle(o->multi, c->easy) == CURLM_OK) return c;
    list_del(&c->link);
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    free(c);
    return NULL;
}

void outgoing_cancel(struct outgoing_call *c)
{
    if (c) call_free(c);
}
