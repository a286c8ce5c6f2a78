/* weft project create, edit, guard-rails: what a project says of itself. */
#include "cli/platform.h"
#include "cli/traffic_spec.h"

#include <math.h>

static struct {
    const char *title, *description;
    struct text_list services, members, environments, protected;
} o;
static struct {
    const char *max_first_step, *max_step, *min_bake, *approval_from, *approval_role;
    int approvers;
} g = { .approvers = -1 };

/* "web", "web.shop" -> {"name", "namespace"} */
static void add_services(json_t *spec)
{
    json_t *list = json_object_get(spec, "services");
    if (o.services.n && !list) json_object_set_new(spec, "services", list = json_array());
    for (int i = 0; i < o.services.n; i++) {
        struct str ns = str_of(o.services.v[i]), name = str_cut(&ns, '.');
        json_array_append_new(list,
                              json_pack("{s:s%, s:s%}", "name", name.p, name.n, "namespace", ns.n ? ns.p : "default", ns.n ? ns.n : 7));
    }
}

/* NAME=VALUE pairs as objects {a: NAME, b: VALUE}. */
static int add_pairs(struct cli *c, json_t *spec, const char *key, const struct text_list *words, const char *a, const char *b,
                     const char *option)
{
    json_t *list = json_object_get(spec, key);
    if (words->n && !list) json_object_set_new(spec, key, list = json_array());
    for (int i = 0; i < words->n; i++) {
        struct str value = str_of(words->v[i]), name = str_cut(&value, '=');
        if (!value.n || !name.n) return cli_usage(c, "--%s \"%s\" is not of the form NAME=VALUE", option, words->v[i]);
        json_array_append_new(list, json_pack("{s:s%, s:s%}", a, name.p, name.n, b, value.p, value.n));
    }
    return EXIT_OK;
}

static int protect(struct cli *c, json_t *spec)
{
    size_t k;
    json_t *env;
    for (int i = 0; i < o.protected.n; i++) {
        bool found = false;
        json_array_foreach (json_object_get(spec, "environments"), k, env) {
            const char *name = json_text(env, "name");
            if (!name || strcmp(name, o.protected.v[i]) != 0) continue;
            json_object_set_new(env, "protected", json_true());
            found = true;
        }
        if (!found) return cli_usage(c, "--protected %s: there is no such environment", o.protected.v[i]);
    }
    return EXIT_OK;
}

static int lay_options(struct cli *c, json_t *spec)
{
    if (o.title) json_object_set_new(spec, "title", json_string(o.title));
    if (o.description) json_object_set_new(spec, "description", json_string(o.description));
    add_services(spec);
    int r = add_pairs(c, spec, "members", &o.members, "user", "role", "member");
    if (r == EXIT_OK) r = add_pairs(c, spec, "environments", &o.environments, "name", "namespace", "environment");
    return r == EXIT_OK ? protect(c, spec) : r;
}

static json_t *with_reason(json_t *body)
{
    if (po.reason) json_object_set_new(body, "reason", json_string(po.reason));
    return body;
}

static int create(struct cli *c, int argc, char **argv)
{
    json_t *made = NULL;
    (void)argc;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    json_t *spec = r != EXIT_OK ? NULL : po.file ? platform_spec(po.file, "Project") : json_object();
    if (r == EXIT_OK && !spec) r = EXIT_FAILED;
    if (r == EXIT_OK) r = lay_options(c, spec);
    if (r == EXIT_OK)
        r = platform_call(c, "POST", "/weft/v1/projects", NULL, with_reason(json_pack("{s:s, s:O}", "name", argv[0], "spec", spec)), &made);
    if (r == EXIT_OK && c->output)
        platform_print(c, made, "name");
    else if (r == EXIT_OK)
        printf("project %s created\n", argv[0]);
    json_decref(spec);
    json_decref(made);
    return r;
}

/* Fetches, lets `edit` change the object behind `key`, and puts it back with the ETag of what was read. */
static int edit_at(struct cli *c, int argc, char **argv, const char *rest, const char *key, int (*edit)(struct cli *c, json_t *object))
{
    char *project = NULL;
    json_t *now = NULL, *answer = NULL;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK && argc) project = xstrdup(argv[0]);
    if (r == EXIT_OK && !argc) r = platform_project(c, &project);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *path = project_path(project, "%s", rest);
    r = platform_get(c, path, &now);
    json_t *object = json_deep_copy(json_object_get(now, key));
    if (!json_is_object(object)) {
        json_decref(object);
        object = json_object();
    }
    if (r == EXIT_OK && po.file) {
        json_decref(object);
        object = platform_spec(po.file, "Project");
        if (!object) r = EXIT_FAILED;
    }
    if (r == EXIT_OK) r = edit(c, object);
    const char *etag = json_text(now, "etag");
    if (r == EXIT_OK) r = platform_call(c, "PUT", path, etag ? etag : "*", with_reason(json_pack("{s:O}", key, object)), &answer);
    if (r == EXIT_OK && c->output)
        platform_print(c, answer, "name");
    else if (r == EXIT_OK)
        printf("project %s changed\n", project);
    json_decref(object);
    json_decref(answer);
    json_decref(now);
    free(project);
    return r;
}

static int edit(struct cli *c, int argc, char **argv)
{
    if (!po.file && !o.title && !o.description && !o.services.n && !o.members.n && !o.environments.n && !o.protected.n)
        return cli_usage(
            c, "what shall change? Give -f FILE or an option; services and members also: weft project adopt, weft project members");
    return edit_at(c, argc, argv, "", "spec", lay_options);
}

/* ---- guard rails ---- */

static int set_percent(struct cli *c, json_t *rails, const char *key, const char *option, const char *text)
{
    double v;
    if (!text) return EXIT_OK;
    if (strcmp(text, "off") == 0) {
        json_object_del(rails, key);
        return EXIT_OK;
    }
    if (!spec_percent(text, &v)) return cli_usage(c, "--%s \"%s\" is not a percentage, or off", option, text);
    json_object_set_new(rails, key, v == floor(v) ? json_integer((json_int_t)v) : json_real(v));
    return EXIT_OK;
}

static int lay_rails(struct cli *c, json_t *rails)
{
    char text[32];
    int r = set_percent(c, rails, "maxFirstStep", "max-first-step", g.max_first_step);
    if (r == EXIT_OK) r = set_percent(c, rails, "maxStep", "max-step", g.max_step);
    if (r == EXIT_OK) r = set_percent(c, rails, "approvalFrom", "approval-from", g.approval_from);
    if (r != EXIT_OK) return r;
    if (g.min_bake && strcmp(g.min_bake, "off") == 0)
        json_object_del(rails, "minBake");
    else if (g.min_bake && !spec_duration(g.min_bake, text, sizeof text))
        return cli_usage(c, "--min-bake \"%s\" is not a time such as 5m, or off", g.min_bake);
    else if (g.min_bake)
        json_object_set_new(rails, "minBake", json_string(text));
    json_t *approval = json_object_get(rails, "approval");
    if ((g.approval_role || g.approvers > 0) && !json_is_object(approval)) json_object_set_new(rails, "approval", approval = json_object());
    if (g.approval_role) json_object_set_new(approval, "role", json_string(g.approval_role));
    if (g.approvers > 0) json_object_set_new(approval, "count", json_integer(g.approvers));
    if (g.approvers == 0) json_object_del(rails, "approval");
    return EXIT_OK;
}

static void print_rails(const json_t *rails)
{
    static const struct {
        const char *key, *words;
        bool percent;
    } rows[] = { { "maxFirstStep", "first step at most", true },
                 { "maxStep", "one step at most", true },
                 { "minBake", "each step watched at least", false },
                 { "approvalFrom", "approval at or above", true } };
    char text[32];
    size_t i, n = 0;
    json_t *f;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const json_t *v = json_object_get(rails, rows[i].key);
        if (!v || json_is_null(v)) continue;
        n++;
        printf("%-28s %s\n", rows[i].words, rows[i].percent ? text_percent(json_number_value(v), text, sizeof text) : json_string_value(v));
    }
    const json_t *approval = json_object_get(rails, "approval");
    if (json_is_object(approval))
        printf("%-28s %" PRId64 " of role %s, not the author\n", "approvals", json_number(approval, "count", 1),
               json_text(approval, "role") ? json_text(approval, "role") : "releaser");
    json_array_foreach (json_object_get(rails, "freezes"), i, f)
        printf("%-28s %s\n", "freeze", json_text(f, "name") ? json_text(f, "name") : "(without name)");
    if (!n && !i && !approval) printf("No guard rails of its own. Automatic rollback is always armed.\n");
    if (json_is_true(json_object_get(rails, "stopped"))) printf("STOPPED: nothing new starts or advances\n");
}

static int show_rails(struct cli *c, int argc, char **argv)
{
    char *project = NULL;
    json_t *answer = NULL;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK && argc) project = xstrdup(argv[0]);
    if (r == EXIT_OK && !argc) r = platform_project(c, &project);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *path = project_path(project, "/guard-rails");
    r = platform_get(c, path, &answer);
    const json_t *rails = json_object_get(answer, "guardRails");
    if (r == EXIT_OK && c->output)
        platform_print(c, answer, "name");
    else if (r == EXIT_OK)
        print_rails(rails ? rails : answer);
    json_decref(answer);
    free(project);
    return r;
}

static int guard_rails(struct cli *c, int argc, char **argv)
{
    bool set = po.file || g.max_first_step || g.max_step || g.min_bake || g.approval_from || g.approval_role || g.approvers >= 0;
    return set ? edit_at(c, argc, argv, "/guard-rails", "guardRails", lay_rails) : show_rails(c, argc, argv);
}

/* clang-format off */
#define OPT_SPEC \
    { "title", 0, OPT_TEXT, &o.title, "TEXT", "its name for people" }, \
    { "description", 0, OPT_TEXT, &o.description, "TEXT", "what it is" }, \
    { "service", 's', OPT_LIST, &o.services, "SERVICE[.NAMESPACE]", "a service of its own (may be repeated)" }, \
    { "member", 0, OPT_LIST, &o.members, "USER=ROLE", "viewer, developer, releaser or owner (may be repeated)" }, \
    { "environment", 0, OPT_LIST, &o.environments, "NAME=NAMESPACE", "an environment (may be repeated)" }, \
    { "protected", 0, OPT_LIST, &o.protected, "NAME", "developers do not promote in this environment" }, \
    OPT_FILE, OPT_REASON, OPT_OUTPUT

static const struct opt spec_opts[] = { OPT_SPEC };
static const struct opt rail_opts[] = {
    { "max-first-step", 0, OPT_TEXT, &g.max_first_step, "PERCENT", "the most that a release may begin with; off: no limit" },
    { "max-step", 0, OPT_TEXT, &g.max_step, "POINTS", "the most that one step may add" },
    { "min-bake", 0, OPT_TEXT, &g.min_bake, "TIME", "how long each step is watched at least" },
    { "approval-from", 0, OPT_TEXT, &g.approval_from, "PERCENT", "steps at or above this weight need an approval" },
    { "approvers", 0, OPT_INT, &g.approvers, "N", "how many; 0: none" },
    { "approval-role", 0, OPT_TEXT, &g.approval_role, "ROLE", "releaser or owner" },
    OPT_FILE, OPT_REASON, OPT_OUTPUT,
};

const struct command cmd_project_create = {
    .name = "project create", .args = "NAME", .brief = "make a project; who makes it owns it",
    .examples = "  weft project create shop --title 'The shop' --service web --service cart\n"
                "  weft project create shop --environment production=shop --protected production --member anna=owner\n"
                "  weft project create shop -f project.yaml\n",
    .opts = spec_opts, .n_opts = ARRAY_LEN(spec_opts), .min = 1, .max = 1, .run = create,
};
const struct command cmd_project_edit = {
    .name = "project edit", .args = "[PROJECT]", .brief = "change what a project says of itself",
    .examples = "  weft project edit shop --title 'The big shop'\n  weft project get shop -o yaml > p.yaml; weft project edit shop -f p.yaml\n",
    .opts = spec_opts, .n_opts = ARRAY_LEN(spec_opts), .min = 0, .max = 1, .run = edit,
};
const struct command cmd_project_guard_rails = {
    .name = "project guard-rails", .args = "[PROJECT]", .brief = "show or set what every release of a project must keep to",
    .examples = "  weft project guard-rails shop\n  weft project guard-rails shop --max-first-step 5 --min-bake 5m --approval-from 50 --approvers 1\n"
                "  weft project guard-rails shop -f guard-rails.yaml\n",
    .opts = rail_opts, .n_opts = ARRAY_LEN(rail_opts), .min = 0, .max = 1, .run = guard_rails,
};
/* clang-format on */
