/* weft project list, get, delete, candidates, adopt, give-up, members, stop, go: projects and what belongs to them. */
#include "cli/platform.h"

#include <math.h>

static struct text_list remove_members;

/* The project that argv[0] names, else the usual one. Exit code. */
static int name_of(struct cli *c, int argc, char **argv, char **ret)
{
    *ret = NULL;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r != EXIT_OK) return r;
    if (!argc) return platform_project(c, ret);
    *ret = xstrdup(argv[0]);
    return EXIT_OK;
}

static json_t *reason_body(void)
{
    json_t *body = json_object();
    if (po.reason) json_object_set_new(body, "reason", json_string(po.reason));
    return body;
}

/* ---- list, get ---- */

static void project_row(struct table *t, const json_t *p)
{
    AUTO(free_p) char *title = plain(json_text(p, "title"));
    table_cell(t, json_text(p, "name"));
    table_cell(t, title ? title : "");
    table_cell(t, json_text(p, "role") ? json_text(p, "role") : "operator");
    table_cellf(t, "%" PRId64, json_number(p, "summary.services", 0));
    table_cellf(t, "%" PRId64, json_number(p, "summary.members", 0));
    table_cell(t, json_is_true(json_path(p, "summary.stopped")) ? "STOPPED" : "");
    table_row(t);
}

static int list(struct cli *c, int argc, char **argv)
{
    static const char *const headers[] = { "NAME", "TITLE", "YOU ARE", "SERVICES", "MEMBERS", "", NULL };
    json_auto_t *all = NULL;
    (void)argc;
    (void)argv;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_list(c, "/weft/v1/projects", &all);
    if (r != EXIT_OK) return r;
    return platform_show(
        c, all,
        &(struct listing){ headers, project_row, "name", "No project yet. Make one with: weft project create NAME --service SERVICE" });
}

static void print_services(const json_t *items)
{
    static const char *const headers[] = { "SERVICE", "TRAFFIC", "REQUESTS/S", "ERRORS", "P99", "RELEASE", NULL };
    struct table *t = table_new(headers);
    char text[32];
    size_t i, k;
    json_t *s, *v;
    json_array_foreach ((json_t *)items, i, s) {
        struct buf split = { 0 };
        json_array_foreach (json_object_get(s, "versions"), k, v) {
            double ordered = json_real_at(v, "ordered");
            if (!isnan(ordered))
                buf_printf(&split, "%s%s %s", split.len ? ", " : "", json_text(v, "name"), text_percent(ordered, text, sizeof text));
        }
        AUTO(free_p) char *shares = buf_steal(&split);
        const json_t *release = json_object_get(s, "release");
        table_cell(t, json_text(s, "id") ? json_text(s, "id") : json_text(s, "name"));
        table_cell(t, shares);
        table_cell(t, text_count(json_real_at(s, "requests"), text, sizeof text));
        table_cell(t, text_percent(json_real_at(s, "errors"), text, sizeof text));
        table_cell(t, text_ms(json_real_at(s, "p99"), text, sizeof text));
        if (json_is_object(release))
            table_cellf(t, "#%" PRId64 " %s", json_number(release, "n", 0), json_text(release, "state"));
        else
            table_cell(t, "-");
        table_row(t);
    }
    if (table_rows(t))
        table_print(t, stdout);
    else
        printf("No services yet; see: weft project candidates\n");
    table_free(t);
}

static void print_people(const json_t *spec)
{
    size_t i;
    json_t *m, *members = json_object_get(spec, "members");
    json_array_foreach (members, i, m) printf("%s%s (%s)", i ? ", " : "Members: ", json_text(m, "user"), json_text(m, "role"));
    if (i) printf("\n");
    json_array_foreach (json_object_get(spec, "environments"), i, m)
        printf("%s%s = namespace %s%s", i ? ", " : "Environments: ", json_text(m, "name"), json_text(m, "namespace"),
               json_is_true(json_object_get(m, "protected")) ? " (protected)" : "");
    if (i) printf("\n");
}

static int get(struct cli *c, int argc, char **argv)
{
    char *name;
    json_t *p = NULL, *services = NULL;
    int r = name_of(c, argc, argv, &name);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *path = project_path(name, "%s", ""), *below = project_path(name, "/services");
    r = platform_get(c, path, &p);
    if (r == EXIT_OK && c->output) {
        platform_print(c, p, "name");
    } else if (r == EXIT_OK && (r = platform_list(c, below, &services)) == EXIT_OK) {
        const json_t *spec = json_object_get(p, "spec");
        AUTO(free_p) char *title = plain(json_text(spec, "title")), *about = plain(json_text(spec, "description"));
        AUTO(free_p) char *why = plain(json_text(spec, "guardRails.stoppedReason"));
        printf("%s%s%s\n", name, title ? "  " : "", title ? title : "");
        if (about && *about) printf("%s\n", about);
        if (json_is_true(json_path(spec, "guardRails.stopped")))
            printf("STOPPED: nothing new starts or advances%s%s\n", why ? ": " : "", why ? why : "");
        print_people(spec);
        printf("\n");
        print_services(services);
    }
    json_decref(p);
    json_decref(services);
    free(name);
    return r;
}

/* ---- services ---- */

static void candidate_row(struct table *t, const json_t *s)
{
    struct buf names = { 0 };
    size_t i;
    json_t *v;
    json_array_foreach (json_object_get(s, "versions"), i, v)
        buf_printf(&names, "%s%s", names.len ? ", " : "", json_is_string(v) ? json_string_value(v) : json_text(v, "name"));
    AUTO(free_p) char *text = buf_steal(&names);
    table_cell(t, json_text(s, "name"));
    table_cell(t, json_text(s, "namespace"));
    table_cell(t, text && *text ? text : "-");
    table_row(t);
}

static int candidates(struct cli *c, int argc, char **argv)
{
    static const char *const headers[] = { "SERVICE", "NAMESPACE", "VERSIONS", NULL };
    AUTO(free_p) char *name = NULL;
    json_auto_t *all = NULL;
    int r = name_of(c, argc, argv, &name);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *project = path_segment(name);
    AUTO(free_p) char *path = xasprintf("/weft/v1/candidates?project=%s", project);
    r = platform_list(c, path, &all);
    if (r != EXIT_OK) return r;
    return platform_show(c, all, &(struct listing){ headers, candidate_row, "name", "No service of the mesh is without a project." });
}

/* PROJECT SERVICE..., or SERVICE... of the usual project. */
static int each_service(struct cli *c, int argc, char **argv, const char *method, const char *done)
{
    char *project;
    int first = argc > 1 && !po.project ? 1 : 0;
    int r = first ? name_of(c, 1, argv, &project) : name_of(c, 0, argv, &project);
    for (int i = first; r == EXIT_OK && i < argc; i++) {
        AUTO(free_p) char *segment = path_segment(argv[i]);
        AUTO(free_p) char *path = project_path(project, "/services/%s", segment);
        r = platform_call(c, method, path, "*", strcmp(method, "PUT") == 0 ? reason_body() : NULL, NULL);
        if (r == EXIT_OK) printf("%s %s %s\n", argv[i], done, project);
    }
    free(project);
    return r;
}

static int adopt(struct cli *c, int argc, char **argv) { return each_service(c, argc, argv, "PUT", "belongs to"); }

static int give_up(struct cli *c, int argc, char **argv)
{
    int r = platform_confirm("Give %s up? It stays as it is, and belongs to nobody.", argv[argc - 1]);
    return r == EXIT_OK ? each_service(c, argc, argv, "DELETE", "belongs no more to") : r;
}

/* ---- members ---- */

static int set_member(const struct cli *c, const char *project, struct str user, const char *role)
{
    AUTO(free_p) char *text = str_dup(user);
    AUTO(free_p) char *name = path_segment(text);
    AUTO(free_p) char *path = project_path(project, "/members/%s", name);
    int r = platform_call(c, role ? "PUT" : "DELETE", path, "*", role ? json_pack("{s:s}", "role", role) : NULL, NULL);
    if (r == EXIT_OK && role) printf("%s is %s of %s\n", text, role, project);
    if (r == EXIT_OK && !role) printf("%s is no member of %s any more\n", text, project);
    return r;
}

static int print_members(struct cli *c, const char *project)
{
    static const char *const headers[] = { "USER", "ROLE", NULL };
    json_t *p = NULL, *m;
    size_t i;
    AUTO(free_p) char *path = project_path(project, "%s", "");
    int r = platform_get(c, path, &p);
    if (r != EXIT_OK) return r;
    json_t *members = json_path(p, "spec.members");
    if (c->output) {
        json_auto_t *empty = json_array();
        platform_print(c, members ? members : empty, "user");
    } else {
        struct table *t = table_new(headers);
        json_array_foreach (members, i, m) {
            table_cell(t, json_text(m, "user"));
            table_cell(t, json_text(m, "role"));
            table_row(t);
        }
        if (table_rows(t))
            table_print(t, stdout);
        else
            fprintf(stderr, "%s has no members; add one with: weft project members %s USER=ROLE\n", project, project);
        table_free(t);
    }
    json_decref(p);
    return EXIT_OK;
}

static int members(struct cli *c, int argc, char **argv)
{
    char *project;
    int first = argc && !strchr(argv[0], '=') ? 1 : 0;
    int r = name_of(c, first, argv, &project);
    for (int i = first; r == EXIT_OK && i < argc; i++) {
        struct str role = str_of(argv[i]), user = str_cut(&role, '=');
        r = role.p ? set_member(c, project, user, role.p)
                   : cli_usage(c, "\"%s\" is not of the form USER=ROLE (viewer, developer, releaser, owner)", argv[i]);
    }
    for (int i = 0; r == EXIT_OK && i < remove_members.n; i++) r = set_member(c, project, str_of(remove_members.v[i]), NULL);
    if (r == EXIT_OK && argc == first && remove_members.n == 0) r = print_members(c, project);
    free(project);
    return r;
}

/* ---- stop the line, delete ---- */

static int line(struct cli *c, int argc, char **argv, const char *verb, const char *said)
{
    char *project;
    int r = name_of(c, argc, argv, &project);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *path = project_path(project, ":%s", verb);
    r = platform_call(c, "POST", path, "*", reason_body(), NULL);
    if (r == EXIT_OK) printf("%s: %s\n", project, said);
    free(project);
    return r;
}

static int stop(struct cli *c, int argc, char **argv)
{
    return line(c, argc, argv, "stop", "stopped; nothing new starts or advances. Go on with: weft project go");
}
static int go(struct cli *c, int argc, char **argv) { return line(c, argc, argv, "go", "goes on"); }

static int delete (struct cli *c, int argc, char **argv)
{
    char *project;
    int r = name_of(c, argc, argv, &project);
    if (r == EXIT_OK) r = platform_confirm("Delete the project %s? Its services stay as they are and belong to nobody.", project);
    if (r == EXIT_OK) {
        AUTO(free_p) char *path = project_path(project, "%s", "");
        r = platform_call(c, "DELETE", path, "*", NULL, NULL);
    }
    if (r == EXIT_OK) printf("project %s deleted\n", project);
    free(project);
    return r;
}

/* clang-format off */
static const struct opt read_opts[] = { OPT_OUTPUT };
static const struct opt write_opts[] = { OPT_PROJECT, OPT_REASON };
static const struct opt give_up_opts[] = { OPT_PROJECT, OPT_YES };
static const struct opt member_opts[] = {
    { "remove", 0, OPT_LIST, &remove_members, "USER", "take a member out (may be repeated)" }, OPT_OUTPUT,
};
static const struct opt line_opts[] = { OPT_REASON };
static const struct opt delete_opts[] = { OPT_YES };

#define COMMAND(id, name_, args_, min_, max_, opts_, run_, brief_, examples_)                                                              \
    const struct command cmd_project_##id = { .name = "project " name_, .args = args_, .brief = brief_, .examples = examples_,             \
                                              .opts = opts_, .n_opts = ARRAY_LEN(opts_), .min = min_, .max = max_, .run = run_ }

COMMAND(list, "list", "", 0, 0, read_opts, list, "the projects that you may see", "  weft project list\n");
COMMAND(get, "get", "[PROJECT]", 0, 1, read_opts, get, "one project: members, services, figures", "  weft project get shop\n  weft project get shop -o yaml\n");
COMMAND(delete, "delete", "PROJECT", 1, 1, delete_opts, delete, "delete a project; its services stay as they are", "  weft project delete shop --yes\n");
COMMAND(candidates, "candidates", "[PROJECT]", 0, 1, read_opts, candidates, "services of the mesh that no project has", "  weft project candidates\n");
COMMAND(adopt, "adopt", "[PROJECT] SERVICE...", 1, -1, write_opts, adopt, "make services a project's own", "  weft project adopt shop web cart.shop\n");
COMMAND(give_up, "give-up", "[PROJECT] SERVICE", 1, 2, give_up_opts, give_up, "let a service go", "  weft project give-up shop web --yes\n");
COMMAND(members, "members", "[PROJECT] [USER=ROLE...]", 0, -1, member_opts, members, "who belongs to a project, and as what",
        "  weft project members shop\n  weft project members shop anna=releaser li=developer\n  weft project members shop --remove li\n");
COMMAND(stop, "stop", "[PROJECT]", 0, 1, line_opts, stop, "stop the line: nothing new starts or advances", "  weft project stop shop --reason 'incident 17'\n");
COMMAND(go, "go", "[PROJECT]", 0, 1, line_opts, go, "go on after a stop", "  weft project go shop\n");
/* clang-format on */
