/* Admission rules of Traffic: what can be said of one object. What needs others (its service, its pods, people's routes) is analysis'. */
#include "config/validate_weft.h"

#include "config/syntax.h"

#include <math.h>

static bool is_version(const W(TrafficSpec) * s, const char *name)
{
    for (size_t i = 0; i < s->n_versions; i++)
        if (s->versions[i]->name && strcmp(s->versions[i]->name, name) == 0) return true;
    return false;
}

static void version_ref(struct check *c, const W(TrafficSpec) * s, char *const *slot, const char *path)
{
    if (!*slot || !**slot) {
        check_error(c, NULL, "%s: is missing", path);
        return;
    }
    if (is_version(s, *slot)) return;
    struct err *e = check_error(c, slot, "%s: there is no version \"%.63s\"", path, *slot);
    err_hint(e, "%s", s->n_versions ? "versions lists those that there are" : "list the service's versions in versions");
}

static void split(struct check *c, const W(TrafficSpec) * s)
{
    char at[100];
    double sum = 0;
    bool bad = false;
    for (size_t i = 0; i < s->n_split; i++) {
        snprintf(at, sizeof at, "spec.split.%.63s", s->split[i]->key);
        size_t before = c->errors->n;
        struct err_at old = check_enter(c, &s->split[i]);
        if (!is_version(s, s->split[i]->key)) version_ref(c, s, &s->split[i]->key, at);
        check_percent(c, &s->split[i]->value, 0, at);
        check_leave(c, old);
        sum += s->split[i]->value;
        bad = bad || c->errors->n != before;
    }
    if (s->n_split && !bad && fabs(sum - 100) > 1e-6)
        err_hint(check_error(c, &s->split, "spec.split: the shares add up to %g, not to 100", sum), "%s",
                 sum < 100 ? "give the rest to a version" : "take something from a version");
}

static bool same_text(const char *x, const char *y) { return strcmp(x ? x : "", y ? y : "") == 0; }

static bool same_attribute(const W(Attribute) * x, const W(Attribute) * y)
{
    const char *hx = x->header ? x->header : x->metadata, *hy = y->header ? y->header : y->metadata;
    return strcasecmp(hx ? hx : "", hy ? hy : "") == 0 && same_text(x->cookie, y->cookie) && same_text(x->query, y->query);
}

/* A route's weights can be chosen by one attribute only. */
static void one_attribute(struct check *c, const W(TrafficSpec) * s)
{
    const W(Attribute) *first = s->sticky;
    char at[80];
    size_t n = 0;
    for (size_t i = 0; i < s->n_rules; i++) {
        const W(Users) *u = s->rules[i]->users;
        if (!u || !u->by) continue;
        snprintf(at, sizeof at, "spec.rules[%zu].users", i);
        if (++n == 5) check_error(c, &s->rules[i]->users, "%s: at most 4 rules may have users", at);
        if (first && !same_attribute(first, u->by))
            err_hint(
                check_error(c, &u->by, "%s.by: another attribute than %s", at, first == s->sticky ? "spec.sticky" : "an earlier rule's"),
                "users are told apart by one attribute of a service");
        if (!first) first = u->by;
    }
}

static void rules(struct check *c, const W(TrafficSpec) * s)
{
    char at[80];
    check_max(c, &s->rules, s->n_rules, 50, "spec.rules");
    for (size_t i = 0; i < s->n_rules && i < 50; i++) {
        const W(Rule) *r = s->rules[i];
        struct err_at old = check_enter(c, &s->rules[i]);
        snprintf(at, sizeof at, "spec.rules[%zu].name", i);
        if (r->name) check_name(c, &r->name, at);
        for (size_t k = 0; k < i && r->name; k++)
            if (same_text(s->rules[k]->name, r->name)) check_error(c, &r->name, "%s: \"%.63s\" is there already", at, r->name);
        snprintf(at, sizeof at, "spec.rules[%zu].match", i);
        check_conditions(c, r->match, r->n_match, at);
        snprintf(at, sizeof at, "spec.rules[%zu].users", i);
        check_users(c, &r->users, at);
        snprintf(at, sizeof at, "spec.rules[%zu].to", i);
        version_ref(c, s, &r->to, at);
        if (!r->n_match && !r->users && !r->off && i + 1 < s->n_rules)
            check_warn(c, NULL, "spec.rules[%zu]: it has no match, so the rules behind it are never reached", i);
        check_leave(c, old);
    }
    one_attribute(c, s);
}

static void retries(struct check *c, const W(TrafficSpec) * s)
{
    const W(Retries) *r = s->retries;
    char at[80];
    if (!r) return;
    struct err_at old = check_enter(c, &s->retries);
    if (!r->has_attempts)
        check_error(c, NULL, "spec.retries.attempts: is missing");
    else if (r->attempts > 10)
        check_error(c, &r->attempts, "spec.retries.attempts: %u is too many, at most 10", r->attempts);
    check_duration(c, &r->per_try_timeout, r->per_try_timeout, false, "spec.retries.perTryTimeout");
    check_max(c, &r->on, r->n_on, 20, "spec.retries.on");
    for (size_t i = 0; i < r->n_on && i < 20; i++) {
        snprintf(at, sizeof at, "spec.retries.on[%zu]", i);
        check_retry_condition(c, &r->on[i], str_of(r->on[i]), at);
    }
    check_leave(c, old);
}

static void fault(struct check *c, const W(TrafficSpec) * s, size_t i)
{
    const W(Fault) *f = s->faults[i];
    char at[80];
    snprintf(at, sizeof at, "spec.faults[%zu].match", i);
    check_conditions(c, f->match, f->n_match, at);
    snprintf(at, sizeof at, "spec.faults[%zu].percent", i);
    if (f->has_percent) check_percent(c, &f->percent, 0.005, at);
    snprintf(at, sizeof at, "spec.faults[%zu].delay", i);
    check_duration(c, &f->delay, f->delay, false, at);
    if (f->has_http_status && (f->http_status < 200 || f->http_status > 599))
        check_error(c, &f->http_status, "spec.faults[%zu].httpStatus: %u is no status, expected 200 to 599", i, f->http_status);
    if (f->grpc_status && !grpc_status_known(f->grpc_status))
        err_hint(check_error(c, &f->grpc_status, "spec.faults[%zu].grpcStatus: \"%.60s\" is no gRPC status", i, f->grpc_status),
                 "write it like UNAVAILABLE");
    if (f->has_http_status && f->grpc_status)
        check_error(c, &f->grpc_status, "spec.faults[%zu].grpcStatus: there is httpStatus already; a request ends in one way", i);
    if (!f->delay && !f->has_http_status && !f->grpc_status)
        check_error(c, NULL, "spec.faults[%zu]: one of delay, httpStatus and grpcStatus is needed", i);
    if (!f->until) check_warn(c, NULL, "spec.faults[%zu].until: is missing, so the fault stays until somebody takes it out", i);
    if (!f->n_match && i + 1 < s->n_faults)
        err_hint(check_error(c, NULL, "spec.faults[%zu]: it has no match, so the faults behind it are never reached", i), "put it last");
}

static void faults(struct check *c, const W(TrafficSpec) * s)
{
    check_max(c, &s->faults, s->n_faults, 10, "spec.faults");
    for (size_t i = 0; i < s->n_faults && i < 10; i++) {
        struct err_at old = check_enter(c, &s->faults[i]);
        fault(c, s, i);
        check_leave(c, old);
    }
}

void validate_traffic(struct check *c)
{
    const W(TrafficSpec) *s = ((const W(Traffic) *)c->r->msg)->spec;
    struct str host = str_of(s->host);
    if (s->host && (!is_host(host) || is_wildcard_host(host))) check_error(c, &s->host, "spec.host: \"%.100s\" is no host name", s->host);
    check_versions(c, s->versions, s->n_versions, "spec.versions");
    rules(c, s);
    split(c, s);
    if (s->sticky) check_attribute(c, &s->sticky, "spec.sticky");
    check_duration(c, &s->timeout, s->timeout, true, "spec.timeout");
    retries(c, s);
    faults(c, s);
    if (!s->mirror) return;
    struct err_at old = check_enter(c, &s->mirror);
    version_ref(c, s, &s->mirror->to, "spec.mirror.to");
    if (s->mirror->has_percent) check_percent(c, &s->mirror->percent, 0, "spec.mirror.percent");
    check_leave(c, old);
}
