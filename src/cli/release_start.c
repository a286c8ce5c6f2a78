/* weft release start, plan: a new release, from options or from a manifest. */
#include "base/rng.h"
#include "cli/release_spec.h"
#include "cli/release_watch.h"
#include "cli/traffic_spec.h"

#include <math.h>

static struct release_words words;

/* The spec that file and options say; *ret_project is where. Exit code. */
static int make_spec(struct cli *c, const char *word, json_t **ret, char **ret_project)
{
    struct err e = { 0 };
    struct service_ref s = { 0 };
    json_t *match = NULL, *spec = po.file ? platform_spec(po.file, "Release") : json_object();
    const char *service = word ? word : json_text(spec, "service");
    if (!spec) return EXIT_FAILED;
    if (po.file && !po.project) po.project = json_text(spec, "project");
    if (!words.to && !json_text(spec, "to")) {
        json_decref(spec);
        return cli_usage(c, "--to VERSION is missing; see: weft traffic get%s%s", word ? " " : "", word ? word : "");
    }
    words.reason = po.reason;
    int r = platform_service(c, service, &s);
    if (r == EXIT_OK && (spec_match(&match_options, &match, &e) < 0 || release_spec_apply(spec, &words, match, &e) < 0)) {
        char text[1024];
        r = cli_usage(c, "%s", err_text(&e, text, sizeof text) + strlen("error: "));
    }
    if (r == EXIT_OK) {
        json_object_set_new(spec, "project", json_string(s.project));
        json_object_set_new(spec, "service", json_string(s.name));
        *ret_project = xstrdup(s.project);
        *ret = json_incref(spec);
    }
    json_decref(match);
    json_decref(spec);
    service_ref_free(&s);
    return r;
}

static void print_guard_rails(const json_t *list)
{
    size_t i;
    json_t *one;
    json_array_foreach ((json_t *)list, i, one) {
        bool ok = json_is_true(json_object_get(one, "ok"));
        AUTO(free_p) char *message = plain(json_text(one, "message")), *detail = plain(json_text(one, "detail"));
        printf("%s %s%s%s\n", ok ? "ok:     " : "refused:", message ? message : "a guard rail", detail && *detail ? ": " : "",
               detail ? detail : "");
    }
}

static int print_plan(const struct cli *c, const json_t *plan)
{
    struct buf b = { 0 };
    const struct view_options o = { 0 };
    const json_t *rails = json_object_get(plan, "guardRails");
    size_t i;
    json_t *one;
    bool refused = false;
    if (c->output) return platform_print(c, plan, "sentence");
    AUTO(free_p) char *sentence = plain(json_text(plan, "sentence"));
    if (sentence) printf("%s\n\n", sentence);
    release_steps(json_object_get(plan, "steps"), &o, &b);
    fwrite(buf_data(&b), 1, b.len, stdout);
    buf_free(&b);
    if (json_array_size(rails)) printf("\n");
    print_guard_rails(rails);
    json_array_foreach ((json_t *)rails, i, one) refused = refused || !json_is_true(json_object_get(one, "ok"));
    if (json_array_size(json_object_get(plan, "errors"))) {
        json_auto_t *problem =
            json_pack("{s:s, s:O}", "detail", "this release cannot be started", "errors", json_object_get(plan, "errors"));
        return platform_problem(400, problem);
    }
    return refused ? EXIT_REFUSED : EXIT_OK;
}

/* "errors" of a plan and of a refusal are about the spec; the body has it as "spec". */
static int plan_it(struct cli *c, const char *project, json_t *spec)
{
    json_t *plan = NULL;
    AUTO(free_p) char *path = project_path(project, "/releases:plan");
    int r = platform_call(c, "POST", path, NULL, json_pack("{s:O}", "spec", spec), &plan);
    if (r == EXIT_OK) r = print_plan(c, plan);
    json_decref(plan);
    return r;
}

static int begin(struct cli *c, const char *project, json_t *spec)
{
    struct rng rng;
    struct release_ref ref = { 0 };
    json_auto_t *body = json_pack("{s:O}", "spec", spec);
    AUTO(free_p) char *path = project_path(project, "/releases"), *text = json_dumps(body, JSON_COMPACT);
    char key[40];
    rng_seed(&rng);
    snprintf(key, sizeof key, "cli-%016" PRIx64 "%016" PRIx64, rng_u64(&rng), rng_u64(&rng));
    const struct api_request q = { .method = "POST", .path = path, .body = str_of(text), .idempotency_key = key };
    int r = platform_send(c, &q, &ref.release);
    if (r == EXIT_OK) {
        ref.n = json_number(ref.release, "n", 0);
        ref.project = xstrdup(project);
        ref.path = project_path(project, "/releases/%" PRId64, ref.n);
        if (c->output)
            r = platform_print(c, ref.release, "name");
        else if (!po.watch && !po.wait)
            printf("%s#%" PRId64 " started\nwatch it: weft release get %s#%" PRId64 " -w\n", project, ref.n, project, ref.n);
        if (po.watch || po.wait) r = release_follow(c, &ref, po.wait && !po.watch);
    }
    release_ref_free(&ref);
    return r;
}

static int with_spec(struct cli *c, int argc, char **argv, bool plan)
{
    json_t *spec = NULL;
    char *project = NULL;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = make_spec(c, argc ? argv[0] : NULL, &spec, &project);
    if (r == EXIT_OK) r = plan ? plan_it(c, project, spec) : begin(c, project, spec);
    json_decref(spec);
    free(project);
    return r;
}

static int start(struct cli *c, int argc, char **argv) { return with_spec(c, argc, argv, po.dry_run); }
static int plan(struct cli *c, int argc, char **argv) { return with_spec(c, argc, argv, true); }

/* clang-format off */
#define OPT_SPEC \
    { "to", 0, OPT_TEXT, &words.to, "VERSION", "the new version" }, \
    { "from", 0, OPT_TEXT, &words.from, "VERSION", "the old one (default: the one that has the traffic)" }, \
    { "strategy", 0, OPT_TEXT, &words.strategy, "NAME", "gray, progressive (default), blue-green or mirror-first" }, \
    { "steps", 0, OPT_TEXT, &words.steps, "WEIGHT[:BAKE],...", "steps of your own" }, \
    { "bake", 0, OPT_TEXT, &words.bake, "TIME", "how long each of them is watched (default 5m)" }, \
    OPT_MATCH, \
    { "approval-from", 0, OPT_TEXT, &words.approval_from, "PERCENT", "steps at or above this weight wait for a releaser" }, \
    { "inconclusive", 0, OPT_TEXT, &words.inconclusive, "WHAT", "hold (default), advance or rollback where nothing can be said" }, \
    { "supersede", 0, OPT_TEXT, &words.supersede, "WHAT", "with a release under way: stop (ends it), queue (waits for it); else it is refused" }, \
    { "warm-for", 0, OPT_TEXT, &words.warm_for, "TIME", "how long the old version stays warm (default 15m)" }, \
    OPT_FILE, OPT_PROJECT, OPT_REASON, OPT_OUTPUT

static const struct opt start_opts[] = {
    OPT_SPEC, OPT_DRY_RUN,
    { "watch", 'w', OPT_FLAG, &po.watch, NULL, "live until it ends" },
    OPT_WAIT, OPT_TIMEOUT,
};
static const struct opt plan_opts[] = { OPT_SPEC };

const struct command cmd_release_start = {
    .name = "release start", .args = "[SERVICE] --to VERSION", .brief = "begin to bring a new version out",
    .examples = "  weft release start web --to v2\n"
                "  weft release start web --to v2 --header version=200 --steps 10,50,100 --bake 1m --reason 'new checkout' -w\n"
                "  weft release start web --to v2 --steps 5:10m,25:10m,100 --approval-from 25\n"
                "  weft release start -f release.yaml --wait --timeout 1h\n",
    .opts = start_opts, .n_opts = ARRAY_LEN(start_opts), .min = 0, .max = 1, .run = start,
};
const struct command cmd_release_plan = {
    .name = "release plan", .args = "[SERVICE] --to VERSION", .brief = "what a release would do, and what the guard rails say; changes nothing",
    .examples = "  weft release plan web --to v2 --strategy gray\n  weft release plan -f release.yaml\n",
    .opts = plan_opts, .n_opts = ARRAY_LEN(plan_opts), .min = 0, .max = 1, .run = plan,
};
/* clang-format on */
