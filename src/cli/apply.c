/* weft apply: all of it or nothing, and it returns when every proxy that the change concerns has acknowledged it. */
#include "cli/apply.h"
#include "cli/resource.h"

static struct cli shared;
static struct text_list names;
static int64_t timeout_ms = 10000;
static bool dry_run;

/* Hints of level Info are for `weft analyze`: an apply tells what may not work. */
static void print_lines(const json_t *list)
{
    size_t i;
    json_t *line;
    json_array_foreach (list, i, line) {
        if (json_is_string(line) && strncmp(json_string_value(line), "Info ", 5) != 0) fprintf(stderr, "%s\n", json_string_value(line));
    }
}

static void print_findings(const json_t *answer)
{
    print_lines(json_object_get(answer, "errors"));
    print_lines(json_object_get(answer, "warnings"));
    print_lines(json_object_get(answer, "analysis"));
}

/* NULL and e when there is no answer to speak of: one with errors of its own speaks for itself. */
static json_t *post(const struct cli *c, const char *path, const char *body, bool *ret_good, struct err *e)
{
    struct api_answer a;
    if (api_call(c, "POST", path, NULL, str_of(body), &a, e) < 0) return NULL;
    json_t *answer = NULL;
    *ret_good = a.status >= 200 && a.status < 300;
    if (json_object_get(a.body, "errors") || api_check(&a, e) == 0) {
        answer = json_incref(a.body);
        if (!answer) err_set(e, -EIO, "the mesh answered with something that is no JSON");
    }
    api_answer_free(&a);
    return answer;
}

json_t *apply_send(const struct cli *c, const char *verb, const struct file_list *files, int64_t wait_ms, bool dry, bool *ret_good)
{
    struct err e = { 0 };
    AUTO(free_p) char *body = files_body(files, &e);
    AUTO(free_p) char *path = xasprintf("/weft/v1/%s?namespace=%s&timeoutMs=%" PRId64 "%s", verb, c->ns, wait_ms, dry ? "&dryRun=All" : "");
    json_t *answer = body ? post(c, path, body, ret_good, &e) : NULL;
    if (answer)
        print_findings(answer);
    else
        cli_fail(&e);
    return answer;
}

json_t *apply_files(const struct cli *c, const char *verb, const struct text_list *files, int64_t wait_ms, bool dry, bool *ret_good)
{
    struct file_list list;
    struct err e = { 0 };
    if (files_read(files, &list, &e) < 0) {
        cli_fail(&e);
        return NULL;
    }
    json_t *answer = apply_send(c, verb, &list, wait_ms, dry, ret_good);
    file_list_free(&list);
    return answer;
}

static void print_objects(const json_t *answer)
{
    size_t i;
    json_t *r;
    json_array_foreach (json_object_get(answer, "resources"), i, r) {
        struct str version = str_of(json_text(r, "apiVersion")), group = str_cut(&version, '/');
        const char *name = json_text(r, "kind");
        const struct kind *k = kind_find(version.p ? group : STR(""), str_of(name));
        printf("%s%s%s/%s %s\n", k ? k->singular : name, k && k->group[0] ? "." : "", k ? k->group : "", json_text(r, "name"),
               json_text(r, "action"));
    }
}

int apply_print_result(const json_t *answer)
{
    size_t i;
    json_t *v, *p = json_object_get(answer, "proxies");
    print_objects(answer);
    int64_t acked = json_number(p, "acked", 0), of = json_number(p, "of", 0);
    bool fine = true;
    if (of) printf("%" PRId64 " of %" PRId64 " proxies acknowledged in %" PRId64 " ms\n", acked, of, json_number(p, "ms", 0));
    fflush(stdout);
    json_array_foreach (json_object_get(p, "missing"), i, v) {
        fprintf(stderr, "error: no acknowledgement from %s\n", json_string_value(v));
        fine = false;
    }
    json_array_foreach (json_object_get(p, "refused"), i, v) {
        fprintf(stderr, "error: %s refused %s: %s\n", json_text(v, "node"), json_text(v, "type"), json_text(v, "why"));
        fine = false;
    }
    return fine ? EXIT_OK : EXIT_FAILED;
}

static int run(struct cli *c, int argc, char **argv)
{
    bool good;
    (void)argc;
    (void)argv;
    c->ns = shared.ns ? shared.ns : c->ns;
    if (names.n == 0) return cli_usage(c, "-f FILE is missing");
    int r = state_require(c);
    if (r) return r;
    json_t *answer = apply_files(c, "apply", &names, timeout_ms, dry_run, &good);
    if (!answer) return EXIT_FAILED;
    r = good ? apply_print_result(answer) : EXIT_FAILED;
    json_decref(answer);
    return r;
}

static const struct opt opts[] = {
    { "filename", 'f', OPT_LIST, &names, "FILE", "file, directory or - (may be repeated)" },
    OPT_NAMESPACE(shared),
    { "timeout", 0, OPT_TIME, &timeout_ms, "TIME", "how long to wait for the proxies (default 10s)" },
    { "dry-run", 0, OPT_FLAG, &dry_run, NULL, "say what would change, change nothing" },
};

const struct command cmd_apply = {
    .name = "apply",
    .args = "-f FILE",
    .brief = "create or change objects; returns when the proxies acknowledged",
    .examples = "  weft apply -f examples/canary/\n  weft apply -f weights.yaml --timeout 5s\n  cat routes.yaml | weft apply -f -\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 0,
    .max = 0,
    .run = run,
};
