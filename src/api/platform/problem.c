/* RFC 9457. */
#include "api/platform/preq.h"
#include "api/platform/shape.h"

static const struct {
    int status;
    const char *title;
} titles[] = {
    { 400, "The request is not understood" },
    { 401, "Not signed in" },
    { 403, "Not allowed" },
    { 404, "Not found" },
    { 405, "Not with this method" },
    { 409, "Not in this state" },
    { 412, "Changed meanwhile" },
    { 413, "Too large" },
    { 415, "Not this kind of body" },
    { 422, "Refused" },
    { 428, "If-Match is missing" },
    { 429, "Too many" },
    { 500, "Something went wrong in weftd" },
    { 503, "Not now" },
    { 507, "No space" },
};

static const char *title_of(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(titles); i++)
        if (titles[i].status == status) return titles[i].title;
    return "Error";
}

static json_t *text(struct str s)
{
    json_t *j = NULL;
    for (size_t cut = 0; !j && cut < 4 && cut <= s.n; cut++) j = json_stringn(s.p ? s.p : "", s.n - cut); /* cut inside a character */
    return j ? j : json_string("(text that is no UTF-8)");
}

static void answer(struct preq *q, int status, const char *code, json_t *extra, const char *fmt, va_list ap)
{
    char detail[1024], type[96];
    vsnprintf(detail, sizeof detail, fmt, ap);
    snprintf(type, sizeof type, "/weft/v1/problems/%s", code);
    json_t *o = json_pack("{s:s, s:s, s:i, s:o, s:o, s:s, s:o}", "type", type, "title", title_of(status), "status", status, "detail",
                          text(str_of(detail)), "instance", text(q->call->path), "code", code, "requestId", text(q->id));
    if (extra) json_object_update(o, extra);
    json_decref(extra);
    char *body = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    preq_text_answer(q, status, "application/problem+json", str_of(body));
    free(body);
}

void problem(struct preq *q, int status, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    answer(q, status, code, NULL, fmt, ap);
    va_end(ap);
}

void problem_with(struct preq *q, int status, const char *code, json_t *extra, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    answer(q, status, code, extra, fmt, ap);
    va_end(ap);
}

void problem_field(struct preq *q, int status, const char *code, const char *pointer, const char *fmt, ...)
{
    char message[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    json_t *errors = json_pack("[{s:s, s:o}]", "pointer", pointer, "message", text(str_of(message)));
    problem_with(q, status, code, json_pack("{s:o}", "errors", errors), "%s", message);
}

json_t *problem_list(const struct preq *q, const struct errs *errs)
{
    json_t *list = json_array();
    for (size_t i = 0; i < errs->n; i++) {
        const struct err *e = &errs->v[i];
        char message[600];
        snprintf(message, sizeof message, "%s%s%s", e->what, e->hint[0] ? "; " : "", e->hint);
        json_t *o = json_pack("{s:s, s:o}", "pointer", preq_pointer(q, e), "message", text(str_of(message)));
        if (e->at.line) json_object_set_new(o, "line", json_integer(e->at.line));
        if (e->at.line && e->at.col) json_object_set_new(o, "column", json_integer(e->at.col));
        json_array_append_new(list, o);
    }
    return list;
}

void problem_errs(struct preq *q, int status, const char *code, const struct errs *errs)
{
    json_t *list = problem_list(q, errs);
    size_t n = errs_count(errs);
    problem_with(q, status, code, json_pack("{s:o}", "errors", list), "%s%s", errs->n ? errs->v[0].what : "the body cannot be used",
                 n > 1 ? " (and more)" : "");
}

void problem_right(struct preq *q, enum project_right r)
{
    char name[128], can[160];
    struct err e = { 0 };
    struct project_person p = who_person(&q->who, q->project, name);
    project_may(&p, r, q->project ? q->project->name : "", q->protected_, &e);
    project_who(r, q->protected_, can, sizeof can);
    problem_with(q, 403, "right-missing", json_pack("{s:s, s:s}", "right", project_right_name(r), "who", can), "%s%s%s",
                 e.what[0] ? e.what : "not allowed", e.hint[0] ? ". " : "", e.hint);
}

void problem_commit(struct preq *q, const struct err *e)
{
    static const struct {
        int error, status;
        const char *code;
    } table[] = {
        { -EEXIST, 409, "exists" },   { -ESTALE, 412, "stale" },    { -ENOENT, 404, "not-found" },
        { -E2BIG, 413, "too-large" }, { -ENOSPC, 507, "no-space" }, { -EINVAL, 422, "invalid" },
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].error == e->code)
            return problem(q, table[i].status, table[i].code, "%s%s%s", e->what, e->hint[0] ? "; " : "", e->hint);
    problem(q, 500, "internal", "%s", e->what);
}
