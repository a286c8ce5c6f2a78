/* The whole installation: audit log, settings, backup. */
#include "api/platform/audit.h"
#include "api/platform/handlers.h"
#include "api/platform/inside.h"
#include "api/platform/listing.h"
#include "api/platform/people.h"
#include "base/clock.h"
#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

/* ---- audit ---- */

static bool time_of(struct preq *q, const char *name, int64_t *ms)
{
    int64_t sec;
    int32_t nanos;
    struct str s = preq_query(q, name);
    *ms = 0;
    if (!s.n) return true;
    if (!pb_time(s, &sec, &nanos)) return problem(q, 400, "invalid-query", "%s must be a time such as 2026-11-25T08:00:00Z", name), false;
    *ms = sec * 1000 + nanos / 1000000;
    return true;
}

struct page {
    struct buf text; /* the answer */
    size_t n, limit;
    uint64_t last;
    bool more;
};

static bool page_entry(void *arg, const struct store_log_entry *l)
{
    struct page *p = arg;
    if (p->n == p->limit) return p->more = true, false;
    if (p->n++) buf_puts(&p->text, ",");
    buf_str_append(&p->text, l->json);
    p->last = l->seq;
    return true;
}

void audit_list(struct preq *q)
{
    struct preq_page page;
    struct err e = { 0 };
    struct store_log_query ask = { .log = STR(AUDIT_LOG),
                                   .keys = { preq_query(q, "project"), preq_query(q, "actor"), preq_query(q, "action") } };
    uint64_t after = 0;
    if (!preq_page(q, &page) || !time_of(q, "since", &ask.since_ms) || !time_of(q, "until", &ask.until_ms)) return;
    if (page.after.n && (!str_u64(page.after, &after) || after < 1))
        return problem(q, 400, "invalid-query", "after is no cursor of this list");
    if (after == 1) return preq_items(q, json_array(), NULL);
    ask.to = after ? after - 1 : 0;
    ask.limit = page.limit + 1;
    struct page p = { .limit = page.limit };
    buf_puts(&p.text, "{\"items\":[");
    if (store_log_read(controller_store(platform_controller(q->p)), &ask, page_entry, &p, &e) < 0)
        problem(q, 500, "internal", "%s", e.what);
    else if (p.more)
        buf_printf(&p.text, "],\"next\":\"%" PRIu64 "\"}", p.last);
    else
        buf_puts(&p.text, "],\"next\":null}");
    if (!e.code) preq_text_answer(q, 200, "application/json", buf_str(&p.text));
    buf_free(&p.text);
}

/* ---- answers larger than one wants to hold ---- */

#define PIECE   (64u << 10)
#define WAITING (256 << 10)

struct download {
    struct preq *q;
    uint64_t next;      /* export: seq */
    struct str project; /* export */
    int fd;             /* backup; -1 */
    /* Appends the next piece; false: that was the last. */
    bool (*piece)(struct download *d, struct buf *out);
};

static bool export_entry(void *arg, const struct store_log_entry *l)
{
    void **both = arg;
    struct download *d = both[0];
    struct buf *out = both[1];
    buf_str_append(out, l->json);
    buf_puts(out, "\n");
    d->next = l->seq + 1;
    return out->len < PIECE;
}

static bool export_piece(struct download *d, struct buf *out)
{
    struct err e = { 0 };
    struct store_log_query ask = { .log = STR(AUDIT_LOG), .keys = { d->project }, .from = d->next, .oldest_first = true };
    if (store_log_read(controller_store(platform_controller(d->q->p)), &ask, export_entry, (void *[]){ d, out }, &e) < 0)
        log_error("audit export: %s", e.what);
    return out->len > 0;
}

static bool file_piece(struct download *d, struct buf *out)
{
    ssize_t n = read(d->fd, buf_reserve(out, PIECE), PIECE);
    if (n > 0) buf_added(out, (size_t)n);
    return n > 0;
}

static void download_over(struct download *d)
{
    if (d->fd >= 0) close(d->fd);
    d->fd = -1;
}

static void download_gone(struct call *c) { download_over(c->user); }

static void download_go_on(struct call *c)
{
    struct download *d = c->user;
    for (ssize_t waiting = 0; waiting < WAITING;) {
        struct buf b = { 0 };
        bool more = d->piece(d, &b);
        waiting = more ? c->ops->write(c, buf_data(&b), b.len) : 0;
        buf_free(&b);
        if (more && waiting >= 0) continue;
        download_over(d);
        c->gone = NULL;
        return waiting < 0 ? c->ops->abort(c) : c->ops->end(c);
    }
}

static void download(struct preq *q, struct download d, const char *type, const char *file)
{
    struct call *c = q->call;
    struct download *kept = arena_zalloc(q->arena, sizeof *kept);
    *kept = d;
    c->user = kept;
    c->gone = download_gone;
    preq_set(q, "Content-Disposition", arena_printf(q->arena, "attachment; filename=\"%s\"", file));
    c->ops->start(c, 200, type);
    if (c->ops->on_writable) c->ops->on_writable(c, download_go_on);
    download_go_on(c);
}

void audit_export(struct preq *q)
{
    struct download d = { .q = q, .fd = -1, .next = 1, .project = preq_query(q, "project"), .piece = export_piece };
    download(q, d, "application/jsonl", "weft-audit.jsonl");
}

void backup_make(struct preq *q)
{
    struct err e = { 0 };
    const char *state = platform_settings(q->p)->state;
    char *path = arena_printf(q->arena, "%s/backup.part", state ? state : "/tmp");
    unlink(path);
    int r = store_backup(controller_store(platform_controller(q->p)), path, &e);
    if (r < 0) return problem(q, r == -ENOSPC ? 507 : 500, "backup", "%s", e.what);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    unlink(path); /* it lives as long as it is read */
    if (fd < 0) return problem(q, 500, "backup", "the copy cannot be read: %s", strerror(errno));
    download(q, (struct download){ .q = q, .fd = fd, .piece = file_piece }, "application/vnd.sqlite3", "weft-backup.db");
}

/* ---- settings ---- */

static json_t *settings(struct preq *q, uint64_t *version)
{
    json_t *s = record_get(q->p, SETTINGS_KIND, STR("main"), version, NULL);
    return s ? s : json_object();
}

static json_t *shown(struct preq *q, const json_t *s)
{
    const json_t *hosts = json_object_get(s, "hosts");
    char ttl[32];
    int64_t ms = people_session_ttl(platform_people(q->p));
    snprintf(ttl, sizeof ttl, "%" PRId64 "s", ms / 1000);
    return json_pack("{s:s, s:b, s:o, s:s, s:s}", "name", *record_text(s, "name") ? record_text(s, "name") : "weft", "webhookSecretSet",
                     *record_text(s, "webhookSecret") != 0, "hosts", hosts ? json_deep_copy(hosts) : json_array(), "sessionTtl", ttl,
                     "mode", platform_settings(q->p)->single ? "single" : "users");
}

void settings_get(struct preq *q)
{
    uint64_t version = 0;
    json_t *s = settings(q, &version);
    preq_json_etag(q, 200, shown(q, s), version);
    json_decref(s);
}

static bool hosts_of(struct preq *q, json_t *s)
{
    const struct node *list = tree_get(q->body, "hosts");
    json_t *hosts = json_array();
    for (size_t i = 0; list && i < list->n; i++) {
        struct str h = list->items[i]->text;
        char pointer[32];
        bool ok = h.n > 0 && h.n < 254;
        for (size_t k = 0; ok && k < h.n; k++) {
            char low = (char)(h.p[k] | 0x20);
            ok = (low >= 'a' && low <= 'z') || (h.p[k] >= '0' && h.p[k] <= '9') || h.p[k] == '.' || h.p[k] == '-';
        }
        snprintf(pointer, sizeof pointer, "/hosts/%zu", i);
        if (!ok) {
            problem_field(q, 422, "bad-host", pointer, "a host is a name such as weft.example.com, without port");
            return json_decref(hosts), false;
        }
        json_array_append_new(hosts, json_stringn(h.p, h.n));
    }
    if (list)
        json_object_set_new(s, "hosts", hosts);
    else
        json_decref(hosts);
    return true;
}

void settings_patch(struct preq *q)
{
    uint64_t version = 0;
    struct batch b = { 0 };
    json_t *s = settings(q, &version), *before = shown(q, s);
    bool go = preq_if_match(q, version) && hosts_of(q, s);
    if (go) {
        struct str name = preq_text(q, "name"), secret = preq_text(q, "webhookSecret");
        int64_t ttl = preq_duration_ms(q, "sessionTtl", 0);
        if (name.n) json_object_set_new(s, "name", json_stringn(name.p, name.n));
        if (secret.p) json_object_set_new(s, "webhookSecret", json_stringn(secret.p, secret.n));
        if (ttl) json_object_set_new(s, "sessionTtlMs", json_integer(ttl));
        record_put(&b, SETTINGS_KIND, STR("main"), json_incref(s), version ? version : STORE_ABSENT);
        json_t *after = shown(q, s);
        preq_audit(q, &b, "settings:change", "settings", before, after);
        json_decref(after);
        go = preq_commit(q, &b);
    }
    json_decref(before);
    json_decref(s);
    if (!go) return;
    platform_read_hosts(q->p);
    settings_get(q);
}
