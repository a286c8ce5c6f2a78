/* The document of the REST API, from the tables that carry it: what is not in them is neither served nor described. */
#include "api/platform/handlers.h"
#include "api/platform/preq.h"
#include "api/platform/shape.h"

static const char *const needs[] = { "nobody", "any", "person", "operator", "right" };

/* What stands for a part of a path. */
static const struct {
    char letter;
    const char *doc, *example;
} parts[] = {
    { 'p', "Project.", "checkout" },
    { 's', "Service: NAME, or NAME.NAMESPACE.", "reviews" },
    { 'n', "Number of the release in its project, from 1.", "7" },
    { 'k', "Number of the change.", "12" },
    { 'u', "User.", "anna" },
    { 'i', "Id.", "b4d0c5e7b2f5e59d" },
};

static void add_parameter(json_t *list, struct str name, const char *in, bool required, const char *doc, json_t *schema)
{
    json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:s, s:o}", "name", name.p, name.n, "in", in, "required", required,
                                          "description", doc, "schema", schema));
}

static json_t *string_schema(void) { return json_pack("{s:s}", "type", "string"); }

static void path_parameters(const struct proute *r, json_t *list)
{
    for (const char *c = strchr(r->path, '{'); c; c = strchr(c + 1, '{')) {
        const char *end = strchr(c, '}'), *doc = "";
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
            if (parts[i].letter == c[1]) doc = parts[i].doc;
        struct str name = str_make(c + 1, (size_t)(end - c - 1));
        add_parameter(list, name, "path", true, doc, string_schema());
    }
}

static json_t *parameters(const struct proute *r)
{
    json_t *list = json_array();
    path_parameters(r, list);
    for (struct str rest = str_of(r->query); rest.p && rest.n;)
        add_parameter(list, str_cut(&rest, ' '), "query", false, "", string_schema());
    if (r->flags & ROUTE_QUERY_PROJECT)
        add_parameter(list, STR("project"), "query", r->need == NEED_RIGHT, "Only of this project; the right in it is enough.",
                      string_schema());
    if (r->flags & ROUTE_PAGED) {
        add_parameter(list, STR("limit"), "query", false, "At most so many; 100 unless said.",
                      json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", 1, "maximum", 1000));
        add_parameter(list, STR("after"), "query", false, "`next` of the page before.", string_schema());
    }
    if (r->flags & (ROUTE_IF_MATCH | ROUTE_IF_MATCH_OPT))
        add_parameter(list, STR("If-Match"), "header", (r->flags & ROUTE_IF_MATCH) != 0, "The ETag that was read, or *.", string_schema());
    if (r->flags & ROUTE_CREATES)
        add_parameter(list, STR("Idempotency-Key"), "header", false, "The same answer again within 24 hours.", string_schema());
    return list;
}

static json_t *content_of(const char *type, json_t *schema) { return json_pack("{s:{s:{s:o}}}", "content", type, "schema", schema); }

static json_t *ref(const char *name, size_t n)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%.*s", (int)n, name));
}

static json_t *answer_schema(const struct proute *r)
{
    size_t n = strlen(r->answer);
    if (r->answer[0] != '[') return ref(r->answer, n);
    json_t *items = json_pack("{s:s, s:o}", "type", "array", "items", ref(r->answer + 1, n - 2));
    json_t *next = json_pack("{s:[s, s], s:s}", "type", "string", "null", "description", "For `after`; null: the last page.");
    return json_pack("{s:s, s:[s, s], s:{s:o, s:o}}", "type", "object", "required", "items", "next", "properties", "items", items, "next",
                     next);
}

static json_t *responses(const struct proute *r)
{
    json_t *all = json_object(), *good;
    bool text = r->flags & (ROUTE_BINARY | ROUTE_STREAM);
    if (r->answer)
        good = content_of("application/json", answer_schema(r));
    else if (text)
        good = content_of(r->flags & ROUTE_STREAM ? "text/event-stream" : "application/octet-stream", json_object());
    else if (strcmp(r->method, "GET") == 0)
        good = content_of("application/json", json_object());
    else
        good = json_object();
    json_object_set_new(good, "description", json_string(json_object_get(good, "content") ? "Done." : "Done; no content."));
    json_object_set_new(all, r->flags & ROUTE_CREATES ? "201" : r->answer || text || !strcmp(r->method, "GET") ? "200" : "204", good);
    json_t *bad = content_of("application/problem+json", ref("Problem", 7));
    json_object_set_new(bad, "description", json_string("Not done; code says why."));
    json_object_set_new(all, "default", bad);
    return all;
}

static char *operation_id(const struct proute *r, char *out, size_t n)
{
    size_t w = (size_t)snprintf(out, n, "%s", r->method);
    for (const char *c = r->path; *c && w + 2 < n; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (plain)
            out[w++] = *c;
        else if (out[w - 1] != '-')
            out[w++] = '-';
    }
    while (w && out[w - 1] == '-') w--;
    out[w] = 0;
    return out;
}

static json_t *operation(const struct proute *r)
{
    char id[200];
    bool of_project = r->need == NEED_RIGHT || r->flags & ROUTE_QUERY_PROJECT;
    json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:s, s:s?, s:b}", "operationId", operation_id(r, id, sizeof id), "summary", r->summary,
                          "parameters", parameters(r), "responses", responses(r), "x-need", needs[r->need], "x-right",
                          of_project ? project_right_name(r->right) : NULL, "x-changes",
                          strcmp(r->method, "GET") != 0 && !(r->flags & ROUTE_READS));
    if (r->need == NEED_NOBODY) json_object_set_new(o, "security", json_array());
    if (r->flags & ROUTE_QUERY_PROJECT) json_object_set_new(o, "x-query-project", json_true());
    if (r->body) {
        json_t *body = content_of("application/json", ref(r->body, strlen(r->body)));
        json_object_set_new(o, "requestBody", body);
    }
    return o;
}

static json_t *all_paths(void)
{
    json_t *paths = json_object();
    for (size_t i = 0; i < n_platform_routes; i++) {
        const struct proute *r = &platform_routes[i];
        char method[16];
        json_t *at = json_object_get(paths, r->path);
        if (!at) json_object_set_new(paths, r->path, at = json_object());
        for (size_t k = 0; k <= strlen(r->method); k++) method[k] = (char)(r->method[k] ? r->method[k] | 0x20 : 0);
        json_object_set_new(at, method, operation(r));
    }
    return paths;
}

static json_t *document(void)
{
    json_t *schemas = json_object();
    for (size_t i = 0; i < n_shapes; i++) json_object_set_new(schemas, shapes[i].name, shape_schema(&shapes[i]));
    shape_message_schemas(schemas);
    json_t *info =
        json_pack("{s:s, s:s, s:s, s:{s:s}}", "title", "Weft release platform", "version", WEFT_VERSION, "description",
                  "Projects, traffic, releases, and who may do what. Errors are application/problem+json; single objects have an ETag; "
                  "durations are written \"90s\", weights in percent.",
                  "license", "name", "See the repository");
    json_t *security = json_pack("{s:{s:s, s:s}, s:{s:s, s:s, s:s}}", "token", "type", "http", "scheme", "bearer", "session", "type",
                                 "apiKey", "in", "cookie", "name", "weft_session");
    return json_pack("{s:s, s:o, s:[{s:s}], s:[{s:[]}, {s:[]}], s:o, s:{s:o, s:o}}", "openapi", "3.1.0", "info", info, "servers", "url",
                     "/weft/v1", "security", "token", "session", "paths", all_paths(), "components", "schemas", schemas, "securitySchemes",
                     security);
}

void openapi_json(struct preq *q) { preq_json(q, 200, document()); }

/* ---- to read ---- */

static void escaped(struct buf *b, const char *s)
{
    for (; s && *s; s++) {
        if (*s == '<')
            buf_puts(b, "&lt;");
        else if (*s == '&')
            buf_puts(b, "&amp;");
        else
            buf_append(b, s, 1);
    }
}

static const char *type_name(const struct shape_field *f)
{
    static const char *const names[] = { "text", "number", "whole number", "true or false", "duration", "time", NULL, NULL, "map", "any" };
    const char *of = f->of && strrchr(f->of, '.') ? strrchr(f->of, '.') + 1 : f->of;
    return names[f->type] ? names[f->type] : of;
}

static void fields(struct buf *b, const char *title, const char *name)
{
    char plain[64];
    size_t n = name ? strlen(name) : 0;
    bool list = n > 2 && name[0] == '[';
    snprintf(plain, sizeof plain, "%.*s", (int)(list ? n - 2 : n), list ? name + 1 : name ? name : "");
    const struct shape *s = shape_find(plain);
    if (!s) return;
    buf_printf(b, "<h4>%s: %s%s</h4><p>", title, list ? "list of " : "", plain);
    escaped(b, s->doc);
    buf_puts(b, "<table>");
    for (const struct shape_field *f = s->fields; f->name; f++) {
        buf_printf(b, "<tr><td><code>%s</code><td>%s%s%s<td>", f->name, f->flags & SHAPE_LIST ? "list of " : "", type_name(f),
                   f->flags & SHAPE_REQUIRED ? "" : ", may be absent");
        escaped(b, f->doc);
    }
    buf_puts(b, "</table>");
    if (!s->example) return;
    buf_puts(b, "<pre>");
    escaped(b, s->example);
    buf_puts(b, "</pre>");
}

static void section(struct buf *b, const struct proute *r)
{
    static const char *const who[] = { "everybody", "whoever is signed in", "people (no tokens)", "operators", "the right " };
    buf_printf(b, "<section><h3><b>%s</b> <code>/weft/v1%s</code></h3><p>", r->method, r->path);
    escaped(b, r->summary);
    buf_printf(b, "<p class=may>For %s%s%s%s.", who[r->need], r->need == NEED_RIGHT ? project_right_name(r->right) : "",
               r->need != NEED_RIGHT && r->flags & ROUTE_QUERY_PROJECT ? "; with ?project= the right " : "",
               r->need != NEED_RIGHT && r->flags & ROUTE_QUERY_PROJECT ? project_right_name(r->right) : "");
    if (r->query) buf_printf(b, " Query: <code>%s</code>.", r->query);
    if (r->flags & ROUTE_PAGED) buf_puts(b, " Pages: <code>limit</code>, <code>after</code>.");
    if (r->flags & ROUTE_IF_MATCH) buf_puts(b, " Needs <code>If-Match</code>.");
    if (r->flags & ROUTE_CREATES) buf_puts(b, " Takes <code>Idempotency-Key</code>.");
    if (r->body || r->answer) {
        buf_puts(b, "<details><summary>Fields</summary>");
        fields(b, "Body", r->body);
        fields(b, "Answer", r->answer);
        buf_puts(b, "</details>");
    }
    buf_puts(b, "</section>");
}

void openapi_docs(struct preq *q)
{
    struct buf b = { 0 };
    buf_puts(
        &b,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>Weft: the REST API</title>"
        "<link rel=stylesheet href=/weft/v1/docs.css><main><h1>The REST API of Weft</h1><p>The same for programs: "
        "<a href=/weft/v1/openapi.json>openapi.json</a> (OpenAPI 3.1). Send a token as <code>Authorization: Bearer weft_...</code>; errors are "
        "<code>application/problem+json</code> with a stable <code>code</code>; unknown fields are refused; single objects have an "
        "<code>ETag</code>, and what changes them needs it as <code>If-Match</code>.");
    for (size_t i = 0; i < n_platform_routes; i++) section(&b, &platform_routes[i]);
    buf_puts(&b, "</main>");
    preq_text_answer(q, 200, "text/html; charset=utf-8", buf_str(&b));
    buf_free(&b);
}

void openapi_css(struct preq *q)
{
    static const char css[] =
        ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:60rem;margin:auto;padding:2rem 1rem}"
        "section{border-top:1px solid #8884;padding:.6rem 0}h3{font-weight:500;margin:.3rem 0;overflow-wrap:anywhere}h4{margin:1rem 0 0}"
        "p{margin:.2rem 0}.may{opacity:.75}table{border-collapse:collapse;width:100%}td{padding:.15rem .8rem .15rem 0;vertical-align:top;"
        "border-top:1px solid #8882}code,pre{font:14px ui-monospace,monospace}pre{overflow:auto;background:#8881;padding:.6rem}";
    preq_text_answer(q, 200, "text/css; charset=utf-8", str_make(css, sizeof css - 1));
}
