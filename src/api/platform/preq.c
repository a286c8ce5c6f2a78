/* What handlers read of a call, and their answers. */
#include "api/platform/preq.h"
#include "api/platform/answers.h"
#include "api/platform/audit.h"
#include "api/platform/shape.h"
#include "base/clock.h"
#include "config/read.h"

/* ---- body ---- */

static const struct node *field(const struct preq *q, const char *name)
{
    const struct node *n = q->body ? tree_get(q->body, name) : NULL;
    return n && n->type != NODE_NULL ? n : NULL;
}

struct str preq_text(const struct preq *q, const char *name)
{
    const struct node *n = field(q, name);
    return n && n->type == NODE_STRING ? n->text : (struct str){ 0 };
}

bool preq_bool(const struct preq *q, const char *name)
{
    const struct node *n = field(q, name);
    return n && n->type == NODE_BOOL && n->b;
}

double preq_number(const struct preq *q, const char *name, double otherwise)
{
    const struct node *n = field(q, name);
    return n && n->type == NODE_NUMBER ? strtod(n->text.p, NULL) : otherwise;
}

int64_t preq_duration_ms(const struct preq *q, const char *name, int64_t otherwise)
{
    int64_t sec;
    int32_t nanos;
    struct str s = preq_text(q, name);
    return s.n && pb_duration(s, &sec, &nanos) ? sec * 1000 + nanos / 1000000 : otherwise;
}

struct resource *preq_resource_try(struct preq *q, enum kind_id kind, struct str ns, struct str name, struct errs *errs,
                                   struct errs *warnings)
{
    char version[80];
    const struct kind *k = kind_of(kind);
    struct arena *a = q->arena;
    const struct node *spec = field(q, "spec");
    if (!spec) return errs_add(errs, (struct err_at){ "body", 1, 1 }, -EINVAL, "spec is missing"), NULL;
    struct node *object = tree_new(a, NODE_MAP), *meta = tree_new(a, NODE_MAP);
    tree_add(a, meta, STR("name"), tree_string(a, name));
    if (k->namespaced) tree_add(a, meta, STR("namespace"), tree_string(a, ns));
    tree_add(a, object, STR("apiVersion"), tree_string(a, str_of(arena_printf(a, "%s", kind_api_version(k, version, sizeof version)))));
    tree_add(a, object, STR("kind"), tree_string(a, str_of(k->kind)));
    tree_add(a, object, STR("metadata"), meta);
    tree_add(a, object, STR("spec"), tree_copy(a, spec));
    struct config_options opt = { .keep_positions = true };
    return config_read_tree(object, "body", &opt, errs, warnings);
}

struct resource *preq_resource(struct preq *q, enum kind_id kind, struct str ns, struct str name, struct errs *warnings)
{
    struct errs errs = { 0 };
    struct resource *r = preq_resource_try(q, kind, ns, name, &errs, warnings);
    if (!r) problem_errs(q, 422, "invalid", &errs);
    errs_free(&errs);
    return r;
}

char *preq_pointer(const struct preq *q, const struct err *e) { return shape_pointer(q->body, e->at, q->arena); }

/* ---- query ---- */

struct str preq_query(struct preq *q, const char *name) { return call_query(q->call, name); }

bool preq_page(struct preq *q, struct preq_page *page)
{
    uint64_t limit = 100;
    struct str given = preq_query(q, "limit");
    if (given.p && (!str_u64(given, &limit) || limit < 1 || limit > 1000)) {
        problem(q, 400, "invalid-query", "limit must be a number between 1 and 1000");
        return false;
    }
    *page = (struct preq_page){ .limit = (size_t)limit, .after = preq_query(q, "after") };
    return true;
}

/* ---- answers ---- */

void preq_set(struct preq *q, const char *name, const char *value) { call_set(q->call, name, str_of(value)); }

void preq_text_answer(struct preq *q, int status, const char *type, struct str body)
{
    answers_keep(q, status, type, body);
    call_respond(q->call, status, type, body);
}

void preq_empty(struct preq *q) { preq_text_answer(q, 204, NULL, STR("")); }

void preq_json(struct preq *q, int status, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(body);
    if (oops(!text)) return problem(q, 500, "internal", "the answer could not be written");
    preq_text_answer(q, status, "application/json", str_of(text));
    free(text);
}

/* W/"5", "5" and 5 in a list of them. */
static bool etag_in(struct str list, uint64_t etag)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, etag);
    for (struct str rest = list; rest.p;) {
        struct str one = str_trim(str_cut(&rest, ','));
        if (str_eqc(one, "*")) return true;
        if (str_starts(one, STR("W/"))) one = str_skip(one, 2);
        if (one.n >= 2 && one.p[0] == '"' && one.p[one.n - 1] == '"') one = str_make(one.p + 1, one.n - 2);
        if (str_eqc(one, text)) return true;
    }
    return false;
}

void preq_json_etag(struct preq *q, int status, json_t *body, uint64_t etag)
{
    char text[32];
    struct str have = call_header(q->call, "if-none-match");
    snprintf(text, sizeof text, "\"%" PRIu64 "\"", etag);
    preq_set(q, "ETag", text);
    if (have.n && (str_eqc(q->call->method, "GET") || str_eqc(q->call->method, "HEAD")) && etag_in(have, etag)) {
        json_decref(body);
        return call_respond(q->call, 304, NULL, STR(""));
    }
    preq_json(q, status, body);
}

void preq_items(struct preq *q, json_t *items, const char *next)
{
    preq_json(q, 200, json_pack("{s:o, s:s?}", "items", items, "next", next));
}

bool preq_if_match(struct preq *q, uint64_t etag)
{
    struct str given = call_header(q->call, "if-match");
    if (given.n && etag_in(given, etag)) return true;
    if (given.n) {
        problem_with(q, 412, "stale", json_pack("{s:I}", "etag", (json_int_t)etag),
                     "it was changed meanwhile; read it again and apply the change to that");
        return false;
    }
    if (!(q->route->flags & ROUTE_IF_MATCH)) return true;
    problem(q, 428, "if-match-missing", "this call needs If-Match with the ETag that was read (or *), so that nobody's change is lost");
    return false;
}

/* ---- changes ---- */

void preq_audit(struct preq *q, struct batch *b, const char *action, const char *target, const json_t *before, const json_t *after)
{
    struct str project = q->project ? str_of(q->project->name) : q->subject;
    struct audit a = { .actor = q->who.user,
                       .via = q->who.via,
                       .action = action,
                       .target = target,
                       .project = project,
                       .reason = preq_text(q, "reason"),
                       .request_id = q->id,
                       .before = before,
                       .after = after };
    if (!a.reason.n) a.reason = call_header(q->call, "x-weft-reason"); /* calls without a body: DELETE */
    audit_add(b, &a);
}

bool preq_commit(struct preq *q, struct batch *b)
{
    struct err e = { 0 };
    answers_begin(q, b);
    int r = platform_commit(q->p, b, &e);
    batch_free(b);
    if (r == 0) q->committed = true;
    if (r < 0) problem_commit(q, &e);
    return r == 0;
}
