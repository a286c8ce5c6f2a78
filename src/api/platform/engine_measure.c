/* Measurements into statistics: each complete second of the series becomes one tick of src/canary. What it has learnt is kept in a file per
 * release, STATE/releases/UID, written each second without fsync (a kill of weftd loses nothing, a loss of power a few seconds), so that no
 * evidence is thrown away by a restart. */
#include "api/platform/engine_inside.h"

#include "base/hash.h"
#include "base/log.h"
#include "translate/overlay.h"
#include "workload/workload.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x57464e31u /* "WFN1" */

static double or_else(bool has, double v, double otherwise) { return has ? v : otherwise; }

static unsigned mask_of(const struct live *l)
{
    const struct release *r = l->r;
    const ReleaseSpec *s = r->plan->spec;
    if (r->step < 0 || (size_t)r->step >= s->n_steps || !s->steps[r->step]->n_checks) return CANARY_ALL;
    unsigned mask = 0;
    for (size_t i = 0; i < s->steps[r->step]->n_checks; i++) {
        int m = canary_metric_of(str_of(s->steps[r->step]->checks[i]));
        if (m >= 0) mask |= 1u << m;
    }
    return mask;
}

void engine_measure_begin(struct live *l)
{
    const WD(Analysis) *a = l->r->plan->spec->analysis;
    struct canary_config c = canary_defaults();
    c.edges = metric_times_ms;
    c.edges_n = METRIC_TIMES;
    if (a) {
        c.alpha = or_else(a->has_false_alarm, a->false_alarm / 100, c.alpha);
        c.beta = or_else(a->has_ship_error, a->ship_error / 100, c.beta);
        c.errors_ratio = or_else(a->has_errors_ratio, a->errors_ratio, c.errors_ratio);
        c.errors_margin = or_else(a->has_errors_margin, a->errors_margin / 100, c.errors_margin);
        c.latency_margin = or_else(a->has_latency_margin, a->latency_margin, c.latency_margin);
        if (a->guard_rail && a->guard_rail->has_errors) c.guard_errors = a->guard_rail->errors / 100;
        if (a->guard_rail && a->guard_rail->has_min_requests) c.guard_requests = a->guard_rail->min_requests;
    }
    canary_init(&l->canary, &c);
    l->mask = mask_of(l);
    canary_step(&l->canary, l->mask);
    canary_result(&l->canary, &l->result);
    gauges_begin(l);
}

void engine_step_began(struct live *l)
{
    l->mask = mask_of(l);
    canary_step(&l->canary, l->mask);
    canary_result(&l->canary, &l->result);
    l->first_seen_ms = 0;
}

/* ---- one second ---- */

struct second {
    struct live *l;
    const struct versions *v;
    uint32_t at;
    int64_t warm_ms;
    VEC(struct canary_cell) cells;
    VEC(uint32_t *) buckets;
};

static bool is_warm(const struct second *s, const struct version *version, struct str pod)
{
    ssize_t colon = str_rindex(pod, ':');
    struct str ip = colon > 0 ? str_first(pod, (size_t)colon) : pod;
    for (size_t i = 0; version && i < version->n_pods; i++)
        if (str_eqc(ip, version->pods[i].ip)) return (int64_t)s->at * 1000 - version->pods[i].since_ms >= s->warm_ms;
    return true; /* none was reached, or it is gone: it was there long enough to have been asked */
}

static struct str subset_of(struct str cluster)
{
    struct str rest = cluster;
    str_cut(&rest, '|');
    str_cut(&rest, '|');
    return str_cut(&rest, '|');
}

static uint64_t id_of(struct str s) { return s.n && !str_eqc(s, "unknown") ? hash_str(s) | 1 : 0; }

static void row(void *ctx, const struct series_row *r)
{
    struct second *s = ctx;
    struct live *l = s->l;
    const struct release_plan *p = l->r->plan;
    bool to = str_eqc(r->version, p->to), from = str_eqc(r->version, p->from);
    if (!to && !from) return;
    bool cohort = overlay_is_rule(subset_of(r->cluster));
    if (cohort && from) return; /* a person's rule to the old version: another population */
    const struct canary_cell c = { .source = id_of(r->instance),
                                   .pod = id_of(r->pod),
                                   .arm = from     ? CANARY_ARM_BASELINE
                                          : cohort ? CANARY_ARM_COHORT
                                                   : CANARY_ARM_CANARY,
                                   .warm = is_warm(s, versions_get(s->v, to ? p->to : p->from), r->pod),
                                   .requests = (uint32_t)MIN(r->cell.requests, (uint64_t)UINT32_MAX),
                                   .errors = (uint32_t)MIN(r->cell.errors, (uint64_t)UINT32_MAX) };
    uint32_t *b = xcalloc(METRIC_TIMES + 1, sizeof *b);
    memcpy(b, r->cell.bucket, (METRIC_TIMES + 1) * sizeof *b);
    vec_push(&s->buckets, b);
    vec_push(&s->cells, c);
    if (cohort) {
        l->cohort_requests += c.requests;
        l->cohort_errors += c.errors;
    }
    int step = l->r->entered;
    if (to && step >= 0 && step < RELEASE_STEPS_MAX) {
        l->step_requests[step] += c.requests;
        l->step_failed[step] += c.errors;
    }
    if (to && c.requests) l->last_canary = s->at;
    if (to && c.requests && !l->first_seen_ms) l->first_seen_ms = (int64_t)s->at * 1000;
}

static double share_of(const struct release *r)
{
    const struct release_traffic *t = &r->ordered;
    if (!t->seq || t->promoted || t->weight == 0 || t->weight == RELEASE_WEIGHT_FULL) return -1;
    return t->weight / 10000.0;
}

static void remember_ratio(struct live *l, uint32_t second)
{
    if (++l->ratio_skipped < l->ratio_stride) return;
    l->ratio_skipped = 0;
    if (!l->ratios) l->ratios = xcalloc(RATIO_POINTS, sizeof *l->ratios);
    if (l->n_ratios == RATIO_POINTS) { /* half as many, twice as far apart */
        for (size_t i = 0; i < RATIO_POINTS / 2; i++) l->ratios[i] = l->ratios[2 * i];
        l->n_ratios = RATIO_POINTS / 2;
        l->ratio_stride *= 2;
    }
    struct ratio_point *p = &l->ratios[l->n_ratios++];
    p->second = second;
    for (int m = 0; m < CANARY_COMPARED; m++) {
        p->ratio[m] = (float)l->result.metric[m].ratio.value;
        p->low[m] = (float)l->result.metric[m].ratio.low;
        p->high[m] = (float)l->result.metric[m].ratio.high;
    }
}

static void one_second(struct live *l, const struct versions *v, uint32_t at)
{
    const WD(Analysis) *a = l->r->plan->spec->analysis;
    struct second s = { .l = l, .v = v, .at = at, .warm_ms = a ? model_ms(a->warm_up, 60000) : 60000 };
    series_seconds(l->e->cfg.series, str_of(l->host), at, at, row, &s);
    for (size_t i = 0; i < s.cells.n; i++)
        s.cells.v[i].buckets = s.cells.v[i].errors ? NULL : s.buckets.v[i]; /* how long a failure took is no latency */
    if (s.cells.n) {
        const struct canary_tick t = { .share = share_of(l->r), .cells = s.cells.v, .cells_n = s.cells.n };
        canary_tick(&l->canary, &t);
    }
    vec_foreach (b, &s.buckets) free(*b);
    vec_free(&s.buckets);
    vec_free(&s.cells);
}

void engine_measure(struct live *l, const struct versions *v)
{
    uint32_t now = l->e->cfg.series ? series_complete(l->e->cfg.series) : 0;
    if (!now || now == l->last_second) return;
    uint32_t from = l->last_second && l->last_second < now ? l->last_second + 1 : now;
    if (now - from > 120 || (l->last_second && now > l->last_second + 3 && series_oldest(l->e->cfg.series, 0) > l->last_second + 1)) {
        canary_gap(&l->canary);
        from = MAX(from, now - MIN(now, 120u));
    }
    for (uint32_t s = from; s <= now; s++) one_second(l, v, s);
    l->last_second = now;
    canary_result(&l->canary, &l->result);
    remember_ratio(l, now);
    l->dirty = true;
}

/* ---- the file ---- */

struct head {
    uint32_t magic, size, last_second, n_ratios, ratio_stride, attempt, steps, pad;
    uint64_t cohort_requests, cohort_errors;
};

void engine_measure_save(struct live *l)
{
    static uint8_t state[CANARY_SAVE_MAX]; /* one thread */
    if (!l->e->folder || !l->dirty) return;
    AUTO(free_p) char *path = xasprintf("%s/%s", l->e->folder, l->uid), *tmp = xasprintf("%s/.%s", l->e->folder, l->uid);
    struct head h = { MAGIC,
                      (uint32_t)canary_save(&l->canary, state, sizeof state),
                      l->last_second,
                      (uint32_t)l->n_ratios,
                      l->ratio_stride,
                      l->r->attempt,
                      RELEASE_STEPS_MAX,
                      0,
                      l->cohort_requests,
                      l->cohort_errors };
    struct buf b = { 0 };
    buf_append(&b, &h, sizeof h);
    buf_append(&b, state, h.size);
    buf_append(&b, l->step_requests, sizeof l->step_requests);
    buf_append(&b, l->step_failed, sizeof l->step_failed);
    buf_append(&b, l->ratios, l->n_ratios * sizeof *l->ratios);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, buf_data(&b), b.len) == (ssize_t)b.len;
    if (fd >= 0) close(fd);
    if (!ok || rename(tmp, path) < 0) log_warn("%s: cannot be written: %s", path, strerror(errno));
    buf_free(&b);
    l->dirty = false;
}

static bool read_all(const char *path, struct buf *b)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size < (1 << 20);
    if (ok) {
        char *p = buf_reserve(b, (size_t)st.st_size);
        ok = p && read(fd, p, (size_t)st.st_size) == st.st_size;
        if (ok) buf_added(b, (size_t)st.st_size);
    }
    if (fd >= 0) close(fd);
    return ok;
}

void engine_measure_load(struct live *l)
{
    struct buf b = { 0 };
    struct err e = { 0 };
    struct head h;
    if (!l->e->folder) return;
    AUTO(free_p) char *path = xasprintf("%s/%s", l->e->folder, l->uid);
    size_t fixed = sizeof l->step_requests + sizeof l->step_failed;
    if (read_all(path, &b) && b.len >= sizeof h) {
        memcpy(&h, buf_data(&b), sizeof h);
        const char *p = buf_data(&b) + sizeof h;
        bool fits = h.magic == MAGIC && h.steps == RELEASE_STEPS_MAX && h.n_ratios <= RATIO_POINTS && h.ratio_stride > 0 &&
                    b.len == sizeof h + h.size + fixed + h.n_ratios * sizeof *l->ratios;
        if (fits && canary_restore(&l->canary, (const uint8_t *)p, h.size, &e) == 0) {
            l->last_second = h.last_second;
            l->cohort_requests = h.cohort_requests;
            l->cohort_errors = h.cohort_errors;
            memcpy(l->step_requests, p + h.size, sizeof l->step_requests);
            memcpy(l->step_failed, p + h.size + sizeof l->step_requests, sizeof l->step_failed);
            l->ratios = xcalloc(RATIO_POINTS, sizeof *l->ratios);
            memcpy(l->ratios, p + h.size + fixed, h.n_ratios * sizeof *l->ratios);
            l->n_ratios = h.n_ratios;
            l->ratio_stride = h.ratio_stride;
        } else {
            log_warn("%s: the statistics kept there do not fit any more; they begin anew", path);
        }
    }
    if (!l->ended) canary_gap(&l->canary);
    canary_result(&l->canary, &l->result);
    buf_free(&b);
}

void engine_measure_forget(const struct engine *e, const char *uid)
{
    if (!e->folder || !uid[0] || strchr(uid, '/')) return;
    AUTO(free_p) char *path = xasprintf("%s/%s", e->folder, uid);
    unlink(path);
}
