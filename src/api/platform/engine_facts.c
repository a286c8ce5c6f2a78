/* All that the state machine wants to know of the world this second: pods, acknowledgements, measurements, freezes, what somebody changed
 * beneath. Levels, not edges: each second all of it anew. */
#include "api/platform/engine_inside.h"

#include "api/platform/change.h"
#include "api/platform/diff.h"
#include "base/log.h"
#include "project/guard.h"

#include <math.h>

/* ---- pods ---- */

static struct release_pods pods_of(const struct versions *v, const char *name)
{
    const struct version *one = versions_get(v, name);
    struct release_pods p = { 0, 0, false };
    if (!one) return p;
    const K8sDeployment *d = as_deployment(one->deployment);
    p.ready = (int)one->ready;
    p.wanted = d && d->spec ? (d->spec->has_replicas ? d->spec->replicas : 1) : (int)one->n_pods;
    unsigned worst = 0;
    for (size_t i = 0; i < one->n_pods; i++)
        if (!one->pods[i].ready) worst = MAX(worst, one->pods[i].restarts);
    p.crashing = worst >= 3;
    return p;
}

/* ---- proxies ---- */

static void acked(void *arg, const json_t *proxies)
{
    struct live *l = arg;
    struct ack *k = &l->ack;
    json_t *refused = json_object_get(proxies, "refused"), *first = json_array_get(refused, 0);
    k->wait = NULL;
    k->of = (unsigned)json_integer_value(json_object_get(proxies, "of"));
    k->acked = (unsigned)json_integer_value(json_object_get(proxies, "acked"));
    k->nacked = (unsigned)json_array_size(refused);
    k->nack[0] = 0;
    if (first)
        snprintf(k->nack, sizeof k->nack, "%s: %s", json_string_value(json_object_get(first, "node")),
                 json_string_value(json_object_get(first, "why")));
    if (k->acked + k->nacked >= k->of) k->at = engine_now(l->e);
}

void engine_watch_order(struct live *l, uint64_t k)
{
    if (l->ack.wait) change_forget(l->ack.wait);
    l->ack = (struct ack){ .seq = l->r->ordered.seq };
    l->first_seen_ms = 0;
    if (!k) { /* nothing had to change */
        l->ack.at = engine_now(l->e);
        return;
    }
    struct change_wait *w = change_wait(l->e->cfg.platform, l->ns, l->service, k, acked, l);
    if (w) l->ack.wait = w;
}

struct synced {
    unsigned of, ok, bad;
    char *text;
    size_t n;
};

static void look(void *arg, const struct xds_proxy_status *p)
{
    struct synced *s = arg;
    bool stale = false, bad = false;
    for (int t = 0; t < XDS__N; t++) {
        stale = stale || (p->type[t].subscribed && p->type[t].state == XDS_STALE);
        if (p->type[t].state != XDS_ERROR) continue;
        bad = true;
        snprintf(s->text, s->n, "%s: %s", p->node, p->type[t].nack);
    }
    s->of++;
    s->bad += bad;
    s->ok += !bad && !stale;
}

/* Nobody waits for acknowledgements any more (a restart, a slow proxy): what each stream says now. */
static void poll_proxies(struct live *l)
{
    struct ack *k = &l->ack;
    struct synced s = { .text = k->nack, .n = sizeof k->nack };
    k->nack[0] = 0;
    xds_server_status(controller_xds(platform_controller(l->e->cfg.platform)), look, &s);
    k->of = s.of;
    k->acked = s.ok;
    k->nacked = s.bad;
    if (s.ok + s.bad >= s.of && !k->at) k->at = engine_now(l->e);
}

static void proxies(struct live *l, struct release_facts *f)
{
    struct ack *k = &l->ack;
    if (k->seq != l->r->ordered.seq && !k->wait) *k = (struct ack){ .seq = l->r->ordered.seq };
    if (!k->wait && k->acked + k->nacked <= k->of) poll_proxies(l);
    f->order = k->seq;
    f->proxies = k->wait ? MAX(k->of, 1u) : k->of;
    f->acked = k->wait ? 0 : k->acked;
    f->nacked = k->nacked;
    f->nack = k->nack[0] ? k->nack : NULL;
}

/* ---- measurements ---- */

#define SPLIT_LEAST   20 /* requests after which a split that does not look wrong is one that agrees */
#define QUIET_SECONDS 30

static enum release_split split(const struct live *l)
{
    const struct release_traffic *t = &l->r->ordered;
    const struct canary_metric_result *m = &l->result.metric[CANARY_SPLIT];
    if (m->verdict == CANARY_MISMATCH && (l->mask >> CANARY_SPLIT & 1)) return RELEASE_SPLIT_DIFFERS;
    if (t->weight == 0 || t->weight >= RELEASE_WEIGHT_FULL || t->promoted) return RELEASE_SPLIT_AGREES;
    if (!l->first_seen_ms) return RELEASE_SPLIT_UNKNOWN;
    return m->canary.requests + m->baseline.requests >= SPLIT_LEAST || engine_now(l->e) - l->first_seen_ms > 3000 ? RELEASE_SPLIT_AGREES
                                                                                                                  : RELEASE_SPLIT_UNKNOWN;
}

static enum release_data data(const struct live *l)
{
    const struct series_store *s = l->e->cfg.series;
    uint32_t now = (uint32_t)(engine_now(l->e) / 1000);
    if (!s || !series_complete(s)) return RELEASE_DATA_MISSING;
    if (now > series_complete(s) + 5) return RELEASE_DATA_MISSING;
    if (series_silent(s, str_of(l->host), 60, now, NULL, NULL) > 0) return RELEASE_DATA_MISSING;
    uint32_t since = MAX(l->last_canary, (uint32_t)(l->ack.at / 1000)); /* nothing is expected before all have the order */
    if (l->r->ordered.weight && since && series_complete(s) > since + QUIET_SECONDS) return RELEASE_DATA_NO_TRAFFIC;
    if (l->r->ordered.cohort && !l->r->ordered.weight && !l->cohort_requests) return RELEASE_DATA_NO_TRAFFIC;
    return RELEASE_DATA_OK;
}

static double finite_or(double v, double otherwise) { return isfinite(v) ? v : otherwise; }

static json_t *counts(const struct canary_counts *c) { return json_pack("{s:f, s:f}", "requests", c->requests, "bad", c->bad); }

/* The numbers behind a decision: what the page and the audit log show later. */
static char *numbers(const struct live *l, enum release_evidence ev, const char *gauge)
{
    const struct canary_result *c = &l->result;
    const struct canary_metric_result *m = &c->metric[c->blamed];
    json_t *j = json_object();
    if (ev == RELEASE_WATCHING) m = &c->metric[CANARY_ERRORS];
    json_object_set_new(j, "metric",
                        json_string(gauge ? gauge : canary_metric_name(c->verdict == CANARY_HARM ? c->blamed : CANARY_ERRORS)));
    json_object_set_new(j, "canary", counts(&m->canary));
    json_object_set_new(j, "baseline", counts(&m->baseline));
    json_object_set_new(j, "difference", model_real(m->difference.value * 100)); /* points */
    json_object_set_new(j, "lo", model_real(m->difference.low * 100));
    json_object_set_new(j, "hi", model_real(m->difference.high * 100));
    json_object_set_new(j, "ratio", model_real(m->ratio.value));
    json_object_set_new(j, "ratioLo", model_real(m->ratio.low));
    json_object_set_new(j, "ratioHi", model_real(m->ratio.high));
    json_object_set_new(j, "requests", json_real(c->canary_requests));
    json_object_set_new(j, "usersHit", json_real(finite_or(c->excess_bad, 0)));
    json_object_set_new(j, "odds", json_real(c->p_value > 0 ? finite_or(1 / c->p_value, 1e12) : 1e12));
    json_object_set_new(j, "guardRail", json_boolean(c->guard_rail));
    if (l->r->step >= 0 && l->r->steps[l->r->step].entered_at)
        json_object_set_new(j, "seconds", json_integer((engine_now(l->e) - l->r->steps[l->r->step].entered_at) / 1000));
    if (c->blamed_pod) json_object_set_new(j, "pod", json_string(releases_pod_name(l, c->blamed_pod)));
    json_object_set_new(j, "cohortRequests", json_integer((json_int_t)l->cohort_requests));
    json_object_set_new(j, "cohortFailed", json_integer((json_int_t)l->cohort_errors));
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(j);
    return text;
}

static void evidence(struct live *l, struct release_facts *f)
{
    const struct canary_result *c = &l->result;
    const char *gauge = NULL;
    f->evidence = RELEASE_WATCHING;
    if (c->verdict == CANARY_HARM)
        f->evidence = c->guard_rail ? RELEASE_GUARD_RAIL : RELEASE_HARM;
    else if (c->verdict == CANARY_SHIP)
        f->evidence = RELEASE_SHIP;
    if (f->evidence != RELEASE_HARM && f->evidence != RELEASE_GUARD_RAIL) gauges_evidence(l, &f->evidence, &gauge);
    free(l->numbers);
    l->numbers = numbers(l, f->evidence, gauge);
    f->numbers = l->numbers;
}

/* ---- what stands beneath ---- */

static bool leads_here(const struct live *l, const struct resource *r)
{
    const VirtualServiceObject *vs = as_virtual_service(r);
    const DestinationRuleObject *dr = as_destination_rule(r);
    char short_name[330];
    snprintf(short_name, sizeof short_name, "%s.%s", l->service, l->ns);
#define IS_OURS(h)                                                                                                                         \
    ((h) && (strcmp((h), l->host) == 0 || strcmp((h), short_name) == 0 || (strcmp(r->ns, l->ns) == 0 && strcmp((h), l->service) == 0)))
    if (dr) return dr->spec && IS_OURS(dr->spec->host);
    for (size_t i = 0; vs && vs->spec && i < vs->spec->n_http; i++)
        for (size_t k = 0; k < vs->spec->http[i]->n_route; k++)
            if (vs->spec->http[i]->route[k]->destination && IS_OURS(vs->spec->http[i]->route[k]->destination->host)) return true;
#undef IS_OURS
    return false;
}

static void gather(const struct live *l, const struct world *w, enum kind_id kind, json_t *into)
{
    struct resource_list list = world_list(w, kind);
    char title[600];
    for (size_t i = 0; i < list.n; i++) {
        struct buf b = { 0 };
        if (!leads_here(l, list.v[i])) continue;
        model_yaml(list.v[i], &b);
        json_t *text = json_stringn(buf_data(&b), b.len);
        json_object_set_new(into, resource_title(list.v[i], title, sizeof title), text ? text : json_string("?"));
        buf_free(&b);
    }
}

static json_t *beneath_now(const struct live *l, const struct world *w)
{
    json_t *j = json_object();
    gather(l, w, KIND_VIRTUAL_SERVICE, j);
    gather(l, w, KIND_DESTINATION_RULE, j);
    return j;
}

static void diff_into(struct buf *out, const char *title, const char *before, const char *after)
{
    json_t *d = diff_lines(str_of(before), str_of(after)), *line;
    size_t i;
    buf_printf(out, "%s%s\n", out->len ? "\n" : "", title);
    json_array_foreach (d, i, line) {
        const char *op = json_string_value(json_object_get(line, "op"));
        if (op[0] != ' ') buf_printf(out, "%s %s\n", op, json_string_value(json_object_get(line, "text")));
    }
    json_decref(d);
}

/* Traffic differs from what the release orders: somebody wrote it. */
static void traffic_drift(const struct live *l, const struct world *w, struct buf *out)
{
    struct arena a;
    struct buf x = { 0 }, y = { 0 };
    const struct resource *now = model_traffic_of(w, l->ns, l->service);
    const TrafficSpec *spec = model_traffic(now);
    if (!l->r->ordered.seq) return;
    if (!spec) {
        buf_printf(out, "Traffic %s/%s was deleted\n", l->ns, l->service);
        return;
    }
    arena_init(&a, 2048, 0);
    TrafficSpec *want = engine_traffic(spec, l->r, l->n, &a), have = *spec;
    engine_traffic_sort(&have, &a);
    if (!pb_equal(&want->base, &have.base)) {
        tree_yaml(pb_to_tree(&want->base, NULL, &a), &x);
        tree_yaml(pb_to_tree(&have.base, NULL, &a), &y);
        buf_append(&x, "", 1);
        buf_append(&y, "", 1);
        diff_into(out, "Traffic", buf_data(&x), buf_data(&y));
    }
    buf_free(&x);
    buf_free(&y);
    arena_free(&a);
}

static const char *beneath_get(const struct live *l, const char *title)
{
    vec_foreach (b, &l->beneath)
        if (strcmp(b->title, title) == 0) return b->yaml;
    return NULL;
}

static void routes_drift(struct live *l, const json_t *now, struct buf *out)
{
    const char *title;
    json_t *v;
    json_object_foreach ((json_t *)(uintptr_t)now, title, v) {
        const char *old = beneath_get(l, title), *text = json_string_value(v);
        if (!old || strcmp(old, text) != 0) diff_into(out, title, old ? old : "", text);
    }
    vec_foreach (b, &l->beneath)
        if (!json_object_get(now, b->title)) diff_into(out, b->title, b->yaml, "");
}

static void accept_beneath(struct live *l, const json_t *now)
{
    const char *title;
    json_t *v;
    vec_foreach (b, &l->beneath) {
        free(b->title);
        free(b->yaml);
    }
    l->beneath.n = 0;
    json_object_foreach ((json_t *)(uintptr_t)now, title, v)
        vec_push(&l->beneath, (struct beneath){ xstrdup(title), xstrdup(json_string_value(v)) });
}

void engine_look_beneath(struct live *l, bool accept)
{
    const struct world *w = platform_world(l->e->cfg.platform);
    bool same = l->looked && world_same(l->looked, w, KIND_VIRTUAL_SERVICE) && world_same(l->looked, w, KIND_DESTINATION_RULE) &&
                world_same(l->looked, w, KIND_TRAFFIC);
    if (same && !accept) return;
    world_unref(l->looked);
    l->looked = world_ref(w);
    json_t *now = beneath_now(l, w);
    struct buf b = { 0 };
    if (accept)
        accept_beneath(l, now);
    else
        routes_drift(l, now, &b);
    if (!accept) traffic_drift(l, w, &b);
    json_decref(now);
    free(l->drift);
    l->drift = b.len ? xasprintf("%.*s", (int)MIN(b.len, (size_t)8000), buf_data(&b)) : NULL;
    buf_free(&b);
}

/* ---- all ---- */

static bool turn(const struct live *l)
{
    list_foreach (o, &l->e->lives, struct live, link) {
        if (o == l || strcmp(o->ns, l->ns) != 0 || strcmp(o->service, l->service) != 0 || release_ended(o->r)) continue;
        if (release_holds_service(o->r) || (o->r->phase == RELEASE_QUEUED && o->r->created_at < l->r->created_at)) return false;
    }
    return true;
}

static void rules_of_project(struct live *l, struct release_facts *f)
{
    const struct resource *p = live_project(l);
    const WD(ProjectSpec) *s = p ? ((const WD(Project) *)p->msg)->spec : NULL;
    if (!s) return;
    struct project_freeze z = project_frozen(s, engine_now(l->e));
    if (z.freeze && (z.holds_running || l->r->phase == RELEASE_QUEUED)) f->freeze = project_freeze_text(&z, l->freeze, sizeof l->freeze);
    if (s->guard_rails && s->guard_rails->has_stopped && s->guard_rails->stopped)
        f->stopped = s->guard_rails->stopped_reason ? s->guard_rails->stopped_reason : "";
}

void engine_facts(struct live *l, const struct versions *v, struct release_facts *f)
{
    *f = (struct release_facts){ .turn = turn(l), .canary = pods_of(v, l->r->plan->to), .stable = pods_of(v, l->r->plan->from) };
    proxies(l, f);
    f->split = split(l);
    f->data = data(l);
    evidence(l, f);
    if (l->r->phase > RELEASE_QUEUED) engine_look_beneath(l, false);
    f->drift = l->drift;
    rules_of_project(l, f);
    f->webhook_key = l->hook.under_way ? 0 : l->hook.key;
    f->webhook_status = l->hook.status;
    f->webhook_text = l->hook.text;
}
