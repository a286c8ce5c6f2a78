/* weft token create, list, revoke: a project's tokens, for pipelines and other robots. */
#include "base/clock.h"
#include "cli/platform.h"

static struct text_list scopes;
static int64_t expires_ms;

static int tokens_path(struct cli *c, char **ret_project, char **ret_path)
{
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_project(c, ret_project);
    if (r == EXIT_OK) *ret_path = project_path(*ret_project, "/tokens");
    return r;
}

static int create(struct cli *c, int argc, char **argv)
{
    AUTO(free_p) char *project = NULL, *path = NULL;
    json_t *made = NULL, *list = json_array();
    char when[40];
    (void)argc;
    for (int i = 0; i < scopes.n; i++) {
        struct str rest = str_of(scopes.v[i]);
        while (rest.p) {
            struct str one = str_trim(str_cut(&rest, ','));
            if (one.n) json_array_append_new(list, json_stringn(one.p, one.n));
        }
    }
    json_t *body = json_pack("{s:s, s:o}", "name", argv[0], "scopes", list);
    if (expires_ms) json_object_set_new(body, "expiresAt", json_string(clock_rfc3339(clock_wall_ms() + expires_ms, when, sizeof when)));
    int r = scopes.n ? tokens_path(c, &project, &path) : cli_usage(c, "--scope SCOPE is missing, for instance --scope read,release:start");
    if (r != EXIT_OK) {
        json_decref(body);
        return r;
    }
    r = platform_call(c, "POST", path, NULL, body, &made);
    if (r == EXIT_OK && c->output)
        platform_print(c, made, "token");
    else if (r == EXIT_OK) {
        fprintf(stderr, "It is shown this once. Use it as WEFT_TOKEN, or as Authorization: Bearer.\n");
        printf("%s\n", json_text(made, "token"));
    }
    json_decref(made);
    return r;
}

static void row(struct table *t, const json_t *one)
{
    struct buf text = { 0 };
    size_t i;
    json_t *s;
    char when[40];
    json_array_foreach (json_object_get(one, "scopes"), i, s) buf_printf(&text, "%s%s", i ? "," : "", json_string_value(s));
    AUTO(free_p) char *all = buf_steal(&text), *name = plain(json_text(one, "name"));
    table_cell(t, json_text(one, "id"));
    table_cell(t, name);
    table_cell(t, json_text(one, "prefix"));
    table_cell(t, all);
    table_cell(t, text_local(json_text(one, "expiresAt"), when, sizeof when));
    table_cell(t, text_local(json_text(one, "lastUsedAt"), when, sizeof when));
    table_cell(t, json_text(one, "createdBy"));
    table_row(t);
}

static int list(struct cli *c, int argc, char **argv)
{
    static const char *const headers[] = { "ID", "NAME", "BEGINS WITH", "SCOPES", "EXPIRES", "LAST USED", "BY", NULL };
    AUTO(free_p) char *project = NULL, *path = NULL;
    json_auto_t *all = NULL;
    (void)argc;
    (void)argv;
    int r = tokens_path(c, &project, &path);
    if (r == EXIT_OK) r = platform_list(c, path, &all);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *nothing = xasprintf("%s has no tokens.", project);
    return platform_show(c, all, &(struct listing){ headers, row, "id", nothing });
}

static int revoke(struct cli *c, int argc, char **argv)
{
    AUTO(free_p) char *project = NULL, *path = NULL;
    (void)argc;
    int r = tokens_path(c, &project, &path);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *id = path_segment(argv[0]);
    AUTO(free_p) char *url = xasprintf("%s/%s", path, id);
    r = platform_call(c, "DELETE", url, NULL, NULL, NULL);
    if (r == EXIT_OK) printf("token %s is revoked\n", argv[0]);
    return r;
}

/* clang-format off */
static const struct opt create_opts[] = {
    { "scope", 0, OPT_LIST, &scopes, "SCOPE", "what it may do: read, release:start, traffic:write, ... (may be repeated)" },
    { "expires", 0, OPT_TIME, &expires_ms, "TIME", "for how long: 720h" },
    OPT_PROJECT, OPT_OUTPUT,
};
static const struct opt list_opts[] = { OPT_PROJECT, OPT_OUTPUT };
static const struct opt revoke_opts[] = { OPT_PROJECT };

#define COMMAND(id, name_, args_, n, opts_, brief_, examples_)                                                                             \
    const struct command cmd_token_##id = { .name = "token " name_, .args = args_, .brief = brief_, .examples = examples_,                 \
                                            .opts = opts_, .n_opts = ARRAY_LEN(opts_), .min = n, .max = n, .run = id }

COMMAND(create, "create", "NAME --scope SCOPE", 1, create_opts, "make a token for a pipeline; it is shown once",
        "  weft token create ci --scope read,release:start --expires 720h\n  WEFT_TOKEN=weft_... weft release start web --to v2 --wait\n");
COMMAND(list, "list", "", 0, list_opts, "a project's tokens, without their secrets", "  weft token list -p shop\n");
COMMAND(revoke, "revoke", "ID", 1, revoke_opts, "a token is worth nothing any more", "  weft token revoke 7f3a -p shop\n");
/* clang-format on */
