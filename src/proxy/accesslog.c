#include "proxy/accesslog.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/grpc.h"
#include "proxy/log_value.h"

#include <fcntl.h>
#include <unistd.h>

#define FLUSH_AT (64u << 10)
#define BUF_MAX  (1u << 20) /* a full disk or a stuck pipe loses lines, never memory */

struct log_file {
    struct link link;
    enum log_sink sink;
    char *path;
    int fd;
    struct buf buf;
};

static int open_sink(const struct access_log *l)
{
    if (l->sink == LOG_STDOUT) return STDOUT_FILENO;
    if (l->sink == LOG_STDERR) return STDERR_FILENO;
    char *path = str_dup(l->path);
    int fd;
    if (strcmp(path, "/dev/stdout") == 0)
        fd = STDOUT_FILENO;
    else if (strcmp(path, "/dev/stderr") == 0)
        fd = STDERR_FILENO;
    else
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) log_error("cannot open the access log %s: %s", path, strerror(errno));
    free(path);
    return fd;
}

static struct log_file *file_for(struct worker *w, const struct access_log *l)
{
    list_foreach (f, &w->logs, struct log_file, link) {
        if (f->sink == l->sink && (l->sink != LOG_FILE || str_eqc(l->path, f->path))) return f;
    }
    struct log_file *f = xcalloc(1, sizeof *f);
    f->sink = l->sink;
    f->path = str_dup(l->path);
    f->fd = open_sink(l);
    f->buf.limit = BUF_MAX;
    list_append(&w->logs, &f->link);
    return f;
}

static void flush(struct log_file *f)
{
    while (f->buf.len && f->fd >= 0) {
        ssize_t n = write(f->fd, buf_data(&f->buf), f->buf.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        buf_take(&f->buf, (size_t)n);
    }
}

void log_flush_all(struct worker *w)
{
    list_foreach (f, &w->logs, struct log_file, link) flush(f);
}

void log_close_all(struct worker *w)
{
    list_foreach (f, &w->logs, struct log_file, link) {
        flush(f);
        if (f->fd > STDERR_FILENO) close(f->fd);
        buf_free(&f->buf);
        list_del(&f->link);
        free(f->path);
        free(f);
    }
}

/* ---- filters ---- */

static bool compare(enum log_compare op, uint64_t have, uint64_t want)
{
    switch (op) {
    case LOG_EQ: return have == want;
    case LOG_GE: return have >= want;
    case LOG_LE: return have <= want;
    case LOG_NE: break;
    }
    return have != want;
}

static bool flags_match(const struct log_filter *f, uint32_t flags)
{
    if (!f->n_flags) return flags != 0;
    for (size_t i = 0; i < f->n_flags; i++)
        for (unsigned k = 0; k < RFI__N; k++)
            if ((flags & (1u << k)) && str_eqc(f->flags[i], flags_name(k))) return true;
    return false;
}

static bool wanted(const struct log_filter *f, const struct log_record *r)
{
    if (!f) return true;
    switch (f->kind) {
    case LOGF_STATUS: return compare(f->op, (uint64_t)r->status, f->value);
    case LOGF_DURATION: return compare(f->op, (r->now_ns - r->began_ns) / 1000000, f->value);
    case LOGF_NOT_HEALTH_CHECK: return true;
    case LOGF_RUNTIME: return fraction_hit(f->fraction, rng_u64(&r->w->rng));
    case LOGF_AND:
        for (size_t i = 0; i < f->n_sub; i++)
            if (!wanted(&f->sub[i], r)) return false;
        return true;
    case LOGF_OR:
        for (size_t i = 0; i < f->n_sub; i++)
            if (wanted(&f->sub[i], r)) return true;
        return false;
    case LOGF_HEADER: {
        if (!r->s) return false;
        struct route_headers rh = stream_route_headers(&r->s->req);
        return header_match(&f->header, &rh);
    }
    case LOGF_FLAGS: return flags_match(f, r->flags);
    case LOGF_GRPC: break;
    }
    int g = r->s && r->s->grpc_status >= 0 ? r->s->grpc_status : grpc_from_http(r->status);
    return ((f->grpc_statuses >> MIN(g, 31)) & 1) != (unsigned)f->exclude;
}

static void write_record(const struct log_record *r, const struct access_log *logs, size_t n)
{
    struct format_source src = { log_value, (void *)(uintptr_t)r };
    for (size_t i = 0; i < n; i++) {
        if (!wanted(logs[i].filter, r)) continue;
        struct log_file *f = file_for(r->w, &logs[i]);
        format_write(logs[i].format, &src, STR("-"), &f->buf);
        if (f->buf.len >= FLUSH_AT) flush(f);
    }
}

void access_log(struct stream *s)
{
    struct log_record r;
    if (!s->hcm->n_logs) return;
    log_record_stream(&r, s);
    write_record(&r, s->hcm->logs, s->hcm->n_logs);
}

void access_log_tcp(struct tcp_relay *t)
{
    struct log_record r;
    const struct listener *l;
    log_record_tcp(&r, t);
    l = r.c->listener;
    write_record(&r, r.tcp_cfg->logs, r.tcp_cfg->n_logs);
    write_record(&r, l->logs, l->n_logs);
}

void access_log_connection(struct conn *c, uint32_t flags, const char *details)
{
    struct log_record r;
    if (!c->listener->n_logs) return;
    log_record_conn(&r, c);
    r.flags = flags;
    r.details = details;
    write_record(&r, c->listener->logs, c->listener->n_logs);
}

static bool stream_value(void *ctx, const struct format_part *p, struct buf *out, bool *number)
{
    struct log_record r;
    log_record_stream(&r, ctx);
    return log_value(&r, p, out, number);
}
struct format_source log_source(struct stream *s) { return (struct format_source){ stream_value, s }; }
