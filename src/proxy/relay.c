/* The answer on its way from the upstream to the client: bytes pass straight on; what the client's connection does not take
 * waits in rbody, bounded because the upstream is held back meanwhile. */
#include "proxy/reply.h"

#define RBODY_PAUSE 1 /* any waiting byte pauses an HTTP/1 upstream */

static void hold_upstream(struct stream *s, bool hold)
{
    if (s->att.paused == hold) return;
    s->att.paused = hold;
    upstream_pause(&s->att, hold);
}

static void give_back(struct stream *s)
{
    if (!s->owed) return;
    size_t n = s->owed;
    s->owed = 0;
    upstream_consumed(&s->att, n);
}

/* END was handed to the codec. */
static void finished(struct stream *s)
{
    s->down_done = true;
    stream_end(s, true);
}

void relay_head(struct stream *s, bool end)
{
    s->resp_started = true;
    s->first_byte_ns = stream_now(s);
    s->resp_end = end;
    if (!s->conn) {
        if (end) finished(s);
        return;
    }
    if (conn_send_headers(s, &s->resp, end) < 0) {
        stream_abort(s, "http1.codec_error", RF_UPE);
        return;
    }
    if (end) finished(s);
}

void relay_data(struct stream *s, const char *p, size_t n, bool end)
{
    stream_touch(s);
    s->resp_end = end;
    if (!s->conn) { /* a mirror's answer */
        upstream_consumed(&s->att, n);
        if (end) finished(s);
        return;
    }
    size_t took = 0;
    if (!s->rbody.len) {
        ssize_t r = conn_send_data(s, p, n, end);
        if (r < 0) return; /* reset: stream_gone comes */
        took = (size_t)r;
        s->bytes_sent += took;
        if (took == n && end) {
            s->owed += took;
            give_back(s);
            finished(s);
            return;
        }
    }
    if (took < n) (void)buf_append(&s->rbody, p + took, n - took);
    s->owed += took;
    bool full = s->rbody.len >= RBODY_PAUSE || conn_full(s);
    if (full)
        hold_upstream(s, true);
    else
        give_back(s);
}

void relay_trailers(struct stream *s, struct headers *h)
{
    s->resp_trailers = h;
    s->resp_end = true;
    if (!s->conn) {
        finished(s);
        return;
    }
    relay_flush(s);
}

void relay_flush(struct stream *s)
{
    if (!s->resp_started) return;
    while (s->rbody.len) {
        bool last = s->resp_end && !s->resp_trailers;
        ssize_t r = conn_send_data(s, buf_data(&s->rbody), s->rbody.len, last);
        if (r <= 0) return;
        s->bytes_sent += (uint64_t)r;
        s->owed += (size_t)r;
        bool all = (size_t)r == s->rbody.len;
        buf_take(&s->rbody, (size_t)r);
        if (all && last) {
            give_back(s);
            finished(s);
            return;
        }
    }
    if (s->resp_end) {
        if (s->resp_trailers)
            (void)conn_send_trailers(s, s->resp_trailers);
        else
            (void)conn_send_data(s, NULL, 0, true);
        finished(s);
        return;
    }
    if (conn_full(s)) return;
    give_back(s);
    hold_upstream(s, false);
}
