/* weft release list, get, status, history, explain, yaml; weft approvals: looking at releases. */
#include "cli/release_watch.h"

#include <math.h>

static struct {
    bool all;
    const char *service;
} o;

static void list_row(struct table *t, const json_t *r)
{
    char when[40], weight[32];
    const char *state = json_text(r, "state"), *verdict = json_text(r, "verdict");
    table_cellf(t, "%s#%" PRId64, json_text(r, "project"), json_number(r, "n", 0));
    table_cell(t, json_text(r, "service.name"));
    table_cellf(t, "%s -> %s", json_text(r, "from"), json_text(r, "to"));
    table_cell(t, json_text(r, "strategy") ? json_text(r, "strategy") : "-");
    table_cell(t, state);
    table_cell(t, verdict && state && strcmp(verdict, state) != 0 ? verdict : "-");
    table_cellf(t, "%" PRId64 "/%" PRId64, json_number(r, "step", -1) + 1, json_number(r, "steps", 0));
    table_cell(t, text_percent(json_real_at(r, "weight"), weight, sizeof weight));
    table_cell(t, text_local(json_text(r, "startedAt"), when, sizeof when));
    table_cell(t, json_text(r, "startedBy"));
    table_row(t);
}

static void print_list(const json_t *list)
{
    static const char *const headers[] = { "RELEASE", "SERVICE", "VERSIONS", "STRATEGY", "STATE", "VERDICT",
                                           "STEP",    "WEIGHT",  "STARTED",  "BY",       NULL };
    struct table *t = table_new(headers);
    size_t i;
    json_t *r;
    json_array_foreach ((json_t *)list, i, r) list_row(t, r);
    if (table_rows(t))
        table_print(t, stdout);
    else
        fprintf(stderr, "No releases. Start one with: weft release start SERVICE --to VERSION\n");
    table_free(t);
}

/* Releases of one project (and service), or of all that one may see. */
static int collect(const struct cli *c, const char *project, const char *service, json_t *into)
{
    json_t *part = NULL;
    AUTO(free_p) char *name = service ? path_segment(service) : NULL;
    AUTO(free_p)
    char *path = project_path(project, "/releases?limit=1000%s%s%s", name ? "&service=" : "", name ? name : "",
                              o.all || name ? "" : "&state=active");
    int r = platform_list(c, path, &part);
    if (r == EXIT_OK) json_array_extend(into, part);
    json_decref(part);
    return r;
}

static int collect_all(const struct cli *c, json_t *into)
{
    json_t *projects = NULL, *p;
    size_t i;
    const char *env = getenv("WEFT_PROJECT"), *given = po.project ? po.project : env && *env ? env : NULL;
    if (given) return collect(c, given, NULL, into);
    int r = platform_list(c, "/weft/v1/projects", &projects);
    json_array_foreach (projects, i, p) {
        if (r == EXIT_OK && json_text(p, "name")) r = collect(c, json_text(p, "name"), NULL, into);
    }
    json_decref(projects);
    return r;
}

static int list(struct cli *c, int argc, char **argv)
{
    struct service_ref s = { 0 };
    json_auto_t *all = json_array();
    const char *word = o.service ? o.service : argc ? argv[0] : NULL;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK && word) r = platform_service(c, word, &s);
    if (r == EXIT_OK) r = word ? collect(c, s.project, s.name, all) : collect_all(c, all);
    service_ref_free(&s);
    if (r != EXIT_OK) return r;
    if (c->output) return platform_print(c, all, "name");
    if (json_array_size(all) == 0 && !o.all && !word) {
        fprintf(stderr, "No release is under way. Those that have ended: weft release list --all\n");
        return EXIT_OK;
    }
    print_list(all);
    return EXIT_OK;
}

static int history(struct cli *c, int argc, char **argv)
{
    struct service_ref s = { 0 };
    json_auto_t *all = json_array();
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_service(c, argc ? argv[0] : NULL, &s);
    if (r == EXIT_OK) r = collect(c, s.project, s.name, all);
    service_ref_free(&s);
    if (r != EXIT_OK) return r;
    if (c->output) return platform_print(c, all, "name");
    print_list(all);
    return EXIT_OK;
}

static int with_release(struct cli *c, int argc, char **argv, int (*fn)(struct cli *c, struct release_ref *ref))
{
    struct release_ref ref = { 0 };
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_release(c, argc ? argv[0] : NULL, &ref);
    if (r == EXIT_OK) r = fn(c, &ref);
    release_ref_free(&ref);
    return r;
}

static int get_one(struct cli *c, struct release_ref *ref)
{
    if (c->output) return platform_print(c, ref->release, "name");
    return po.watch ? release_follow(c, ref, false) : release_show(c, ref);
}

static int status_one(struct cli *c, struct release_ref *ref) { return release_follow(c, ref, true); }

static int yaml_one(struct cli *c, struct release_ref *ref)
{
    struct api_answer a;
    struct err e = { 0 };
    AUTO(free_p) char *path = xasprintf("%s/yaml", ref->path);
    const struct api_request q = { .path = path, .accept = "application/yaml, text/plain, */*" };
    if (api_send(c, &q, &a, &e) < 0) return cli_fail(&e);
    int r = a.status == 200 ? EXIT_OK : platform_problem(a.status, a.body);
    if (r == EXIT_OK && json_is_object(a.body) && json_text(a.body, "yaml"))
        fputs(json_text(a.body, "yaml"), stdout);
    else if (r == EXIT_OK)
        fwrite(buf_data(&a.raw), 1, a.raw.len, stdout);
    api_answer_free(&a);
    return r;
}

/* ---- explain: why it stands as it stands, in sentences ---- */

static void sentence(const json_t *r, const char *key, const char *before)
{
    AUTO(free_p) char *text = plain(json_text(r, key));
    if (text && *text) printf("%s%s\n", before, text);
}

static void explain_outcome(const json_t *r)
{
    const json_t *out = json_object_get(r, "outcome");
    char d[32], lo[32], hi[32], n[32];
    if (!json_is_object(out)) return;
    const char *metric = json_text(out, "metric");
    double difference = json_real_at(out, "difference");
    printf("It ended after %.0f s and %s requests to the new version", json_real_at(out, "seconds"),
           text_count(json_real_at(out, "requests"), n, sizeof n));
    if (json_number(out, "usersHit", 0) > 0) printf(", about %" PRId64 " of which failed because of it", json_number(out, "usersHit", 0));
    printf(".\n");
    if (metric && !isnan(difference))
        printf("%s: a difference of %s (between %s and %s)%s%s.\n", metric, text_count(difference, d, sizeof d),
               text_count(json_real_at(out, "lo"), lo, sizeof lo), text_count(json_real_at(out, "hi"), hi, sizeof hi),
               json_text(out, "pod") ? ", most of it from pod " : "", json_text(out, "pod") ? json_text(out, "pod") : "");
}

static void explain_metrics(const json_t *r)
{
    size_t i;
    json_t *m;
    json_array_foreach (json_object_get(r, "metrics"), i, m) {
        char n[32];
        const char *verdict = json_text(m, "verdict"), *id = json_text(m, "id");
        double odds = json_real_at(m, "odds"), ship = json_real_at(m, "toShip"), hi = json_real_at(m, "hi");
        printf("  %s: %s", id ? id : "?", verdict ? verdict : "unknown");
        if (release_compared(m)) {
            printf("; new/old x %.2f", json_real_at(m, "ratio"));
            if (!isnan(hi)) printf(", between %.2f and %.2f", json_real_at(m, "lo"), hi);
        }
        if (!isnan(odds) && odds > 2) printf("; a healthy version would look like this in 1 of %s releases", text_count(odds, n, sizeof n));
        if (!isnan(ship) && ship > 0) printf("; %s more requests would settle it", text_count(ship, n, sizeof n));
        printf("\n");
    }
}

static void explain_actions(const struct release_ref *ref)
{
    size_t i, n = 0;
    json_t *a;
    json_array_foreach (json_object_get(ref->release, "actions"), i, a) {
        AUTO(free_p) char *effect = plain(json_text(a, "effect"));
        if (!json_is_true(json_object_get(a, "allowed"))) continue;
        if (n++ == 0) printf("What can be done:\n");
        printf("  weft release %s %s#%" PRId64 "%s%s\n", json_text(a, "verb"), ref->project, ref->n, effect && *effect ? "   # " : "",
               effect ? effect : "");
    }
}

static int explain_one(struct cli *c, struct release_ref *ref)
{
    struct buf line = { 0 };
    const json_t *r = ref->release;
    if (c->output) return platform_print(c, r, "name");
    release_line(r, &line);
    printf("%s#%" PRId64 " %.*s\n", ref->project, ref->n, (int)line.len, buf_data(&line));
    buf_free(&line);
    explain_outcome(r);
    sentence(r, "podNote", "Pods: ");
    sentence(json_object_get(r, "held"), "reason", "Held: ");
    if (json_array_size(json_object_get(r, "metrics"))) printf("What was measured:\n");
    explain_metrics(r);
    explain_actions(ref);
    return EXIT_OK;
}

static int get(struct cli *c, int argc, char **argv) { return with_release(c, argc, argv, get_one); }
static int status(struct cli *c, int argc, char **argv) { return with_release(c, argc, argv, status_one); }
static int yaml(struct cli *c, int argc, char **argv) { return with_release(c, argc, argv, yaml_one); }
static int explain(struct cli *c, int argc, char **argv) { return with_release(c, argc, argv, explain_one); }

/* ---- approvals ---- */

static void approval_row(struct table *t, const json_t *a)
{
    char when[40], weight[32];
    AUTO(free_p) char *evidence = plain(json_text(a, "evidence")), *why = plain(json_text(a, "why"));
    bool may = json_is_true(json_object_get(a, "mayApprove"));
    const json_t *n = json_object_get(a, "release"), *service = json_object_get(a, "service");
    int64_t number = json_is_object(n) ? json_number(n, "n", 0) : json_integer_value(n);
    table_cellf(t, "%s#%" PRId64, json_text(a, "project"), number);
    table_cell(t, json_is_object(service) ? json_text(service, "name") : json_string_value(service));
    table_cellf(t, "%" PRId64, json_number(a, "step", -1) + 1);
    table_cell(t, text_percent(json_real_at(a, "weight"), weight, sizeof weight));
    table_cell(t, text_local(json_text(a, "since"), when, sizeof when));
    table_cell(t, json_text(a, "startedBy"));
    table_cell(t, may ? "yes" : why ? why : "no");
    table_cell(t, evidence ? evidence : "");
    table_row(t);
}

static int approvals(struct cli *c, int argc, char **argv)
{
    static const char *const headers[] = { "RELEASE", "SERVICE", "STEP", "WEIGHT", "SINCE", "STARTED BY", "MAY YOU", "EVIDENCE", NULL };
    json_auto_t *items = NULL;
    (void)argc;
    (void)argv;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_list(c, "/weft/v1/approvals", &items);
    if (r != EXIT_OK) return r;
    return platform_show(c, items, &(struct listing){ headers, approval_row, "release", "Nothing waits for an approval." });
}

/* clang-format off */
static const struct opt list_opts[] = {
    { "all", 'a', OPT_FLAG, &o.all, NULL, "also those that have ended" },
    { "service", 's', OPT_TEXT, &o.service, "SERVICE", "of one service, ended ones too" },
    OPT_PROJECT, OPT_OUTPUT,
};
static const struct opt get_opts[] = {
    { "watch", 'w', OPT_FLAG, &po.watch, NULL, "live until it ends; exit 3: rolled back" },
    OPT_TIMEOUT, OPT_PROJECT, OPT_OUTPUT,
};
static const struct opt status_opts[] = { OPT_TIMEOUT, OPT_PROJECT };
static const struct opt read_opts[] = { OPT_PROJECT, OPT_OUTPUT };
static const struct opt yaml_opts[] = { OPT_PROJECT };

#define COMMAND(id, name_, args_, opts_, run_, brief_, examples_)                                                                          \
    const struct command cmd_##id = { .name = name_, .args = args_, .brief = brief_, .examples = examples_, .opts = opts_,                 \
                                      .n_opts = ARRAY_LEN(opts_), .min = 0, .max = 1, .run = run_ }

COMMAND(release_list, "release list", "[SERVICE]", list_opts, list, "releases under way, of all projects",
        "  weft release list\n  weft release list --all -p shop\n  weft release list -o json\n");
COMMAND(release_get, "release get", "[PROJECT#N|SERVICE]", get_opts, get, "one release: split, steps, measurements, log; -w: live",
        "  weft release get shop#12\n  weft release get web -w\n  weft release get -w --timeout 10m || echo \"exit $?\"\n");
COMMAND(release_status, "release status", "[PROJECT#N|SERVICE]", status_opts, status,
        "wait until a release has ended; exit 0 released, 3 rolled back, 4 not in time",
        "  weft release status web --timeout 30m\n");
COMMAND(release_history, "release history", "[SERVICE]", read_opts, history, "all releases of a service", "  weft release history web\n");
COMMAND(release_explain, "release explain", "[PROJECT#N|SERVICE]", read_opts, explain, "why a release stands as it does, and what can be done",
        "  weft release explain web\n");
COMMAND(release_yaml, "release yaml", "[PROJECT#N|SERVICE]", yaml_opts, yaml, "a release as a manifest, for Git",
        "  weft release yaml shop#12 > release.yaml\n");

const struct command cmd_approvals = {
    .name = "approvals", .args = "", .brief = "steps that wait for somebody's approval",
    .examples = "  weft approvals\n  weft release approve shop#12 --reason 'looked at the errors'\n",
    .opts = read_opts, .n_opts = ARRAY_LEN(read_opts), .min = 0, .max = 0, .run = approvals,
};
/* clang-format on */
