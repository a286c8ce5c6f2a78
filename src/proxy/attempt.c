#include "proxy/attempt.h"

#include "base/clock.h"
#include "http/grpc.h"
#include "proxy/original_dst.h"
#include "proxy/reply.h"
#include "proxy/router.h"

#define INFORMATIONAL_MAX 100
#define MOVES             3 /* to another connection because the first was closed before a byte left */

static void uncount(struct attempt *a)
{
    if (!a->counted) return;
    a->counted = false;
    cell_sub(a->wc->cells, CLU_rq_active);
    breaker_give(a->wc, stream_high(a->s), BREAKER_REQUESTS);
    atomic_fetch_sub_explicit(&a->host->shared->active_requests, 1, memory_order_relaxed);
}

/* Lets go of host and connection; what the log wants of them stays with the stream. */
static void drop(struct attempt *a)
{
    struct stream *s = a->s;
    uncount(a);
    upstream_release(a);
    if (a->gen) {
        generation_drop(s->last_gen);
        s->last_gen = a->gen;
        s->last_host = a->host;
        a->gen = NULL;
        a->host = NULL;
    }
    timer_stop(&s->try_timer);
}

static void finish_retry(struct stream *s) { breaker_give(s->wc, stream_high(s), BREAKER_RETRIES); }

void attempt_cancel(struct stream *s)
{
    timer_stop(&s->wait);
    if (s->st == ST_BACKOFF) {
        finish_retry(s);
        s->st = ST_UPSTREAM;
    }
    if (s->att.gen || s->att.state != ATT_NONE) drop(&s->att);
}

static enum uproto protocol_for(const struct stream *s, const struct cluster *c, const struct host *h)
{
    switch (c->protocol) {
    case UPSTREAM_HTTP1: return UP_H1;
    case UPSTREAM_HTTP2: return UP_H2;
    case UPSTREAM_DOWNSTREAM: return s->h2 ? UP_H2 : UP_H1;
    case UPSTREAM_ALPN: break;
    }
    return h->tls && h->tls->tls ? UP_H2 : UP_H1;
}

/* auto_sni, auto_san_validation: the host asked for, without its port. */
static struct str certificate_name(const struct stream *s, const struct cluster *c, const struct host *h)
{
    if (likely(!c->auto_sni && !c->auto_san) || !h->tls || !h->tls->tls) return STR("");
    struct str host = headers_get(&s->req, HDR_AUTHORITY);
    if (host.n && host.p[0] == '[') return str_first(str_skip(host, 1), (size_t)MAX(str_index(host, ']') - 1, (ssize_t)0));
    ssize_t colon = str_rindex(host, ':');
    return colon < 0 ? host : str_first(host, (size_t)colon);
}

static void no_host(struct stream *s)
{
    cell_add(s->wc->cells, CLU_cx_none_healthy);
    reply_local(s, 503, STR("no healthy upstream"), "no_healthy_upstream", RF_UH);
}

static void overflow(struct stream *s)
{
    struct headers *h = reply_begin(s, 503);
    (void)headers_add(h, HDR_X_ENVOY_OVERLOADED, STR("true"));
    cells_code(s->wc->cells, 503);
    reply_prepared(s,
                   s->is_grpc ? STR("upstream connect error or disconnect/reset before headers. reset reason: overflow")
                              : STR("upstream connect error or disconnect/reset before headers. reset reason: overflow"),
                   "upstream_reset_before_response_started{overflow}", RF_UO);
}

/* Takes the breaker's place and counts the request at its host. */
static bool count(struct attempt *a)
{
    if (!breaker_take(a->wc, stream_high(a->s), BREAKER_REQUESTS)) {
        cell_add(a->wc->cells, CLU_rq_active_overflow);
        cell_add(a->wc->cells, CLU_rq_pending_overflow);
        return false;
    }
    a->counted = true;
    cell_add(a->wc->cells, CLU_rq_total);
    cell_add(a->wc->cells, CLU_rq_active);
    atomic_fetch_add_explicit(&a->host->shared->active_requests, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&a->host->shared->rq_total, 1, memory_order_relaxed);
    return true;
}

void attempt_start(struct stream *s)
{
    struct attempt *a = &s->att;
    struct generation *g;
    const struct host *h;
    must(!a->gen && a->state == ATT_NONE);
    s->st = ST_UPSTREAM;
    *a = (struct attempt){ .s = s, .wc = s->wc, .began_ms = now_ms(s->w) };
    s->body_sent = 0;
    if (s->wc->now->c->type == CLUSTER_ORIGINAL_DST)
        h = original_dst_host(s, &g);
    else
        h = cluster_pick(s->wc, &s->lb, &g);
    if (!h) {
        no_host(s);
        return;
    }
    a->gen = generation_use(g);
    a->host = h;
    if (!count(a)) {
        overflow(s);
        return;
    }
    if (s->lb.n_tried < LB_TRIED && s->retry.policy && s->retry.policy->previous_hosts) s->tried[s->lb.n_tried++] = h->shared;
    router_before_send(s, h);
    struct upool *p = pool_get(s->wc, g, h, protocol_for(s, g->c, h), certificate_name(s, g->c, h));
    if (!p || pool_acquire(p, a) < 0) overflow(s);
}

static void arm_try_timer(struct stream *s)
{
    const struct retry_policy *p = s->retry.policy;
    uint64_t ms = s->retry.policy ? p->per_try_ms : 0;
    uint64_t header;
    struct str v = headers_get(&s->req, HDR_X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS);
    if (!s->external && v.p && str_u64(v, &header)) ms = header;
    if (ms && (!s->timeout_ms || ms < s->timeout_ms) && s->body_end && !s->att.response_started) timer_set(s->w->loop, &s->try_timer, ms);
}

void attempt_request_complete(struct stream *s)
{
    if (s->att.state == ATT_OPEN) arm_try_timer(s);
}

void attempt_ready(struct attempt *a)
{
    struct stream *s = a->s;
    const struct addr *local = upstream_local(a);
    memcpy(&s->up_local, local, offsetof(struct addr, any) + local->len);
    s->up_h2 = uconn_proto(attempt_conn(a)) == UP_H2;
    bool end = s->body_end && !s->body.len && !s->req_trailers;
    a->headers_sent = true;
    a->request_done = end;
    if (upstream_headers(a, &s->req, end) < 0) {
        upstream_release(a);
        attempt_failed(a, RESET_LOCAL, NULL);
        return;
    }
    arm_try_timer(s);
    attempt_push(s);
}

/* ---- failures ---- */

static void retry_wait(struct stream *s)
{
    finish_retry(s);
    s->after_wait = NULL;
    attempt_start(s);
}

/* One more attempt, if counts and breaker allow it. delay: of the upstream's own wish; 0: back-off. */
static bool retry(struct stream *s, uint64_t delay)
{
    struct retry_state *r = &s->retry;
    if (s->resp_started || s->upgrade) return false;
    if (!s->body_keep && (s->body_dropped || s->bytes_received)) return false;
    if (r->left == 0) {
        if (r->done) {
            s->flags |= RF_URX;
            cell_add(s->wc->cells, CLU_rq_retry_limit_exceeded);
        }
        return false;
    }
    if (!breaker_take(s->wc, stream_high(s), BREAKER_RETRIES)) {
        cell_add(s->wc->cells, CLU_rq_retry_overflow);
        s->flags |= RF_UO;
        return false;
    }
    r->left--;
    r->done++;
    cell_add(s->wc->cells, CLU_rq_retry);
    cell_add(s->wc->cells, delay ? CLU_rq_retry_backoff_ratelimited : CLU_rq_retry_backoff_exponential);
    s->attempts++;
    s->st = ST_BACKOFF;
    s->after_wait = retry_wait;
    timer_set(s->w->loop, &s->wait, delay ? delay : retry_backoff_ms(r->policy, r->done, &s->w->rng));
    return true;
}

static void answer_failure(struct stream *s, enum reset_reason why, const char *transport)
{
    const struct reset_info *i = &reset_reasons[why];
    bool again = s->retry.done > 0;
    char *text = arena_printf(&s->arena, "upstream connect error or disconnect/reset before headers. %sreset reason: %s%s%s",
                              again ? "retried and the latest " : "", i->text, transport ? ", transport failure reason: " : "",
                              transport ? transport : "");
    char *details = arena_printf(&s->arena, "upstream_reset_before_response_started{%s%s%s}", i->text, transport ? "|" : "",
                                 transport ? transport : "");
    for (char *c = details; c && *c; c++)
        if (*c == ' ') *c = '_';
    int status = why == RESET_PROTOCOL ? 502 : 503;
    cells_code(s->wc->cells, status);
    reply_local(s, status, str_of(text ? text : i->text), details ? details : i->text, i->flag);
}

void attempt_failed(struct attempt *a, enum reset_reason why, const char *transport)
{
    struct stream *s = a->s;
    bool started = a->response_started,
         connect = why == RESET_CONNECT_FAIL || why == RESET_CONNECT_FAIL_REMOTE || why == RESET_CONNECT_TIMEOUT;
    bool untouched = a->headers_sent && upstream_untouched(a);
    bool sent = a->headers_sent && !untouched;
    const char *kept = transport ? arena_strndup(&s->arena, transport, strlen(transport)) : NULL;
    if (a->state == ATT_OPEN && a->uc) { /* the connection let go of it already */
        a->uc = NULL;
        a->h2 = NULL;
        a->state = ATT_NONE;
    }
    if (a->host && !untouched) {
        atomic_fetch_add_explicit(&a->host->shared->rq_error, 1, memory_order_relaxed);
        outlier_report(s->wc, a->gen->c, a->host->shared, connect ? OUTCOME_CONNECT_FAIL : OUTCOME_RESET, 0, now_ms(s->w));
    }
    drop(a);
    if (!s->conn) {
        stream_end(s, false);
        return;
    }
    s->transport_failure = kept;
    if (started) {
        char *d = arena_printf(&s->arena, "upstream_reset_after_response_started{%s}", reset_reasons[why].text);
        for (char *c = d; c && *c; c++)
            if (*c == ' ') *c = '_';
        cell_add(s->hcells, HTTPS_reset_after_start);
        stream_abort(s, d, reset_reasons[why].flag);
        return;
    }
    /* Nothing was sent: this is no retry, only a connection that had ended already. */
    if (untouched && !connect && s->moves < MOVES && (s->body_keep || (!s->body_dropped && !s->bytes_received))) {
        s->moves++;
        attempt_start(s);
        return;
    }
    if (retry_after_reset(&s->retry, why, sent) && retry(s, 0)) return;
    answer_failure(s, why, kept);
}

void attempt_on_try_timer(struct timer *t);
void attempt_on_try_timer(struct timer *t)
{
    struct stream *s = container_of(t, struct stream, try_timer);
    struct attempt *a = &s->att;
    if (!a->gen) return;
    cell_add(s->wc->cells, CLU_rq_per_try_timeout);
    atomic_fetch_add_explicit(&a->host->shared->rq_timeout, 1, memory_order_relaxed);
    outlier_report(s->wc, a->gen->c, a->host->shared, OUTCOME_TIMEOUT, 0, now_ms(s->w));
    drop(a);
    if (retry_after_timeout(&s->retry) && retry(s, 0)) return;
    cells_code(s->wc->cells, 504);
    reply_local(s, 504, STR("upstream request timeout"), "upstream_per_try_timeout", RF_UT);
}

/* ---- the response ---- */

struct headers *attempt_table(struct attempt *a)
{
    struct stream *s = a->s;
    if (!a->response_started) {
        headers_clear(&s->resp);
        s->resp.limit_count = HEADERS_LIMIT_COUNT;
        s->resp.limit_bytes = HEADERS_LIMIT_BYTES;
        return &s->resp;
    }
    struct headers *t = arena_new(&s->arena, struct headers);
    if (t) headers_init(t, &s->arena);
    return t;
}

bool attempt_informational(struct attempt *a, struct headers *h)
{
    struct stream *s = a->s;
    int status = headers_status(h);
    if (++a->informational > INFORMATIONAL_MAX) return false;
    /* 100 was sent by us when the request began, unless it is proxied; others go no further, as with Envoy. */
    if (s->conn && s->hcm->proxy_100_continue && status == 100) (void)conn_send_informational(s, h);
    return true;
}

static int outcome_status(const struct headers *h, int status)
{
    struct str g = headers_get(h, HDR_GRPC_STATUS);
    if (!g.p) return status;
    int n = grpc_status_parse(g);
    return n < 0 ? status : grpc_to_http(n);
}

void attempt_headers(struct attempt *a, struct headers *h, bool end)
{
    struct stream *s = a->s;
    int status = headers_status(h);
    s->upstream_first_ns = stream_now(s);
    timer_stop(&s->try_timer);
    stream_touch(s);
    if (status < 100 || status > 999) {
        attempt_failed_protocol(a);
        return;
    }
    cells_code(s->wc->cells, status);
    outlier_report(s->wc, a->gen->c, a->host->shared, OUTCOME_HTTP, outcome_status(h, status), now_ms(s->w));
    atomic_fetch_add_explicit(status >= 500 ? &a->host->shared->rq_error : &a->host->shared->rq_success, 1, memory_order_relaxed);
    if (s->retry.on && s->conn && retry_after_response(&s->retry, h, &s->req, status)) {
        uint64_t delay = retry_ratelimited_ms(s->retry.policy, h, clock_wall_ms() / 1000, &s->w->rng);
        if (retry(s, delay)) {
            a->response_done = end;
            drop(a);
            return;
        }
    } else if (s->retry.done && status < 500) {
        cell_add(s->wc->cells, CLU_rq_retry_success);
    }
    if (router_internal_redirect(s, h, status)) return;
    a->response_started = true;
    a->response_done = end;
    s->status = status;
    s->details = "via_upstream";
    headers_trust(h);
    if (s->upgrade && status != 101 && s->conn) s->conn->keep_alive = false; /* what the client sent for the tunnel is no request */
    if (s->upgrade && status == 101) {
        upstream_tunnel(a);
        s->body_keep = false;
    }
    if (end) timer_stop(&s->timeout);
    if (s->conn) reply_finish_head(s);
    relay_head(s, end);
}

void attempt_failed_protocol(struct attempt *a)
{
    upstream_release(a);
    attempt_failed(a, RESET_PROTOCOL, NULL);
}

/* A tunnel's upstream that ended its side ends the whole: nothing else would tell the client. */
void attempt_data(struct attempt *a, const char *p, size_t n, bool end)
{
    struct stream *s = a->s;
    if (end) {
        a->response_done = true;
        timer_stop(&s->timeout);
        metric_record(s->wc->cells->time, (stream_now(s) - (s->request_end_ns ? s->request_end_ns : s->began_ns)) / 1000);
    }
    relay_data(s, p, n, end);
}

void attempt_trailers(struct attempt *a, struct headers *h)
{
    struct stream *s = a->s;
    a->response_done = true;
    timer_stop(&s->timeout);
    metric_record(s->wc->cells->time, (stream_now(s) - (s->request_end_ns ? s->request_end_ns : s->began_ns)) / 1000);
    struct str g = headers_get(h, HDR_GRPC_STATUS);
    if (g.p) s->grpc_status = grpc_status_parse(g);
    relay_trailers(s, h);
}

void attempt_writable(struct attempt *a) { attempt_push(a->s); }
