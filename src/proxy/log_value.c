#include "proxy/log_value.h"

#include "http/grpc.h"
#include "proxy/tls.h"

#include <unistd.h>

void log_record_stream(struct log_record *r, struct stream *s)
{
    *r = (struct log_record){
        .w = s->w,
        .s = s,
        .c = s->conn,
        .began_ns = s->began_ns,
        .now_ns = stream_now(s),
        .bytes_received = s->bytes_received,
        .bytes_sent = s->bytes_sent,
        .status = s->resp_started || s->status ? s->status : 0,
        .flags = s->flags,
        .details = s->details,
        .transport_failure = s->transport_failure,
        .host = s->att.host ? s->att.host : s->last_host,
        .cluster = s->cluster ? s->cluster->name : s->target.cluster,
        .attempts = s->wc ? s->attempts : 0,
        .up_local = s->up_local.len ? &s->up_local : NULL,
    };
}

void log_record_conn(struct log_record *r, struct conn *c)
{
    uint64_t now = loop_now_ns(c->wire.w->loop);
    *r = (struct log_record){ .w = c->wire.w,
                              .c = c,
                              .began_ns = now - (now_ms(c->wire.w) - c->began_ms) * 1000000,
                              .now_ns = now,
                              .bytes_received = c->wire.rx,
                              .bytes_sent = c->wire.tx };
}

void log_record_tcp(struct log_record *r, struct tcp_relay *t)
{
    log_record_conn(r, t->c);
    r->tcp_cfg = t->cfg;
    r->began_ns = t->began_ns;
    r->flags = t->flags;
    r->details = t->details;
    r->host = t->host;
    r->cluster = t->cluster_name;
    r->up_local = t->up_local.len ? &t->up_local : NULL;
    r->attempts = t->attempts;
}

static bool put(struct buf *out, struct str v, const struct format_part *p)
{
    if (!v.p) return false;
    if (p->max && v.n > p->max) v.n = p->max;
    (void)buf_str_append(out, v);
    return true;
}
static bool put_c(struct buf *out, const char *v, const struct format_part *p) { return v && put(out, str_of(v), p); }
static bool put_u64(struct buf *out, uint64_t v, bool *number)
{
    char t[24];
    *number = true;
    int n = snprintf(t, sizeof t, "%" PRIu64, v);
    return buf_append(out, t, (size_t)n) == 0;
}

static bool header(const struct headers *h, const struct format_part *p, struct buf *out)
{
    struct str v = h ? headers_get_name(h, p->text) : (struct str){ NULL, 0 };
    if (!v.p && p->alt.n && h) v = headers_get_name(h, p->alt);
    return put(out, v, p);
}

enum addr_part { WHOLE, IP, PORT };
static bool address(struct buf *out, const struct addr *a, enum addr_part part, const struct format_part *p, bool *number)
{
    char t[ADDR_TEXT];
    if (!a) return false;
    if (part == PORT) return put_u64(out, addr_port(a), number);
    return put_c(out, part == IP ? addr_ip_text(a, t, sizeof t) : addr_text(a, t, sizeof t), p);
}

/* The client, as x-forwarded-for may tell it. */
static bool remote(const struct log_record *r, enum addr_part part, struct buf *out, const struct format_part *p, bool *number)
{
    if (!r->c) return false;
    const struct str ip = r->s ? r->s->client_ip : (struct str){ NULL, 0 };
    if (ip.n && !str_eq(ip, str_make(r->c->peer_ip, r->c->peer_ip_len))) {
        if (part == PORT) return put_u64(out, 0, number);
        if (!put(out, ip, p)) return false;
        if (part == WHOLE) (void)buf_puts(out, ":0");
        return true;
    }
    return address(out, &r->c->peer, part, p, number);
}

static bool start_time(const struct log_record *r, const struct format_part *p, struct buf *out)
{
    int64_t ms = (int64_t)(r->began_ns / 1000000) + r->w->wall_offset_ms;
    time_t sec = (time_t)(ms / 1000);
    struct tm tm;
    char t[128];
    gmtime_r(&sec, &tm);
    if (!p->text.n) {
        int n = snprintf(t, sizeof t, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                         tm.tm_min, tm.tm_sec, (int)(ms % 1000));
        return buf_append(out, t, (size_t)n) == 0;
    }
    /* %f and %Nf are fractions of the second; %s is known to strftime, but as local time. */
    char fmt[160];
    size_t n = 0;
    for (size_t i = 0; i < p->text.n && n + 24 < sizeof fmt; i++) {
        struct str rest = str_skip(p->text, i);
        if (str_starts(rest, STR("%3f")))
            n += (size_t)snprintf(fmt + n, sizeof fmt - n, "%03d", (int)(ms % 1000)), i += 2;
        else if (str_starts(rest, STR("%6f")))
            n += (size_t)snprintf(fmt + n, sizeof fmt - n, "%03d000", (int)(ms % 1000)), i += 2;
        else if (str_starts(rest, STR("%9f")))
            n += (size_t)snprintf(fmt + n, sizeof fmt - n, "%03d000000", (int)(ms % 1000)), i += 2;
        else if (str_starts(rest, STR("%f")))
            n += (size_t)snprintf(fmt + n, sizeof fmt - n, "%03d000000", (int)(ms % 1000)), i += 1;
        else if (str_starts(rest, STR("%s")))
            n += (size_t)snprintf(fmt + n, sizeof fmt - n, "%" PRId64, ms / 1000), i += 1;
        else
            fmt[n++] = p->text.p[i];
    }
    fmt[n] = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t len = strftime(t, sizeof t, fmt, &tm); /* the format is the operator's own text */
#pragma GCC diagnostic pop
    return buf_append(out, t, len) == 0;
}

static bool protocol(const struct log_record *r, struct buf *out, const struct format_part *p)
{
    if (!r->s || !r->c) return false;
    return put_c(out, r->s->h2 || r->c->h2 ? "HTTP/2" : r->s->http_minor ? "HTTP/1.1" : "HTTP/1.0", p);
}

static bool grpc(const struct log_record *r, const struct format_part *p, struct buf *out, bool *number)
{
    if (!r->s || !r->s->is_grpc || r->s->grpc_status < 0) return false;
    if (p->op == FMT_GRPC_STATUS_NUMBER || str_eqc(p->text, "NUMBER")) return put_u64(out, (uint64_t)r->s->grpc_status, number);
    const char *snake = grpc_status_name(r->s->grpc_status);
    if (str_eqc(p->text, "SNAKE_STRING")) return put_c(out, snake, p);
    bool up = true;
    if (r->s->grpc_status == GRPC_OK) return put_c(out, "OK", p);
    for (const char *c = snake; *c; c++) {
        if (*c == '_') {
            up = true;
            continue;
        }
        char ch = up ? *c : (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
        up = false;
        (void)buf_append(out, &ch, 1);
    }
    return true;
}

static bool since(struct buf *out, uint64_t from, uint64_t to, bool *number)
{
    return from && to >= from && put_u64(out, (to - from) / 1000000, number);
}

static bool tls_value(const struct log_record *r, const struct format_part *p, struct buf *out)
{
    if (!r->c || !r->c->wire.tls) return false;
    return put_c(out, p->op == FMT_DOWNSTREAM_TLS_VERSION ? tls_version(&r->c->wire) : tls_cipher(&r->c->wire), p);
}

bool log_value(void *ctx, const struct format_part *p, struct buf *out, bool *number)
{
    const struct log_record *r = ctx;
    const struct stream *s = r->s;
    const struct addr *peer = r->c ? &r->c->peer : NULL, *local = r->c ? &r->c->local : NULL;
    bool dummy;
    char text[ADDR_TEXT];
    if (!number) number = &dummy;
    switch (p->op) {
    case FMT_REQ: return header(s ? &s->req : NULL, p, out);
    case FMT_RESP: return header(s && s->resp_started ? &s->resp : NULL, p, out);
    case FMT_TRAILER: return header(s ? s->resp_trailers : NULL, p, out);
    case FMT_GRPC_STATUS:
    case FMT_GRPC_STATUS_NUMBER: return grpc(r, p, out, number);
    case FMT_START_TIME: return start_time(r, p, out);
    case FMT_DURATION: return put_u64(out, (r->now_ns - r->began_ns) / 1000000, number);
    case FMT_REQUEST_DURATION: return s && since(out, r->began_ns, s->request_end_ns, number);
    case FMT_REQUEST_TX_DURATION: return s && since(out, r->began_ns, s->request_end_ns, number);
    case FMT_RESPONSE_DURATION: return s && since(out, r->began_ns, s->upstream_first_ns, number);
    case FMT_RESPONSE_TX_DURATION: return s && since(out, s->upstream_first_ns, r->now_ns, number);
    case FMT_RESPONSE_CODE: return put_u64(out, (uint64_t)r->status, number);
    case FMT_RESPONSE_CODE_DETAILS: return put_c(out, r->details, p);
    case FMT_CONNECTION_TERMINATION_DETAILS: return put_c(out, r->termination, p);
    case FMT_RESPONSE_FLAGS: return flags_write(r->flags, false, out);
    case FMT_RESPONSE_FLAGS_LONG: return flags_write(r->flags, true, out);
    case FMT_UPSTREAM_TRANSPORT_FAILURE_REASON: return put_c(out, r->transport_failure, p);
    case FMT_UPSTREAM_REQUEST_ATTEMPT_COUNT: return put_u64(out, r->attempts, number);
    case FMT_BYTES_RECEIVED: return put_u64(out, r->bytes_received, number);
    case FMT_BYTES_SENT: return put_u64(out, r->bytes_sent, number);
    case FMT_DOWNSTREAM_WIRE_BYTES_RECEIVED: return r->c && put_u64(out, r->c->wire.rx, number);
    case FMT_DOWNSTREAM_WIRE_BYTES_SENT: return r->c && put_u64(out, r->c->wire.tx, number);
    case FMT_UPSTREAM_HOST: return r->host && put(out, r->host->address, p);
    case FMT_UPSTREAM_REMOTE_ADDRESS: return r->host && address(out, &r->host->addr, WHOLE, p, number);
    case FMT_UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: return r->host && address(out, &r->host->addr, IP, p, number);
    case FMT_UPSTREAM_REMOTE_PORT: return r->host && address(out, &r->host->addr, PORT, p, number);
    case FMT_UPSTREAM_CLUSTER:
    case FMT_UPSTREAM_CLUSTER_RAW: return r->cluster.n && put(out, r->cluster, p);
    case FMT_UPSTREAM_PROTOCOL: return s && r->host && put_c(out, s->up_h2 ? "HTTP/2" : "HTTP/1.1", p);
    case FMT_UPSTREAM_LOCAL_ADDRESS: return address(out, r->up_local, WHOLE, p, number);
    case FMT_UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: return address(out, r->up_local, IP, p, number);
    case FMT_UPSTREAM_LOCAL_PORT: return address(out, r->up_local, PORT, p, number);
    case FMT_DOWNSTREAM_REMOTE_ADDRESS: return remote(r, WHOLE, out, p, number);
    case FMT_DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: return remote(r, IP, out, p, number);
    case FMT_DOWNSTREAM_REMOTE_PORT: return remote(r, PORT, out, p, number);
    case FMT_DOWNSTREAM_DIRECT_REMOTE_ADDRESS: return address(out, peer, WHOLE, p, number);
    case FMT_DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: return address(out, peer, IP, p, number);
    case FMT_DOWNSTREAM_DIRECT_REMOTE_PORT: return address(out, peer, PORT, p, number);
    case FMT_DOWNSTREAM_LOCAL_ADDRESS: return address(out, local, WHOLE, p, number);
    case FMT_DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: return address(out, local, IP, p, number);
    case FMT_DOWNSTREAM_LOCAL_PORT: return address(out, local, PORT, p, number);
    case FMT_CONNECTION_ID: return r->c && put_u64(out, r->c->id, number);
    case FMT_STREAM_ID: return s && put(out, headers_get(&s->req, HDR_X_REQUEST_ID), p);
    case FMT_HOSTNAME: return gethostname(text, sizeof text) == 0 && put_c(out, text, p);
    case FMT_ROUTE_NAME: return s && s->route && s->route->name.n && put(out, s->route->name, p);
    case FMT_FILTER_CHAIN_NAME: return r->c && r->c->chain && r->c->chain->name.n && put(out, r->c->chain->name, p);
    case FMT_PROTOCOL: return protocol(r, out, p);
    case FMT_ENVIRONMENT: {
        char *name = str_dup(p->text);
        const char *v = getenv(name);
        free(name);
        return put_c(out, v, p);
    }
    case FMT_REQUESTED_SERVER_NAME: return r->c && r->c->sni.n && put(out, r->c->sni, p);
    case FMT_DOWNSTREAM_TLS_VERSION:
    case FMT_DOWNSTREAM_TLS_CIPHER: return tls_value(r, p, out);
    default: return false;
    }
}
