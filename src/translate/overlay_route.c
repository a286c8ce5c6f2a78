/* One route and a Traffic become routes: rules first, each for those that the route matches, then everyone else.
 *
 * Rules are walked in order with what is left of each request's chance: a rule without users takes all that it matches; a rule of users
 * takes its share by a hash, and what goes on is the rest of that share with the same matches. Weights are kept as ends of ranges of
 * WHOLE, rounded once each, so that a range that grows never loses anybody. */
#include "translate/msg.h"
#include "translate/names.h"
#include "translate/overlay_internal.h"

/* Part of the range [0, WHOLE) and who gets it: a version (>= 0; + BY_RULE where a rule says so) or a destination of the person's route
 * (-1 - index). */
enum { BY_RULE = VERSIONS_MAX };

struct range {
    int to;
    double end;
};

struct ranges {
    struct range v[VERSIONS_MAX * 3 + 64];
    size_t n;
    double end; /* of the last one; what is left begins here */
    const t_attribute *hash;
};

/* One route being laid. */
struct job {
    struct laying *l;
    const struct traffic *t;
    const struct resource *vs;
    const i_http_route *from; /* NULL: nobody's */
    int index;
    bool pinned;
    bool keep; /* timeout, retries, faults and mirror stay the person's */
    struct laid *out;
};

const char *version_subset(struct arena *a, const t_version *v, bool by_rule)
{
    return arena_printf(a, "weft_%s%s", v->name ? v->name : "", by_rule ? "_rule" : "");
}

int version_index(const struct traffic *t, const char *name)
{
    for (size_t i = 0; name && i < t->n_versions; i++)
        if (t->spec->versions[i]->name && strcmp(t->spec->versions[i]->name, name) == 0) return (int)i;
    return -1;
}

static void ranges_push(struct ranges *r, int to, double end)
{
    if (end <= r->end) return;
    if (r->n && r->v[r->n - 1].to == to)
        r->v[r->n - 1].end = end;
    else if (r->n < ARRAY_LEN(r->v))
        r->v[r->n++] = (struct range){ to, end };
    r->end = end;
}

/* The rest of the range goes where everyone else goes. */
static void ranges_finish(const struct job *j, struct ranges *r)
{
    double begin = r->end, left = WHOLE - begin, sum = 0, total = 0;
    const i_http_route *from = j->from;
    if (!j->pinned && j->t->n_versions) {
        for (size_t i = j->t->n_versions; i-- > 0;) {
            sum += j->t->share[i];
            ranges_push(r, (int)i, begin + left * sum / WHOLE);
        }
        return;
    }
    if (!from) return;
    for (size_t i = 0; i < from->n_route; i++) total += from->n_route == 1 ? 1 : MAX(from->route[i]->weight, 0);
    for (size_t i = 0; i < from->n_route && total > 0; i++) {
        sum += from->n_route == 1 ? 1 : MAX(from->route[i]->weight, 0);
        ranges_push(r, -1 - (int)i, begin + left * sum / total);
    }
}

/* ---- destinations ---- */

static i_destination *destination_new(struct arena *a, const struct job *j, const t_version *v, bool by_rule)
{
    i_destination *d = arena_alloc(a, sizeof *d);
    istio__networking__v1alpha3__destination__init(d);
    const i_destination *old = j->from && j->from->n_route ? j->from->route[0]->destination : NULL;
    d->host = msg_str(old ? old->host : j->t->host);
    if (v) d->subset = msg_str(version_subset(a, v, by_rule));
    if (old) d->port = old->port;
    return d;
}

/* Header operations that the person wrote for one destination: the only one's are everybody's, of several those of the subset that is
 * called as the version. */
static Istio__Networking__V1alpha3__Headers *headers_for(const struct job *j, const t_version *v)
{
    const i_http_route *from = j->from;
    if (!from) return NULL;
    if (from->n_route == 1) return from->route[0]->headers;
    for (size_t i = 0; v && i < from->n_route; i++) {
        const char *subset = from->route[i]->destination->subset;
        if (subset && v->name && strcmp(subset, v->name) == 0) return from->route[i]->headers;
    }
    return NULL;
}

static void set_destinations(const struct job *j, const struct ranges *r, i_http_route *route)
{
    struct arena *a = j->l->a;
    uint32_t begin = 0;
    route->route = NULL;
    route->n_route = 0;
    for (size_t i = 0; i < r->n; i++) {
        uint32_t end = (uint32_t)(r->v[i].end + 0.5);
        if (end <= begin) continue;
        i_http_destination *d = arena_alloc(a, sizeof *d);
        istio__networking__v1alpha3__httproute_destination__init(d);
        if (r->v[i].to < 0) {
            *d = *j->from->route[-1 - r->v[i].to];
        } else {
            bool by_rule = r->v[i].to >= BY_RULE;
            const t_version *v = j->t->spec->versions[r->v[i].to - (by_rule ? BY_RULE : 0)];
            d->destination = destination_new(a, j, v, by_rule);
            d->headers = headers_for(j, v);
        }
        SET(d, weight, (int32_t)(end - begin));
        begin = end;
        PUSH(a, route, route, d);
    }
    if (route->n_route == 1) route->route[0]->has_weight = 0, route->route[0]->weight = 0;
    if (r->hash) return;
    for (size_t i = 0; i < route->n_route; i++)
        if (route->route[i]->weight % 100) return;
    for (size_t i = 0; i < route->n_route; i++) route->route[i]->weight /= 100; /* whole percent read better */
}

/* ---- timeout, retries, faults, mirror ---- */

static i_percent *percent_new(struct arena *a, double v)
{
    i_percent *p = arena_alloc(a, sizeof *p);
    istio__networking__v1alpha3__percent__init(p);
    SET(p, value, v);
    return p;
}

static Istio__Networking__V1alpha3__HTTPRetry *retries_of(struct arena *a, const Weft__Dev__V1alpha1__Retries *in)
{
    Istio__Networking__V1alpha3__HTTPRetry *r = arena_alloc(a, sizeof *r);
    istio__networking__v1alpha3__httpretry__init(r);
    SET(r, attempts, in->has_attempts ? (int32_t)MIN(in->attempts, (uint32_t)INT32_MAX) : 2);
    if (r->attempts) r->per_try_timeout = in->per_try_timeout;
    const char *on = "";
    for (size_t i = 0; i < in->n_on; i++) on = arena_printf(a, "%s%s%s", on, *on ? "," : "", in->on[i]);
    if (*on && r->attempts) r->retry_on = msg_str(on);
    return r;
}

static Istio__Networking__V1alpha3__HTTPFaultInjection *fault_of(struct arena *a, const t_fault *in)
{
    Istio__Networking__V1alpha3__HTTPFaultInjection *f = arena_alloc(a, sizeof *f);
    istio__networking__v1alpha3__httpfault_injection__init(f);
    i_percent *p = percent_new(a, in->has_percent ? in->percent : 100);
    if (in->delay) {
        f->delay = arena_alloc(a, sizeof *f->delay);
        istio__networking__v1alpha3__httpfault_injection__delay__init(f->delay);
        f->delay->http_delay_type_case = ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__DELAY__HTTP_DELAY_TYPE_FIXED_DELAY;
        f->delay->fixed_delay = in->delay;
        f->delay->percentage = p;
    }
    if (!in->has_http_status && !in->grpc_status) return f;
    f->abort = arena_alloc(a, sizeof *f->abort);
    istio__networking__v1alpha3__httpfault_injection__abort__init(f->abort);
    f->abort->percentage = p;
    f->abort->error_type_case = in->grpc_status ? ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__ABORT__ERROR_TYPE_GRPC_STATUS
                                                : ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__ABORT__ERROR_TYPE_HTTP_STATUS;
    if (in->grpc_status)
        f->abort->grpc_status = in->grpc_status;
    else
        f->abort->http_status = (int32_t)in->http_status;
    return f;
}

static unsigned set_mirror(const struct job *j, i_http_route *r)
{
    struct arena *a = j->l->a;
    const Weft__Dev__V1alpha1__Mirror *in = j->t->spec->mirror;
    int v = in ? version_index(j->t, in->to) : -1;
    if (v < 0) return 0;
    r->mirror = NULL;
    r->mirror_percent = NULL;
    r->mirror_percentage = NULL;
    r->mirrors = NULL;
    r->n_mirrors = 0;
    Istio__Networking__V1alpha3__HTTPMirrorPolicy *m = arena_alloc(a, sizeof *m);
    istio__networking__v1alpha3__httpmirror_policy__init(m);
    m->destination = destination_new(a, j, j->t->spec->versions[v], false);
    m->percentage = percent_new(a, in->has_percent ? in->percent : 100);
    PUSH(a, r, mirrors, m);
    return OVERLAY_MIRROR;
}

/* Gives the bits of what was set. fault -1: none holds here; what the person wrote goes all the same where Traffic has faults. */
static unsigned set_fields(const struct job *j, int fault, i_http_route *r)
{
    const t_spec *s = j->t->spec;
    unsigned bits = set_mirror(j, r);
    if (s->timeout) r->timeout = s->timeout, bits |= OVERLAY_TIMEOUT;
    if (s->retries) r->retries = retries_of(j->l->a, s->retries), bits |= OVERLAY_RETRIES;
    if (s->n_faults) {
        r->fault = fault < 0 ? NULL : fault_of(j->l->a, s->faults[fault]);
        bits |= OVERLAY_FAULT;
    }
    return bits;
}

/* ---- routes ---- */

static const char *part_name(const struct job *j, int rule, int fault)
{
    struct arena *a = j->l->a;
    const char *p = "everyone else";
    if (rule >= 0)
        p = arena_printf(a, "rule %s", j->t->spec->rules[rule]->name ? j->t->spec->rules[rule]->name : arena_u64(a, (uint64_t)rule + 1));
    else if (j->pinned)
        p = "pinned";
    return fault < 0 ? p : arena_printf(a, "%s, fault %d", p, fault + 1);
}

static void push_route(const struct job *j, const struct match_set *set, const struct ranges *r, int rule, int fault)
{
    struct arena *a = j->l->a;
    struct laid *out = j->out;
    if ((!set->all && !set->n_match) || out->n_http >= ROUTES_MAX) return;
    i_http_route *route = arena_alloc(a, sizeof *route);
    istio__networking__v1alpha3__httproute__init(route);
    if (j->from) *route = *j->from;
    route->match = set->match;
    route->n_match = set->n_match;
    bool split = !j->pinned || r->n != 1 || r->v[0].to >= 0;
    if (j->t->n_versions && split) set_destinations(j, r, route);
    if (!j->from && !j->t->n_versions) {
        i_http_destination *d = arena_alloc(a, sizeof *d);
        istio__networking__v1alpha3__httproute_destination__init(d);
        d->destination = destination_new(a, j, NULL, false);
        PUSH(a, route, route, d);
    }
    if (!j->from) route->name = msg_str("default");
    const char *name = route->name && *route->name && j->from ? arena_printf(a, "%s.", route->name) : "";
    if (rule >= 0 && j->t->spec->rules[rule]->name) route->name = arena_printf(a, "%s%s", name, j->t->spec->rules[rule]->name);
    struct overlay_origin o = {
        rule >= 0 ? OVERLAY_RULE : j->pinned ? OVERLAY_PINNED : OVERLAY_SPLIT, j->t->r, j->t->host, rule, fault, j->index, 0
    };
    o.ordered = (j->keep ? 0 : set_fields(j, fault, route)) | (j->t->n_versions ? OVERLAY_DESTINATIONS : 0);
    route_mark m = WEFT__CONFIG__ROUTE_MARK__INIT;
    m.traffic = arena_printf(a, "%s/%s", j->t->r->ns, j->t->r->name);
    m.part = msg_str(part_name(j, rule, fault));
    if (route->n_route > 1) m.hash = (t_attribute *)(uintptr_t)r->hash;
    route_mark_set(a, route, &m);
    PUSH(a, out, http, route);
    PUSH(a, out, http_origin, o);
    out->changed = true;
}

static void problem(const struct job *j, int rule, int fault, const char *why)
{
    vec_push(&j->l->problems, (struct overlay_problem){ j->t->r, rule, fault, j->vs, j->index, why });
}

/* The route once per fault that has conditions, then with the one that has none. */
static void push_faults(const struct job *j, const struct match_set *set, const struct ranges *r, int rule)
{
    const t_spec *s = j->t->spec;
    int fault = -1;
    for (size_t i = 0; !j->keep && i < s->n_faults; i++) {
        if (!s->faults[i]->n_match) {
            fault = (int)i;
            break;
        }
        const char *why = NULL;
        struct match_set m = match_set_and(j->l->a, set, s->faults[i]->match, s->faults[i]->n_match, &why);
        if (why) problem(j, rule, (int)i, why);
        push_route(j, &m, r, rule, (int)i);
    }
    push_route(j, set, r, rule, fault);
}

/* The person's own, as it was. */
static void push_written(struct laying *l, const i_http_route *r, int index, const struct traffic *t, struct laid *out)
{
    struct overlay_origin o = { t ? OVERLAY_PINNED : OVERLAY_WRITTEN, t ? t->r : NULL, t ? t->host : NULL, -1, -1, index, 0 };
    PUSH(l->a, out, http, (i_http_route *)(uintptr_t)r);
    PUSH(l->a, out, http_origin, o);
}

/* The rules from `i` on for what `set` matches; `first`: the rule of users whose share was taken off before, for the origin. */
static void walk(const struct job *j, size_t i, struct match_set set, const struct ranges *taken, int first)
{
    const t_spec *s = j->t->spec;
    for (; i < s->n_rules && j->out->n_http < ROUTES_MAX; i++) {
        const t_rule *rule = s->rules[i];
        int to = version_index(j->t, rule->to);
        if (to < 0 || rule->off) continue;
        const char *why = NULL;
        struct match_set hit = match_set_and(j->l->a, &set, rule->match, rule->n_match, &why);
        if (why) problem(j, (int)i, -1, why);
        struct ranges r = *taken;
        double share = rule->users ? MIN(MAX(rule->users->percent, 0.0), 100.0) / 100 : 1;
        ranges_push(&r, to + BY_RULE, r.end + (WHOLE - r.end) * share);
        if (!rule->users) {
            push_faults(j, &hit, &r, first >= 0 ? first : (int)i);
        } else {
            r.hash = rule->users->by;
            if (hit.all || hit.n_match) walk(j, i + 1, hit, &r, first >= 0 ? first : (int)i);
        }
        if (!rule->n_match) return; /* nobody is left */
    }
    if (j->pinned && first < 0) {
        push_written(j->l, j->from, j->index, j->t, j->out);
        return;
    }
    struct ranges r = *taken;
    ranges_finish(j, &r);
    if (!r.hash) r.hash = s->sticky;
    struct job end = *j;
    end.keep = j->pinned;
    push_faults(&end, &set, &r, first);
}

/* ---- which routes ---- */

/* The Traffic of the one host that all destinations lead to, on one port; NULL: none. */
static const struct traffic *traffic_of(struct laying *l, const char *ns, const i_destination *const *d, size_t n)
{
    if (n == 0) return NULL;
    const struct traffic *t = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!d[i] || !d[i]->host) return NULL;
        const struct traffic *x = map_get(&l->by_host, str_of(name_host(l->a, d[i]->host, ns, l->domain)));
        uint32_t p = d[0]->port ? d[0]->port->number : 0, q = d[i]->port ? d[i]->port->number : 0;
        if (!x || (t && x != t) || p != q) return NULL;
        t = x;
    }
    return t;
}

#define TRAFFIC_OF(l, ns, r)                                                                                                               \
    ({                                                                                                                                     \
        const i_destination **d_ = arena_alloc((l)->a, ((r)->n_route + 1) * sizeof *d_);                                                   \
        for (size_t i_ = 0; i_ < (r)->n_route; i_++) d_[i_] = (r)->route[i_]->destination;                                                 \
        traffic_of((l), (ns), d_, (r)->n_route);                                                                                           \
    })

void lay_http(struct laying *l, const struct resource *vs, const i_http_route *route, int index, struct laid *out)
{
    const struct traffic *t = route->redirect || route->direct_response || route->delegate ? NULL : TRAFFIC_OF(l, vs->ns, route);
    if (!t || !t->orders) {
        push_written(l, route, index, NULL, out);
        return;
    }
    struct match_set set = match_set_of(route);
    struct ranges none = { .n = 0 };
    struct job j = { l, t, vs, route, index, match_set_pins(&set), false, out };
    walk(&j, 0, set, &none, -1);
}

void lay_tcp(struct laying *l, const struct resource *vs, const i_tcp_route *route, int index, struct laid *out)
{
    const struct traffic *t = TRAFFIC_OF(l, vs->ns, route);
    struct overlay_origin o = { OVERLAY_WRITTEN, NULL, NULL, -1, -1, index, 0 };
    i_tcp_route *r = (i_tcp_route *)(uintptr_t)route;
    if (t && t->n_versions) {
        r = arena_alloc(l->a, sizeof *r);
        *r = *route;
        r->route = NULL;
        r->n_route = 0;
        for (size_t i = t->n_versions; i-- > 0;) {
            if (!t->share[i]) continue;
            i_tcp_destination *d = arena_alloc(l->a, sizeof *d);
            istio__networking__v1alpha3__route_destination__init(d);
            d->destination = arena_alloc(l->a, sizeof *d->destination);
            *d->destination = *route->route[0]->destination;
            d->destination->subset = msg_str(version_subset(l->a, t->spec->versions[i], false));
            SET(d, weight, (int32_t)t->share[i]);
            PUSH(l->a, r, route, d);
        }
        if (r->n_route == 1) r->route[0]->has_weight = 0, r->route[0]->weight = 0;
        o = (struct overlay_origin){ OVERLAY_SPLIT, t->r, t->host, -1, -1, index, OVERLAY_DESTINATIONS };
        out->changed = true;
    }
    PUSH(l->a, out, tcp, r);
    PUSH(l->a, out, tcp_origin, o);
}

void lay_made(struct laying *l, const struct traffic *t, struct laid *out)
{
    struct ranges none = { .n = 0 };
    struct match_set all = { .all = true };
    struct job j = { l, t, NULL, NULL, -1, false, false, out };
    walk(&j, 0, all, &none, -1);
    if (!t->n_versions) return;
    i_tcp_route one;
    i_tcp_destination d;
    i_tcp_destination *list[] = { &d };
    istio__networking__v1alpha3__tcproute__init(&one);
    istio__networking__v1alpha3__route_destination__init(&d);
    d.destination = destination_new(l->a, &j, NULL, false);
    one.route = list;
    one.n_route = 1;
    lay_tcp(l, t->r, &one, -1, out);
}
