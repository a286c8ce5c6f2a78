/* Entries of the audit log and their chain. */
#include "api/platform/audit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "pb/pb.h"

static void set_str(json_t *o, const char *key, struct str s)
{
    json_t *v = s.n ? json_stringn(s.p, s.n) : NULL; /* NULL: none, or no UTF-8 */
    json_object_set_new(o, key, v ? v : json_null());
}

static void set_copy(json_t *o, const char *key, const json_t *v) { json_object_set_new(o, key, v ? json_deep_copy(v) : json_null()); }

void audit_add(struct batch *b, const struct audit *a)
{
    char time[40];
    int64_t now = clock_wall_ms();
    struct str keys[STORE_KEYS] = { a->project, a->actor, str_of(a->action) };
    json_t *o = json_object();
    pb_time_text(now / 1000, (int32_t)(now % 1000) * 1000000, time, sizeof time);
    json_object_set_new(o, "time", json_string(time));
    set_str(o, "actor", a->actor);
    json_object_set_new(o, "via", json_string(via_names[a->via]));
    json_object_set_new(o, "action", json_string(a->action));
    set_str(o, "target", str_of(a->target));
    set_str(o, "project", a->project);
    set_str(o, "reason", a->reason);
    set_str(o, "requestId", a->request_id);
    set_copy(o, "before", a->before);
    set_copy(o, "after", a->after);
    set_copy(o, "evidence", a->evidence);
    char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(12));
    batch_log(b, AUDIT_LOG, keys, now, str_of(text));
    free(text);
    json_decref(o);
}

void audit_chain(struct batch *b, uint64_t first, char head[AUDIT_HASH + 1])
{
    vec_foreach (l, &b->logs) {
        if (!str_eqc(l->log, AUDIT_LOG)) continue;
        struct buf line = { 0 };
        struct str rest = str_skip(l->json, 1);      /* behind '{' */
        if (str_starts(l->json, STR("{\"seq\":"))) { /* a commit that failed is tried again: its old place is taken out */
            const size_t tail = sizeof ",\"prev\":\"\",\"hash\":\"\"}" - 1 + 2 * (size_t)AUDIT_HASH;
            rest = str_skip(rest, (size_t)str_index(rest, ',') + 1);
            rest.n -= tail;
        } else {
            rest.n--;
        }
        buf_printf(&line, "{\"seq\":%" PRIu64 ",", first++);
        buf_str_append(&line, rest);
        buf_printf(&line, ",\"prev\":\"%.*s\"}", AUDIT_HASH, head);
        audit_hash(buf_str(&line), head);
        line.len--;
        buf_printf(&line, ",\"hash\":\"%s\"}", head);
        size_t n = line.len;
        free((char *)l->json.p);
        l->json = str_make(buf_steal(&line), n);
    }
}
