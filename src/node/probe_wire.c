#include "node/probe_wire.h"

#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX (64 * 1024)

static void http_request(struct probe_exchange *x, const char *pod_ip)
{
    const struct node_probe *s = x->spec;
    bool host = false, agent = false;
    buf_printf(&x->out, "GET %s HTTP/1.1\r\n", s->path && *s->path ? s->path : "/");
    for (size_t i = 0; i < s->headers_n; i++) {
        host |= strcasecmp(s->headers[i].name, "host") == 0;
        agent |= strcasecmp(s->headers[i].name, "user-agent") == 0;
        buf_printf(&x->out, "%s: %s\r\n", s->headers[i].name, s->headers[i].value);
    }
    if (!host && s->host)
        buf_printf(&x->out, "Host: %s\r\n", s->host);
    else if (!host)
        buf_printf(&x->out, "Host: %s:%u\r\n", pod_ip, s->port);
    if (!agent) buf_puts(&x->out, "User-Agent: kube-probe/1.31\r\n");
    buf_puts(&x->out, "Accept: */*\r\nConnection: close\r\n\r\n");
}

static void frame(struct buf *b, uint8_t type, uint8_t flags, uint32_t stream, const void *p, size_t n)
{
    uint8_t h[9] = { (uint8_t)(n >> 16),      (uint8_t)(n >> 8),      (uint8_t)n,     type, flags, (uint8_t)(stream >> 24),
                     (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream };
    buf_append(b, h, sizeof h);
    if (n) buf_append(b, p, n);
}

/* RFC 7541 6.2.2: literal without indexing, plain strings; our values are shorter than 127 bytes. */
static void literal(struct buf *b, uint8_t index, const char *name, const char *value)
{
    uint8_t len = (uint8_t)MIN(strlen(value), (size_t)126);
    buf_append(b, &index, 1);
    if (name) {
        uint8_t n = (uint8_t)strlen(name);
        buf_append(b, &n, 1);
        buf_append(b, name, n);
    }
    buf_append(b, &len, 1);
    buf_append(b, value, len);
}

static void grpc_request(struct probe_exchange *x, const char *pod_ip)
{
    struct buf h = { 0 }, d = { 0 };
    char host[80];
    uint8_t service_n = (uint8_t)MIN(strlen(x->spec->service), (size_t)120);
    snprintf(host, sizeof host, "%s:%u", pod_ip, x->spec->port);
    buf_append(&h, "\x83\x86", 2); /* :method POST, :scheme http (static table) */
    literal(&h, 0x04, NULL, "/grpc.health.v1.Health/Check");
    literal(&h, 0x01, NULL, host);
    literal(&h, 0x00, "content-type", "application/grpc");
    literal(&h, 0x00, "te", "trailers");
    uint8_t prefix[7] = { 0, 0, 0, 0, (uint8_t)(service_n ? service_n + 2 : 0), 0x0a, service_n };
    buf_append(&d, prefix, service_n ? 7 : 5);
    buf_append(&d, x->spec->service, service_n);
    buf_puts(&x->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(&x->out, 4, 0, 0, NULL, 0);             /* SETTINGS */
    frame(&x->out, 1, 4, 1, buf_data(&h), h.len); /* HEADERS, END_HEADERS */
    frame(&x->out, 0, 1, 1, buf_data(&d), d.len); /* DATA, END_STREAM */
    buf_free(&h);
    buf_free(&d);
}

void probe_exchange_begin(struct probe_exchange *x, const struct node_probe *spec, const char *pod_ip)
{
    x->spec = spec;
    x->in.limit = x->out.limit = ANSWER_MAX;
    if (spec->kind == NODE_PROBE_HTTP) http_request(x, pod_ip);
    if (spec->kind == NODE_PROBE_GRPC) grpc_request(x, pod_ip);
}

/* 200 to 399 is healthy (Kubernetes' httpGet). */
static int judge_http(const struct probe_exchange *x, bool end, char *why, size_t n)
{
    struct str s = buf_str(&x->in);
    if (s.n < 12) return end ? (snprintf(why, n, "no HTTP answer"), -1) : 0;
    uint64_t status = 0;
    bool ok = str_starts(s, STR("HTTP/1.")) && s.p[8] == ' ' && str_u64(str_make(s.p + 9, 3), &status);
    if (ok && status >= 200 && status < 400) return 1;
    if (ok)
        snprintf(why, n, "HTTP probe failed with statuscode: %u", (unsigned)status);
    else
        snprintf(why, n, "the answer is not HTTP/1");
    return -1;
}

/* HealthCheckResponse { status = 1 } behind the five bytes of gRPC's prefix: 1 is SERVING; without the field it is 0, UNKNOWN.
 * 0: not all of it is there yet. */
static int judge_health(const struct probe_exchange *x, char *why, size_t n)
{
    const uint8_t *d = x->body;
    if (x->body_n < 5) return 0;
    uint32_t len = (uint32_t)d[1] << 24 | (uint32_t)d[2] << 16 | (uint32_t)d[3] << 8 | d[4];
    if (d[0] != 0 || len > sizeof x->body - 5 || len == 1) return snprintf(why, n, "no health answer in gRPC"), -1;
    if (x->body_n < 5 + len) return 0;
    int status = len >= 2 && d[5] == 0x08 ? d[6] : 0;
    if (status == 1) return 1;
    snprintf(why, n, "service unhealthy (responded with status %d)", status);
    return -1;
}

/* DATA of our stream, perhaps PADDED (a length in front); what is longer than any answer is left out. */
static void take_data(struct probe_exchange *x, const uint8_t *p, size_t len, bool padded)
{
    size_t pad = padded && len ? p[0] + 1u : 0;
    if (pad > len) return;
    size_t take = MIN(len - pad, sizeof x->body - x->body_n);
    memcpy(x->body + x->body_n, p + (padded ? 1 : 0), take);
    x->body_n += take;
}

static int judge_frame(struct probe_exchange *x, const uint8_t *h, size_t len, char *why, size_t n)
{
    uint32_t stream = (uint32_t)(h[5] & 0x7f) << 24 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 8 | h[8];
    uint8_t type = h[3], flags = h[4];
    if (type == 0 && stream == 1) {
        take_data(x, h + 9, len, flags & 8);
        int v = judge_health(x, why, n);
        if (v) return v;
    }
    if (type <= 1 && stream == 1 && (flags & 1)) return snprintf(why, n, "the service answers no health checks"), -1;
    if (type == 3 || type == 7) return snprintf(why, n, "the server refused the health check"), -1;
    if (type == 4 && !(flags & 1)) frame(&x->out, 4, 1, 0, NULL, 0); /* acknowledge SETTINGS */
    return 0;
}

static int judge_grpc(struct probe_exchange *x, bool end, char *why, size_t n)
{
    while (x->in.len >= 9) {
        const uint8_t *h = (const uint8_t *)buf_data(&x->in);
        size_t len = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];
        if (len > 16384) return snprintf(why, n, "the answer is not HTTP/2"), -1;
        if (x->in.len < 9 + len) break;
        int v = judge_frame(x, h, len, why, n);
        if (v) return v;
        buf_take(&x->in, 9 + len);
    }
    return end ? (snprintf(why, n, "the connection ended without a health answer"), -1) : 0;
}

int probe_exchange_judge(struct probe_exchange *x, bool end, char *why, size_t n)
{
    return x->spec->kind == NODE_PROBE_HTTP ? judge_http(x, end, why, n) : judge_grpc(x, end, why, n);
}

int probe_exchange_step(struct probe_exchange *x, int fd, char *why, size_t n)
{
    for (;;) {
        if (x->out.len) {
            ssize_t w = send(fd, buf_data(&x->out), x->out.len, MSG_NOSIGNAL);
            if (w > 0)
                buf_take(&x->out, (size_t)w);
            else if (errno != EAGAIN)
                return snprintf(why, n, "cannot send: %s", strerror(errno)), -1;
        }
        char *room = buf_reserve(&x->in, 2048);
        if (!room) return snprintf(why, n, "the answer is too long"), -1;
        ssize_t r = recv(fd, room, 2048, 0);
        if (r < 0 && errno == EAGAIN) return 0;
        if (r > 0) buf_added(&x->in, (size_t)r);
        int v = probe_exchange_judge(x, r <= 0, why, n);
        if (v) return v;
    }
}

void probe_exchange_free(struct probe_exchange *x)
{
    buf_free(&x->out);
    buf_free(&x->in);
}
