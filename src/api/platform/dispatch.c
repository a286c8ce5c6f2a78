/* From a call to its handler: who, which row, which right, which body. What a handler may rely on is made sure here. */
#include "api/platform/answers.h"
#include "api/platform/people.h"
#include "api/platform/preq.h"
#include "api/platform/shape.h"
#include "base/log.h"
#include "base/rng.h"

#include "weft.dev.v1alpha1.pb-c.h"

/* ---- the request's id ---- */

static bool sane_id(struct str s)
{
    bool ok = s.n >= 1 && s.n <= 64;
    for (size_t i = 0; ok && i < s.n; i++) {
        char c = s.p[i], low = (char)(c | 0x20);
        ok = (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z') || c == '-' || c == '_' || c == '.';
    }
    return ok;
}

static void name_request(struct preq *q)
{
    static _Thread_local struct rng rng;
    static _Thread_local bool seeded;
    struct str given = call_header(q->call, "x-request-id");
    if (!seeded) rng_seed(&rng), seeded = true;
    q->id = sane_id(given) ? given : str_of(arena_printf(q->arena, "%016" PRIx64, rng_u64(&rng)));
    call_set(q->call, "X-Request-Id", q->id);
}

/* ---- the way ---- */

static bool find_route(struct preq *q)
{
    char allowed[64];
    struct call *c = q->call;
    struct str method = str_eqc(c->method, "HEAD") ? STR("GET") : c->method;
    size_t n = c->n_segments;
    if (n > 2 && !c->segments[n - 1].n) n--; /* "/projects/" */
    if (n > 2) q->route = route_find(method, c->segments + 2, n - 2, q->values, allowed);
    if (q->route) {
        c->route = str_of(q->route->path);
        return true;
    }
    if (n > 2 && allowed[0]) {
        preq_set(q, "Allow", allowed);
        problem(q, 405, "method", "%.*s is not possible here, only %s", (int)MIN(method.n, (size_t)20), method.p, allowed);
    } else {
        problem(q, 404, "no-such-call", "there is no such call; /weft/v1/docs lists all of them");
    }
    return false;
}

static bool reads(const struct preq *q) { return str_eqc(q->call->method, "GET") || str_eqc(q->call->method, "HEAD"); }

/* Who, and whether the browser was not led here by somebody else's page. */
static bool admit(struct preq *q)
{
    if (!people_identify(platform_people(q->p), q)) return false;
    if (q->route->need != NEED_NOBODY && !q->who.known) {
        problem(q, 401, "not-signed-in", "sign in first, or send a token (Authorization: Bearer ...)");
        return false;
    }
    if (!reads(q) && q->who.known && q->who.ambient && !people_csrf_fits(platform_people(q->p), q)) {
        problem(q, 403, "csrf", "the header X-Weft-Csrf is missing or old; its value is in GET /weft/v1/session");
        return false;
    }
    return true;
}

/* ---- project and service ---- */

static bool no_project(struct preq *q, struct str name)
{
    problem(q, 404, "no-project", "there is no project %.*s that you may see", (int)MIN(name.n, (size_t)100), name.p);
    return false;
}

static void environment_of(struct preq *q)
{
    const Weft__Dev__V1alpha1__ProjectSpec *spec = ((const Weft__Dev__V1alpha1__Project *)q->project->msg)->spec;
    for (size_t i = 0; spec && i < spec->n_environments; i++) {
        const Weft__Dev__V1alpha1__Environment *env = spec->environments[i];
        if (!env->namespace_ || !str_eqc(q->service_ns, env->namespace_)) continue;
        q->environment = str_of(env->name);
        q->protected_ = env->protected_;
        return;
    }
}

/* {s}: NAME or NAME.NAMESPACE among the project's services; a bare name is the one of the first environment that has it. */
static bool find_service(struct preq *q, struct str id)
{
    struct str ns = id, name = str_cut(&ns, '.');
    const Weft__Dev__V1alpha1__ProjectSpec *spec = ((const Weft__Dev__V1alpha1__Project *)q->project->msg)->spec;
    const Weft__Dev__V1alpha1__OwnedService *found = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; spec && i < spec->n_services; i++) {
        const Weft__Dev__V1alpha1__OwnedService *s = spec->services[i];
        if (!str_eqc(name, s->name) || (ns.n && !str_eqc(ns, s->namespace_))) continue;
        size_t rank = 0;
        while (rank < spec->n_environments && strcmp(spec->environments[rank]->namespace_, s->namespace_) != 0) rank++;
        if (rank < best || !found) found = s, best = rank;
    }
    if (found) name = arena_str(q->arena, str_of(found->name)), ns = arena_str(q->arena, str_of(found->namespace_));
    q->service = name;
    q->service_ns = ns.p ? ns : STR("");
    environment_of(q);
    if (q->environment.p) q->environment = arena_str(q->arena, q->environment);
    if (found || (q->route->flags & ROUTE_UNOWNED)) return true;
    problem(q, 404, "no-service", "project %s has no service %.*s", q->project->name, (int)MIN(id.n, (size_t)100), id.p);
    return false;
}

/* The rights of the row. A project that one may not see is not there. */
static bool authorise(struct preq *q)
{
    const struct proute *r = q->route;
    struct str in_path = preq_value(q, 'p'), asked = r->flags & ROUTE_QUERY_PROJECT ? preq_query(q, "project") : (struct str){ 0 };
    struct str name = in_path.n ? in_path : asked, service = preq_value(q, 's');
    if (name.n) {
        q->project = platform_project(q->p, name);
        if (!q->project || !who_rights(&q->who, q->project, false)) return no_project(q, name);
    } else if (r->need == NEED_RIGHT) {
        problem(q, 400, "invalid-query", "?project= is missing");
        return false;
    }
    q->rights = who_rights(&q->who, q->project, false);
    if (service.n && (r->flags & ROUTE_UNOWNED || preq_may(q, RIGHT_READ) || preq_may(q, RIGHT_RELEASE_READ))) {
        if (!find_service(q, service)) return false;
        q->rights = who_rights(&q->who, q->project, q->protected_);
    }
    if (r->need == NEED_RIGHT || name.n) {
        if (preq_may(q, r->right)) return true;
        problem_right(q, r->right);
        return false;
    }
    if (r->need == NEED_PERSON && q->who.token_id.n) {
        problem_with(q, 403, "person-needed", json_pack("{s:s}", "who", "people"), "a token cannot do this; a person must");
        return false;
    }
    if (r->need == NEED_OPERATOR && !q->who.operator_ && !q->who.single) {
        problem_with(q, 403, "operator-needed", json_pack("{s:s, s:s}", "right", "operator", "who", "operators"),
                     "only operators can do this");
        return false;
    }
    return true;
}

/* ---- query and body ---- */

static bool known_query(struct preq *q, struct str key)
{
    struct str words = q->route->query ? str_of(q->route->query) : (struct str){ 0 };
    while (words.p && words.n)
        if (str_eq(str_cut(&words, ' '), key)) return true;
    if (q->route->flags & ROUTE_QUERY_PROJECT && str_eqc(key, "project")) return true;
    return q->route->flags & ROUTE_PAGED && (str_eqc(key, "limit") || str_eqc(key, "after"));
}

static bool check_query(struct preq *q)
{
    for (struct str rest = q->call->query; rest.p && rest.n;) {
        struct str pair = str_cut(&rest, '&'), key = str_cut(&pair, '=');
        if (!key.n || known_query(q, key)) continue;
        problem(q, 400, "invalid-query", "unknown query parameter \"%.*s\"", (int)MIN(key.n, (size_t)60), key.p);
        return false;
    }
    return true;
}

static bool parse(struct preq *q)
{
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    bool ok = tree_read_json(q->body_text, "body", q->arena, &docs, &errs) == 0 && docs.n == 1;
    if (ok) {
        q->body = docs.v[0];
        ok = shape_check(shape_find(q->route->body), q->body, q->arena, &errs);
    } else if (!errs.n) {
        errs_add(&errs, (struct err_at){ "body", 1, 1 }, -EINVAL, "the body must be one JSON object");
    }
    if (!ok) problem_errs(q, 400, "invalid-body", &errs);
    vec_free(&docs);
    errs_free(&errs);
    return ok;
}

static bool read_body(struct preq *q)
{
    struct call *c = q->call;
    struct str text = str_trim(c->body);
    q->idempotency = q->route->flags & ROUTE_CREATES ? call_header(c, "idempotency-key") : (struct str){ 0 };
    if (q->idempotency.n > 200) return problem(q, 400, "idempotency-key", "Idempotency-Key is longer than 200 bytes"), false;
    if (!q->route->body) {
        if (!text.n || str_eqc(text, "{}")) return true;
        problem(q, 400, "invalid-body", "this call takes no body");
        return false;
    }
    if (text.n && !str_eqc(c->content_type, "application/json") && !str_eqc(c->content_type, "application/merge-patch+json")) {
        problem(q, 415, "content-type", "the body must be application/json");
        return false;
    }
    q->body_text = arena_str(q->arena, text.n ? text : STR("{}"));
    return parse(q);
}

void platform_route(struct call *c)
{
    struct preq *q = arena_zalloc(c->arena, sizeof *q);
    q->call = c;
    q->p = c->platform;
    q->arena = c->arena;
    name_request(q);
    preq_set(q, "Cache-Control", "no-store");
    if (!q->p) return problem(q, 404, "no-such-call", "this weftd serves no platform");
    if (!find_route(q) || !admit(q) || !authorise(q) || !check_query(q) || !read_body(q) || answers_replay(q)) return;
    q->route->run(q);
}
