#include "api/platform/sentence.h"

#include "api/platform/versions.h"

#include <math.h>

static json_t *number(double v) { return json_real(v); }

static void add_fact(json_t *facts, json_t *fact)
{
    if (facts)
        json_array_append_new(facts, fact);
    else
        json_decref(fact);
}

static void say(json_t *sentences, const struct buf *b)
{
    struct str s = buf_str(b);
    json_t *j = json_stringn(s.p ? s.p : "", s.n);
    json_array_append_new(sentences, j ? j : json_string("?"));
}

static const char *pct(double v, char *buf, size_t n) { return model_number(v, buf, n); }

/* ---- parts ---- */

static void attribute(const WD(Attribute) * a, struct buf *out)
{
    if (!a) return (void)buf_puts(out, "the request");
    if (a->metadata) return (void)buf_printf(out, "gRPC metadata %s", a->metadata);
    if (a->cookie) return (void)buf_printf(out, "cookie %s", a->cookie);
    if (a->query) return (void)buf_printf(out, "query parameter %s", a->query);
    buf_printf(out, "header %s", a->header ? a->header : "?");
}

static void condition(const TrafficCondition *c, struct buf *out)
{
    WD(Attribute) a = { .header = c->header, .metadata = c->metadata, .cookie = c->cookie, .query = c->query };
    bool no = c->has_not_ && c->not_;
    if (!c->exact && !c->prefix && !c->regex) {
        bool present = !(c->has_present && !c->present);
        if (no ? present : !present) buf_puts(out, "no ");
        return attribute(&a, out);
    }
    attribute(&a, out);
    if (c->exact)
        buf_printf(out, no ? " other than %s" : ": %s", c->exact);
    else if (c->prefix)
        buf_printf(out, no ? " not beginning with %s" : " beginning with %s", c->prefix);
    else
        buf_printf(out, no ? " not like %s" : " like %s", c->regex);
}

void sentence_match(TrafficCondition *const *c, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i) buf_puts(out, i + 1 == n ? " and " : ", ");
        condition(c[i], out);
    }
}

static void rule_who(const WD(Rule) * r, struct buf *out)
{
    char p[32];
    if (r->users) {
        buf_printf(out, "%s %% of users by ", pct(r->users->percent, p, sizeof p));
        attribute(r->users->by, out);
        if (r->n_match) buf_puts(out, ", of requests with ");
    } else {
        buf_puts(out, r->n_match ? "requests with " : "all requests");
    }
    sentence_match(r->match, r->n_match, out);
}

static json_t *with_code(const char *code, const ProtobufCMessage *m)
{
    json_t *j = m ? model_json(m) : json_object();
    if (!json_is_object(j)) {
        json_decref(j);
        j = json_object();
    }
    json_object_set_new(j, "code", json_string(code));
    return j;
}

static void fault_what(const WD(Fault) * f, struct buf *out)
{
    char span[40], p[32];
    buf_printf(out, "%s %% of ", pct(f->has_percent ? f->percent : 100, p, sizeof p));
    buf_puts(out, f->n_match ? "requests with " : "requests");
    sentence_match(f->match, f->n_match, out);
    if (f->delay) buf_printf(out, " are delayed by %s", model_span(model_ms(f->delay, 0), span, sizeof span));
    if (f->delay && (f->has_http_status || f->grpc_status)) buf_puts(out, " and");
    if (f->grpc_status)
        buf_printf(out, " are answered %s", f->grpc_status);
    else if (f->has_http_status)
        buf_printf(out, " are answered %u", f->http_status);
    if (f->until) {
        char t[48];
        buf_printf(out, " until %s", pb_time_text(f->until->seconds, 0, t, sizeof t));
    }
}

static void retries_what(const WD(Retries) * r, struct buf *out)
{
    char span[40];
    buf_printf(out, "%u %s", r->attempts, r->attempts == 1 ? "retry" : "retries");
    if (r->per_try_timeout) buf_printf(out, " of at most %s each", model_span(model_ms(r->per_try_timeout, 0), span, sizeof span));
    for (size_t i = 0; i < r->n_on; i++) buf_printf(out, "%s%s", i ? ", " : " on ", r->on[i]);
}

/* ---- the state ---- */

static void shares(const TrafficSpec *s, json_t *facts, struct buf *out)
{
    json_t *list = json_array();
    size_t some = 0;
    const char *last = "?";
    char p[32];
    for (size_t i = 0; i < s->n_versions; i++) {
        const char *name = s->versions[i]->name ? s->versions[i]->name : "?";
        double w = versions_weight(s, name);
        if (w <= 0) continue;
        if (some++ == 0)
            buf_printf(out, "%s gets %s %% of requests", name, pct(w, p, sizeof p));
        else
            buf_printf(out, ", %s %s %%", name, pct(w, p, sizeof p));
        last = name;
        json_array_append_new(list, json_pack("{s:s, s:o}", "version", name, "weight", number(w)));
    }
    if (some == 1) {
        buf_clear(out);
        buf_printf(out, "%s answers all requests", last);
        add_fact(facts, json_pack("{s:s, s:s}", "code", "all", "version", last));
        json_decref(list);
    } else {
        add_fact(facts, json_pack("{s:s, s:o}", "code", "split", "shares", list));
    }
    if (s->sticky) {
        buf_puts(out, ", users kept apart by ");
        attribute(s->sticky, out);
        add_fact(facts, json_pack("{s:s, s:o}", "code", "sticky", "by", model_json(&s->sticky->base)));
    }
}

/* "requests with ..." at the beginning of a sentence. */
static void capital(struct buf *b, size_t at)
{
    char *p = buf_data(b);
    if (p && at < b->len && p[at] >= 'a' && p[at] <= 'z') p[at] = (char)(p[at] - 32);
}

void sentence_state(const TrafficSpec *s, json_t *facts, struct buf *out)
{
    char span[40], p[32];
    struct buf b = { 0 };
    shares(s, facts, &b);
    buf_str_append(out, buf_str(&b));
    buf_free(&b);
    for (size_t i = 0; i < s->n_rules; i++) {
        const WD(Rule) *r = s->rules[i];
        add_fact(facts, with_code("rule", &r->base));
        if (r->has_off && r->off) continue;
        buf_puts(out, ". ");
        size_t at = out->len;
        rule_who(r, out);
        capital(out, at);
        buf_printf(out, " go to %s", r->to ? r->to : "?");
    }
    if (s->timeout) {
        int64_t ms = model_ms(s->timeout, 0);
        buf_printf(out, ". A request may take %s", model_span(ms, span, sizeof span));
        add_fact(facts, json_pack("{s:s, s:I}", "code", "timeout", "ms", (json_int_t)ms));
    }
    if (s->retries) {
        buf_puts(out, ". ");
        retries_what(s->retries, out);
        add_fact(facts, with_code("retries", &s->retries->base));
    }
    for (size_t i = 0; i < s->n_faults; i++) {
        buf_puts(out, ". Fault: ");
        fault_what(s->faults[i], out);
        add_fact(facts, with_code("fault", &s->faults[i]->base));
    }
    if (s->mirror) {
        buf_printf(out, ". %s gets a copy of %s %% of requests", s->mirror->to ? s->mirror->to : "?",
                   pct(s->mirror->has_percent ? s->mirror->percent : 100, p, sizeof p));
        add_fact(facts, with_code("mirror", &s->mirror->base));
    }
    buf_puts(out, ".");
}

/* ---- a change ---- */

static bool same(const ProtobufCMessage *a, const ProtobufCMessage *b) { return a && b ? pb_equal(a, b) : a == b; }

static void weights(const TrafficSpec *b, const TrafficSpec *a, json_t *facts, json_t *sentences)
{
    struct buf out = { 0 };
    char from[32], to[32];
    size_t n = 0, changed = 0;
    for (size_t i = 0; i < a->n_versions; i++) {
        const char *v = a->versions[i]->name;
        changed += v && fabs(versions_weight(a, v) - versions_weight(b, v)) > 0.0001;
    }
    for (size_t i = 0; i < a->n_versions && changed; i++) {
        const char *v = a->versions[i]->name;
        double x = v ? versions_weight(b, v) : 0, y = v ? versions_weight(a, v) : 0;
        if (!v || fabs(x - y) < 0.0001) continue;
        bool stable = i == 0;
        add_fact(facts, json_pack("{s:s, s:s, s:o, s:o, s:b}", "code", "weight", "version", v, "from", number(x), "to", number(y), "stable",
                                  stable));
        if (stable && changed > 1) continue; /* what the others get, it loses */
        buf_printf(&out, n++ ? ", %s %s %% instead of %s %%" : "%s gets %s %% instead of %s %%", v, pct(y, to, sizeof to),
                   pct(x, from, sizeof from));
    }
    if (n) {
        buf_printf(&out, " of %srequests", a->n_rules ? "everyone else\xe2\x80\x99s " : "");
        say(sentences, &out);
    }
    buf_free(&out);
}

static const WD(Rule) * rule_like(const TrafficSpec *s, const WD(Rule) * r)
{
    for (size_t i = 0; s && i < s->n_rules; i++) {
        const WD(Rule) *x = s->rules[i];
        if (r->name && r->name[0] && x->name && strcmp(r->name, x->name) == 0) return x;
    }
    for (size_t i = 0; s && i < s->n_rules; i++) {
        WD(Rule) x = *s->rules[i], y = *r;
        x.has_off = y.has_off = x.off = y.off = false;
        x.name = y.name = NULL;
        if (pb_equal(&x.base, &y.base)) return s->rules[i];
    }
    return NULL;
}

static void one_rule(const char *code, const char *before, const WD(Rule) * r, const char *after, json_t *facts, json_t *sentences)
{
    struct buf b = { 0 };
    buf_puts(&b, before);
    rule_who(r, &b);
    if (!before[0]) capital(&b, 0);
    buf_printf(&b, after, r->to ? r->to : "?");
    say(sentences, &b);
    add_fact(facts, with_code(code, &r->base));
    buf_free(&b);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void rules(const TrafficSpec *b, const TrafficSpec *a, json_t *facts, json_t *sentences)
{
    bool same_set = a->n_rules == b->n_rules;
    for (size_t i = 0; i < a->n_rules; i++) {
        const WD(Rule) *r = a->rules[i], *old = rule_like(b, r);
        bool off = r->has_off && r->off, was_off = old && old->has_off && old->off;
        if (!old) {
            same_set = false;
            one_rule("rule-added", "", r, off ? " would go to %s (switched off)" : " go to %s", facts, sentences);
        } else if (off != was_off) {
            one_rule(off ? "rule-off" : "rule-on", "", r, off ? " no longer go to %s" : " go to %s", facts, sentences);
        } else if (!pb_equal(&r->base, &old->base)) {
            one_rule("rule-changed", "", r, " now go to %s", facts, sentences);
        }
    }
    for (size_t i = 0; i < b->n_rules; i++) {
        if (rule_like(a, b->rules[i])) continue;
        same_set = false;
        one_rule("rule-removed", "", b->rules[i], " no longer go to %s", facts, sentences);
    }
    for (size_t i = 0; same_set && i < a->n_rules; i++) {
        if (rule_like(b, a->rules[i]) == b->rules[i]) continue;
        json_array_append_new(sentences, json_string("The rules are tried in another order"));
        add_fact(facts, json_pack("{s:s}", "code", "rules-reordered"));
        break;
    }
}
#pragma GCC diagnostic pop

static void timeouts(const TrafficSpec *b, const TrafficSpec *a, json_t *facts, json_t *sentences)
{
    if (same((ProtobufCMessage *)b->timeout, (ProtobufCMessage *)a->timeout)) return;
    char x[40], y[40];
    struct buf out = { 0 };
    int64_t from = model_ms(b->timeout, -1), to = model_ms(a->timeout, -1);
    if (to < 0)
        buf_printf(&out, "The limit of %s on a request is removed", model_span(from, x, sizeof x));
    else if (from < 0)
        buf_printf(&out, "A request may take %s", model_span(to, y, sizeof y));
    else
        buf_printf(&out, "A request may take %s instead of %s", model_span(to, y, sizeof y), model_span(from, x, sizeof x));
    say(sentences, &out);
    buf_free(&out);
    add_fact(facts, json_pack("{s:s, s:o, s:o}", "code", "timeout", "from", from < 0 ? json_null() : json_integer(from), "to",
                              to < 0 ? json_null() : json_integer(to)));
}

static void retries(const TrafficSpec *b, const TrafficSpec *a, json_t *facts, json_t *sentences)
{
    if (same((ProtobufCMessage *)b->retries, (ProtobufCMessage *)a->retries)) return;
    struct buf out = { 0 };
    if (a->retries)
        retries_what(a->retries, &out);
    else
        buf_puts(&out, "The retries set here are removed");
    say(sentences, &out);
    buf_free(&out);
    add_fact(facts, with_code(a->retries ? "retries-set" : "retries-removed", a->retries ? &a->retries->base : &b->retries->base));
}

static bool has_fault(const TrafficSpec *s, const WD(Fault) * f)
{
    for (size_t i = 0; i < s->n_faults; i++)
        if (pb_equal(&s->faults[i]->base, &f->base)) return true;
    return false;
}

static void faults(const TrafficSpec *b, const TrafficSpec *a, json_t *facts, json_t *sentences)
{
    for (int side = 0; side < 2; side++) {
        const TrafficSpec *x = side ? b : a, *y = side ? a : b;
        for (size_t i = 0; i < x->n_faults; i++) {
            struct buf out = { 0 };
            if (has_fault(y, x->faults[i])) continue;
            buf_puts(&out, side ? "No longer: " : "");
            fault_what(x->faults[i], &out);
            say(sentences, &out);
            buf_free(&out);
            add_fact(facts, with_code(side ? "fault-removed" : "fault-added", &x->faults[i]->base));
        }
    }
}

static void mirror_and_sticky(const TrafficSpec *b, const TrafficSpec *a, json_t *facts, json_t *sentences)
{
    struct buf out = { 0 };
    char p[32];
    if (!same((ProtobufCMessage *)b->mirror, (ProtobufCMessage *)a->mirror)) {
        const WD(Mirror) *m = a->mirror ? a->mirror : b->mirror;
        if (a->mirror)
            buf_printf(&out, "%s gets a copy of %s %% of requests; its answers to them are thrown away", m->to ? m->to : "?",
                       pct(m->has_percent ? m->percent : 100, p, sizeof p));
        else
            buf_printf(&out, "%s gets no copies of requests any more", m->to ? m->to : "?");
        say(sentences, &out);
        add_fact(facts, with_code(a->mirror ? "mirror-set" : "mirror-removed", &m->base));
        buf_clear(&out);
    }
    if (!same((ProtobufCMessage *)b->sticky, (ProtobufCMessage *)a->sticky)) {
        if (a->sticky) {
            buf_puts(&out, "Users stay on their version, told apart by ");
            attribute(a->sticky, &out);
        } else {
            buf_puts(&out, "Users may change between versions from request to request");
        }
        say(sentences, &out);
        add_fact(facts, json_pack("{s:s, s:o}", "code", a->sticky ? "sticky-set" : "sticky-removed", "by",
                                  model_json(a->sticky ? &a->sticky->base : &b->sticky->base)));
    }
    buf_free(&out);
}

static bool has_version(const TrafficSpec *s, const char *name)
{
    for (size_t i = 0; i < s->n_versions; i++)
        if (s->versions[i]->name && strcmp(s->versions[i]->name, name) == 0) return true;
    return false;
}

static void versions(const TrafficSpec *b, const TrafficSpec *a, json_t *facts, json_t *sentences)
{
    for (int side = 0; side < 2; side++) {
        const TrafficSpec *x = side ? b : a, *y = side ? a : b;
        for (size_t i = 0; i < x->n_versions; i++) {
            const char *v = x->versions[i]->name;
            if (!v || has_version(y, v)) continue;
            struct buf out = { 0 };
            buf_printf(&out, side ? "%s is no version of the service any more" : "%s is a version of the service", v);
            say(sentences, &out);
            buf_free(&out);
            add_fact(facts, json_pack("{s:s, s:s}", "code", side ? "version-removed" : "version-added", "version", v));
        }
    }
}

/* The first version is the stable one. */
static void stable(const TrafficSpec *b, const TrafficSpec *a, json_t *facts, json_t *sentences)
{
    const char *x = b->n_versions ? b->versions[0]->name : NULL, *y = a->n_versions ? a->versions[0]->name : NULL;
    struct buf out = { 0 };
    if (!x || !y || strcmp(x, y) == 0) return;
    buf_printf(&out, "%s is the stable version now", y);
    say(sentences, &out);
    buf_free(&out);
    add_fact(facts, json_pack("{s:s, s:s, s:s}", "code", "stable", "from", x, "to", y));
}

void sentence_change(const TrafficSpec *before, const TrafficSpec *after, json_t *facts, json_t *sentences)
{
    static const TrafficSpec nothing = WEFT__DEV__V1ALPHA1__TRAFFIC_SPEC__INIT;
    if (!after) {
        json_array_append_new(
            sentences,
            json_string(before ? "What the platform orders is removed; the mesh\xe2\x80\x99s own configuration holds" : "Nothing changes"));
        return add_fact(facts, json_pack("{s:s}", "code", before ? "removed" : "none"));
    }
    const TrafficSpec *b = before ? before : &nothing;
    weights(b, after, facts, sentences);
    rules(b, after, facts, sentences);
    timeouts(b, after, facts, sentences);
    retries(b, after, facts, sentences);
    faults(b, after, facts, sentences);
    mirror_and_sticky(b, after, facts, sentences);
    if (before && before->n_versions) versions(before, after, facts, sentences);
    if (before) stable(before, after, facts, sentences);
    if (json_array_size(sentences)) return;
    json_array_append_new(sentences, json_string("Nothing changes"));
    add_fact(facts, json_pack("{s:s}", "code", "none"));
}

void sentence_join(const json_t *sentences, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(sentences); i++)
        buf_printf(out, "%s%s.", i ? " " : "", json_string_value(json_array_get(sentences, i)));
}
