/* Logs: seqs, and entries in memory for a store without a backend. */
#include "store/inside.h"

struct store_log *store_log(struct store *s, struct str name)
{
    struct store_log *l = map_get(&s->logs, name);
    if (l) return l;
    l = xcalloc(1, sizeof *l);
    map_put(&s->logs, name, l);
    return l;
}

uint64_t store_log_next(const struct store *s, struct str log)
{
    const struct store_log *l = map_get(&s->logs, log);
    return (l ? l->last : 0) + 1;
}

uint64_t *store_log_seqs(struct store *s, const struct store_append *a, size_t n)
{
    uint64_t *seq = xcalloc(n + 1, sizeof *seq);
    for (size_t i = 0; i < n; i++) {
        seq[i] = store_log_next(s, a[i].log);
        for (size_t k = 0; k < i; k++) seq[i] += str_eq(a[k].log, a[i].log);
    }
    return seq;
}

static struct str copy(struct str s) { return str_make(str_dup(s), s.n); }

void store_log_took(struct store *s, const struct store_append *a, const uint64_t *seq, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct store_log *l = store_log(s, a[i].log);
        l->last = seq[i];
        if (s->backend) continue;
        struct store_log_entry entry = { .seq = seq[i], .time_ms = a[i].time_ms, .json = copy(a[i].json) };
        for (int k = 0; k < STORE_KEYS; k++) entry.keys[k] = copy(a[i].keys[k]);
        vec_push(&l->entries, entry);
    }
}

static void log_free(void *p)
{
    struct store_log *l = p;
    vec_foreach (entry, &l->entries) {
        free((char *)entry->json.p);
        for (int k = 0; k < STORE_KEYS; k++) free((char *)entry->keys[k].p);
    }
    vec_free(&l->entries);
    free(l);
}

void store_logs_free(struct store *s) { map_free(&s->logs, log_free); }

static bool wanted(const struct store_log_query *q, const struct store_log_entry *l)
{
    for (int k = 0; k < STORE_KEYS; k++)
        if (q->keys[k].n && !str_eq(q->keys[k], l->keys[k])) return false;
    return l->seq >= q->from && (!q->to || l->seq <= q->to) && l->time_ms >= q->since_ms && (!q->until_ms || l->time_ms <= q->until_ms);
}

int store_log_read(struct store *s, const struct store_log_query *q, bool (*fn)(void *arg, const struct store_log_entry *l), void *arg,
                   struct err *e)
{
    if (s->backend) return s->backend->log_read(s->backend, q, fn, arg, e);
    const struct store_log *l = map_get(&s->logs, q->log);
    size_t n = l ? l->entries.n : 0, found = 0;
    for (size_t i = 0; i < n && (!q->limit || found < q->limit); i++) {
        const struct store_log_entry *entry = &l->entries.v[q->oldest_first ? i : n - 1 - i];
        if (!wanted(q, entry)) continue;
        found++;
        if (!fn(arg, entry)) break;
    }
    return 0;
}

int store_backup(struct store *s, const char *to, struct err *e)
{
    if (!s->backend) return err_set(e, -EOPNOTSUPP, "a store in memory cannot be copied");
    return s->backend->backup(s->backend, to, e);
}
