#include "cli/platform.h"
#include "base/clock.h"
#include "cli/columns.h"
#include "cli/files.h"
#include "cli/resource.h"
#include "pb/tree.h"

#include <ctype.h>
#include <math.h>
#include <unistd.h>

struct platform_options po;

int platform_require(const struct cli *c) { return c->server ? EXIT_OK : state_require(c); }

/* ---- calls ---- */

int platform_exit_of(long status, const char *code)
{
    static const char *const rules[] = { "guard-rail", "policy", "freeze", "frozen", "stopped", "limit", "approval", "refused", "rule" };
    if (status >= 200 && status < 300) return EXIT_OK;
    if (status == 401 || status == 403) return EXIT_REFUSED;
    for (size_t i = 0; code && status == 422 && i < ARRAY_LEN(rules); i++) {
        if (strncmp(code, rules[i], strlen(rules[i])) == 0) return EXIT_REFUSED;
    }
    return EXIT_FAILED;
}

/* "/spec/steps/1/weight" as a person says it: "steps[2].weight"; places count from 1 on the page and here. */
static void print_pointer(const char *pointer)
{
    struct str rest = str_of(pointer);
    bool first = true;
    if (str_starts(rest, STR("/spec/"))) rest = str_skip(rest, 6);
    if (rest.n && rest.p[0] == '/') rest = str_skip(rest, 1);
    while (rest.p) {
        struct str part = str_cut(&rest, '/');
        uint64_t index;
        if (str_u64(part, &index))
            fprintf(stderr, "[%" PRIu64 "]", index + 1);
        else
            fprintf(stderr, "%s%.*s", first ? "" : ".", STR_ARG(part));
        first = false;
    }
}

static void print_fields(const json_t *errors, const char *before)
{
    size_t i;
    json_t *one;
    json_array_foreach (errors, i, one) {
        AUTO(free_p) char *message = plain(json_text(one, "message"));
        const char *pointer = json_text(one, "pointer");
        fputs(before, stderr);
        if (pointer && *pointer) {
            print_pointer(pointer);
            fputs(": ", stderr);
        } else if (json_number(one, "line", 0)) {
            fprintf(stderr, "line %" PRId64 ", column %" PRId64 ": ", json_number(one, "line", 0), json_number(one, "column", 1));
        }
        fprintf(stderr, "%s\n", message);
    }
}

/* A release is in the way: how to look at it, and how to take it back. */
static void print_way_out(const json_t *problem, const char *instance)
{
    static const char prefix[] = "/weft/v1/projects/";
    int64_t n = json_number(problem, "release", 0);
    if (!n || !instance || strncmp(instance, prefix, sizeof prefix - 1) != 0) return;
    struct str rest = str_of(instance + sizeof prefix - 1), project = str_cut(&rest, '/');
    fprintf(stderr, "  look at it: weft release get %.*s#%" PRId64 "; take it back: weft release rollback %.*s#%" PRId64 "\n",
            STR_ARG(project), n, STR_ARG(project), n);
}

int platform_problem(long status, const json_t *problem)
{
    const char *detail = json_text(problem, "detail"), *title = json_text(problem, "title"), *who = json_text(problem, "who");
    const json_t *errors = json_object_get(problem, "errors");
    AUTO(free_p) char *text = plain(detail ? detail : title ? title : json_text(problem, "message"));
    const char *only = json_array_size(errors) == 1 ? json_text(errors, "0.message") : NULL;
    bool one = only && detail && strncmp(only, detail, strlen(detail)) == 0; /* its field and message say it all */
    fflush(stdout);
    if (text && !one)
        fprintf(stderr, "error: %s\n", text);
    else if (!text)
        fprintf(stderr, "error: the mesh answered with status %ld\n", status);
    print_fields(errors, one ? "error: " : "  ");
    const char *code = json_text(problem, "code"), *instance = json_text(problem, "instance");
    if (who) fprintf(stderr, "  who can: %s\n", who);
    if (code && strcmp(code, "release-active") == 0) print_way_out(problem, instance);
    return platform_exit_of(status, code);
}

int platform_send(const struct cli *c, const struct api_request *q, json_t **ret)
{
    struct api_answer a;
    struct err e = { 0 };
    if (ret) *ret = NULL;
    if (api_send(c, q, &a, &e) < 0) return cli_fail(&e);
    int r = a.status >= 200 && a.status < 300 ? EXIT_OK : platform_problem(a.status, a.body);
    if (r == EXIT_OK && ret && !a.body) r = cli_failf("the mesh answered %s with something that is no JSON", q->path);
    if (r == EXIT_OK && ret) *ret = json_incref(a.body);
    api_answer_free(&a);
    return r;
}

int platform_get(const struct cli *c, const char *path, json_t **ret)
{
    const struct api_request q = { .path = path };
    return platform_send(c, &q, ret);
}

int platform_call(const struct cli *c, const char *method, const char *path, const char *if_match, json_t *body, json_t **ret)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    const struct api_request q = { .method = method, .path = path, .if_match = if_match, .body = text ? str_of(text) : (struct str){ 0 } };
    int r = platform_send(c, &q, ret);
    json_decref(body);
    free(text);
    return r;
}

/* ---- names ---- */

char *path_segment(const char *text)
{
    struct buf b = { 0 };
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (isalnum(*p) || strchr("-._~", *p))
            buf_append(&b, p, 1);
        else
            buf_printf(&b, "%%%02X", *p);
    }
    return buf_steal(&b);
}

char *project_path(const char *project, const char *fmt, ...)
{
    struct buf b = { 0 };
    AUTO(free_p) char *name = path_segment(project);
    char rest[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(rest, sizeof rest, fmt, ap);
    va_end(ap);
    buf_printf(&b, "/weft/v1/projects/%s%s", name, rest);
    return buf_steal(&b);
}

static const char *given_project(void)
{
    const char *env = getenv("WEFT_PROJECT");
    return po.project ? po.project : env && *env ? env : NULL;
}

int platform_list(const struct cli *c, const char *path, json_t **ret)
{
    json_t *all = json_array(), *page;
    char *cursor = NULL;
    int r = EXIT_OK;
    do {
        AUTO(free_p) char *after = cursor ? path_segment(cursor) : NULL;
        AUTO(free_p) char *url = after ? xasprintf("%s%safter=%s", path, strchr(path, '?') ? "&" : "?", after) : xstrdup(path);
        r = platform_get(c, url, &page);
        free(cursor);
        cursor = NULL;
        if (r != EXIT_OK) break;
        json_array_extend(all, json_is_array(page) ? page : json_object_get(page, "items"));
        const char *next = json_text(page, "next");
        if (next) cursor = xstrdup(next);
        json_decref(page);
    } while (cursor);
    if (r == EXIT_OK)
        *ret = all;
    else
        json_decref(all);
    return r;
}

static int no_project(void)
{
    fprintf(stderr, "error: there is no project yet\n  make one with: weft project create NAME --service SERVICE\n");
    return EXIT_FAILED;
}

int platform_project(const struct cli *c, char **ret)
{
    const char *given = given_project();
    json_t *all;
    *ret = given ? xstrdup(given) : NULL;
    if (given) return EXIT_OK;
    int r = platform_list(c, "/weft/v1/projects", &all);
    if (r != EXIT_OK) return r;
    size_t n = json_array_size(all), i;
    json_t *one;
    if (n == 1) {
        *ret = xstrdup(json_text(json_array_get(all, 0), "name"));
    } else if (n == 0) {
        r = no_project();
    } else {
        r = cli_usage(c, "--project PROJECT is missing; there are:");
        json_array_foreach (all, i, one) fprintf(stderr, "  %s\n", json_text(one, "name"));
    }
    json_decref(all);
    return r;
}

static bool names_service(const json_t *service, const char *word)
{
    const char *name = json_text(service, "name"), *ns = json_text(service, "namespace");
    if (!name) return false;
    if (strcmp(name, word) == 0) return true;
    AUTO(free_p) char *full = xasprintf("%s.%s", name, ns ? ns : "default");
    return strcmp(full, word) == 0;
}

static const json_t *services_of(const json_t *project) { return json_path(project, "spec.services"); }

/* All projects (or the one that was given) with their specs; one that goes away meanwhile is left out. */
static int projects_with_specs(const struct cli *c, json_t **ret)
{
    json_t *list = NULL, *p;
    size_t i;
    int r = platform_list(c, "/weft/v1/projects", &list);
    if (r != EXIT_OK) return r;
    *ret = json_array();
    json_array_foreach (list, i, p) {
        const char *name = json_text(p, "name");
        if (!name || (given_project() && strcmp(given_project(), name) != 0)) continue;
        AUTO(free_p) char *path = project_path(name, "%s", "");
        json_t *whole = services_of(p) ? json_incref(p) : api_get(c, path, NULL);
        if (whole) json_array_append_new(*ret, whole);
    }
    json_decref(list);
    return EXIT_OK;
}

struct found {
    const char *project, *service;
    int n;
};

static void find_service(const json_t *projects, const char *word, struct found *f)
{
    size_t i, k;
    json_t *p, *s;
    json_array_foreach (projects, i, p) {
        json_array_foreach ((json_t *)services_of(p), k, s) {
            if (word && !names_service(s, word)) continue;
            f->project = json_text(p, "name");
            f->service = json_text(s, "name");
            f->n++;
        }
    }
}

static void print_services(const json_t *projects)
{
    size_t i, k;
    json_t *p, *s;
    json_array_foreach (projects, i, p) {
        json_array_foreach ((json_t *)services_of(p), k, s)
            fprintf(stderr, "  %s/%s.%s\n", json_text(p, "name"), json_text(s, "name"), json_text(s, "namespace"));
    }
}

static const char *nearest_service(const json_t *projects, const char *word)
{
    const char *names[256];
    size_t n = 0, i, k;
    json_t *p, *s;
    json_array_foreach (projects, i, p) {
        json_array_foreach ((json_t *)services_of(p), k, s) {
            if (n < ARRAY_LEN(names) && json_text(s, "name")) names[n++] = json_text(s, "name");
        }
    }
    return str_nearest(str_of(word), names, n);
}

static int look_up_service(const struct cli *c, const char *word, struct service_ref *ret)
{
    json_t *projects;
    struct found f = { 0 };
    int r = projects_with_specs(c, &projects);
    if (r != EXIT_OK) return r;
    find_service(projects, word, &f);
    const char *near = word ? nearest_service(projects, word) : NULL;
    if (f.n == 1) {
        ret->project = xstrdup(f.project);
        ret->name = xstrdup(word ? word : f.service);
    } else if (json_array_size(projects) == 0) {
        r = no_project();
    } else if (f.n == 0) {
        r = word && near ? cli_failf("no project has a service \"%s\"; did you mean %s?", word, near)
            : word       ? cli_failf("no project has a service \"%s\"; see: weft project candidates", word)
                         : cli_failf("no project has a service yet; see: weft project candidates, weft project adopt PROJECT SERVICE");
    } else {
        r = cli_usage(c, word ? "there is more than one \"%s\"; name it fully:" : "which service?%s", word ? word : "");
        print_services(projects);
    }
    json_decref(projects);
    return r;
}

int platform_service(const struct cli *c, const char *word, struct service_ref *ret)
{
    *ret = (struct service_ref){ 0 };
    const char *slash = word ? strchr(word, '/') : NULL;
    int r = EXIT_OK;
    if (slash) {
        ret->project = xstrndup(word, (size_t)(slash - word));
        ret->name = xstrdup(slash + 1);
    } else if (word && given_project()) {
        ret->project = xstrdup(given_project());
        ret->name = xstrdup(word);
    } else {
        r = look_up_service(c, word, ret);
    }
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *segment = path_segment(ret->name);
    ret->path = project_path(ret->project, "/services/%s", segment);
    return EXIT_OK;
}

void service_ref_free(struct service_ref *r)
{
    free(r->project);
    free(r->name);
    free(r->path);
}

/* The release of a service that is under way, else its newest. */
static int release_of_service(const struct cli *c, const char *word, struct release_ref *ret)
{
    struct service_ref s;
    json_t *list = NULL;
    int r = platform_service(c, word, &s);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *name = path_segment(s.name);
    AUTO(free_p) char *path = project_path(s.project, "/releases?service=%s&limit=20", name);
    r = platform_get(c, path, &list);
    const json_t *items = json_object_get(list, "items"), *best = json_array_get(items, 0);
    size_t i;
    json_t *one;
    json_array_foreach ((json_t *)items, i, one) {
        const char *state = json_text(one, "state");
        if (!json_text(one, "endedAt") && state && strcmp(state, "warm") != 0) {
            best = one;
            break;
        }
    }
    if (r == EXIT_OK && !best) r = cli_failf("%s has no release yet; start one with: weft release start %s --to VERSION", s.name, s.name);
    if (r == EXIT_OK) {
        ret->project = xstrdup(s.project);
        ret->n = json_number(best, "n", 0);
    }
    json_decref(list);
    service_ref_free(&s);
    return r;
}

/* "PROJECT#N", "#N", "N": the number; false when it is none of these. */
static bool is_number(const char *word, struct str *ret_project, uint64_t *ret_n)
{
    struct str n = str_of(word);
    ssize_t hash = str_rindex(n, '#');
    *ret_project = hash > 0 ? str_first(n, (size_t)hash) : (struct str){ 0 };
    return str_u64(hash >= 0 ? str_skip(n, (size_t)hash + 1) : n, ret_n) && *ret_n <= INT32_MAX;
}

int platform_release(const struct cli *c, const char *word, struct release_ref *ret)
{
    struct str project = { 0 };
    uint64_t n = 0;
    int r = EXIT_OK;
    *ret = (struct release_ref){ 0 };
    if (word && is_number(word, &project, &n)) {
        ret->n = (int64_t)n;
        if (project.p)
            ret->project = str_dup(project);
        else
            r = platform_project(c, &ret->project);
    } else {
        r = release_of_service(c, word, ret);
    }
    if (r != EXIT_OK) return r;
    ret->path = project_path(ret->project, "/releases/%" PRId64, ret->n);
    return platform_get(c, ret->path, &ret->release);
}

void release_ref_free(struct release_ref *r)
{
    free(r->project);
    free(r->path);
    json_decref(r->release);
}

/* ---- in and out ---- */

int platform_output(struct cli *c)
{
    static const char *const formats[] = { "table", "json", "yaml", "name" };
    c->output = NULL;
    if (!po.output || strcmp(po.output, "table") == 0) return EXIT_OK;
    for (size_t i = 1; i < ARRAY_LEN(formats); i++) {
        if (strcmp(po.output, formats[i]) == 0) c->output = formats[i];
    }
    return c->output ? EXIT_OK : cli_usage(c, "-o %s: there are table, json, yaml and name", po.output);
}

static void print_name(const json_t *one, const char *name_path)
{
    const json_t *v = json_path(one, name_path);
    if (json_is_integer(v))
        printf("%lld\n", (long long)json_integer_value(v));
    else if (json_is_string(v))
        printf("%s\n", json_string_value(v));
}

int platform_print(const struct cli *c, const json_t *body, const char *name_path)
{
    if (strcmp(c->output, "name") != 0) return resource_print(c, body);
    const json_t *items = json_is_array(body) ? body : json_object_get(body, "items");
    size_t i;
    json_t *one;
    if (!items) print_name(body, name_path);
    json_array_foreach ((json_t *)items, i, one) print_name(one, name_path);
    return EXIT_OK;
}

int platform_show(const struct cli *c, const json_t *items, const struct listing *l)
{
    size_t i;
    json_t *one;
    if (c->output) {
        platform_print(c, items, l->name_path);
    } else if (json_array_size(items) == 0) {
        fprintf(stderr, "%s\n", l->nothing);
    } else {
        struct table *t = table_new(l->headers);
        json_array_foreach ((json_t *)items, i, one) l->row(t, one);
        table_print(t, stdout);
        table_free(t);
    }
    return EXIT_OK;
}

json_t *platform_file(const char *name)
{
    struct text_list names = { .v = { name }, .n = 1 };
    struct file_list files;
    struct err e = { 0 };
    struct arena a;
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    struct buf text = { 0 };
    json_t *json = NULL;
    if (files_read(&names, &files, &e) < 0) {
        cli_fail(&e);
        return NULL;
    }
    arena_init(&a, 16384, 0);
    int r = tree_read(buf_str(&files.v[0].text), files.v[0].name, &a, &docs, &errs);
    vec_foreach (one, &errs) cli_fail(one);
    if (r == 0 && (docs.n != 1 || files.n != 1))
        cli_failf("%s holds %zu documents, but one is asked for", name, docs.n);
    else if (r == 0) {
        tree_json(docs.v[0], 0, &text);
        json = json_loadb(buf_data(&text), text.len, JSON_DECODE_ANY, NULL);
        if (!json) cli_failf("%s cannot be sent as JSON", name);
    }
    buf_free(&text);
    vec_free(&docs);
    errs_free(&errs);
    arena_free(&a);
    file_list_free(&files);
    return json;
}

json_t *platform_spec(const char *name, const char *kind)
{
    json_t *doc = platform_file(name), *inner = json_object_get(doc, "spec");
    const char *is = json_text(doc, "kind");
    if (!doc) return NULL;
    json_t *spec = json_incref(is || json_is_object(inner) ? inner : doc);
    bool wrong = is && strcmp(is, kind) != 0;
    if (wrong)
        cli_failf("%s is a %s, not a %s", name, is, kind);
    else if (!json_is_object(spec))
        cli_failf("%s holds no %s", name, kind);
    if (wrong || !json_is_object(spec)) {
        json_decref(spec);
        spec = NULL;
    }
    json_decref(doc);
    return spec;
}

int platform_confirm(const char *fmt, ...)
{
    char line[64];
    va_list ap;
    if (po.yes) return EXIT_OK;
    fflush(stdout);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "\nerror: this asks first; say --yes where nobody can answer\n");
        return EXIT_USAGE;
    }
    fprintf(stderr, " [y/N] ");
    if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y')) return EXIT_OK;
    fprintf(stderr, "Nothing was changed.\n");
    return EXIT_FAILED;
}

int platform_print_proxies(const json_t *p)
{
    size_t i;
    json_t *v;
    bool fine = true;
    int64_t acked = json_number(p, "acked", 0), of = json_number(p, "of", 0);
    if (of) printf("%" PRId64 " of %" PRId64 " proxies acknowledged in %.0f ms\n", acked, of, json_real_at(p, "ms"));
    fflush(stdout);
    json_array_foreach (json_object_get(p, "missing"), i, v) {
        fprintf(stderr, "error: no acknowledgement from %s\n", json_is_string(v) ? json_string_value(v) : json_text(v, "node"));
        fine = false;
    }
    json_array_foreach (json_object_get(p, "refused"), i, v) {
        const char *node = json_is_string(v) ? json_string_value(v) : json_text(v, "node"), *why = json_text(v, "why");
        fprintf(stderr, "error: %s refused it%s%s\n", node ? node : "a proxy", why ? ": " : "", why ? why : "");
        fine = false;
    }
    return fine ? EXIT_OK : EXIT_FAILED;
}
