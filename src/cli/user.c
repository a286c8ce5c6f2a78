/* weft user list, add, passwd, disable, enable: who may sign in. */
#include "cli/platform.h"

#include <termios.h>
#include <unistd.h>

static struct {
    const char *display;
    bool operator_, stdin_;
} o;

static void row(struct table *t, const json_t *u)
{
    char when[40];
    AUTO(free_p) char *display = plain(json_text(u, "displayName"));
    table_cell(t, json_text(u, "name"));
    table_cell(t, display ? display : "");
    table_cell(t, json_is_true(json_object_get(u, "operator")) ? "yes" : "");
    table_cell(t, json_is_true(json_object_get(u, "disabled")) ? "disabled" : "active");
    table_cell(t, text_local(json_text(u, "lastSeenAt"), when, sizeof when));
    table_row(t);
}

static int list(struct cli *c, int argc, char **argv)
{
    static const char *const headers[] = { "USER", "NAME", "OPERATOR", "STATE", "LAST SEEN", NULL };
    json_auto_t *all = NULL;
    (void)argc;
    (void)argv;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_list(c, "/weft/v1/users", &all);
    if (r != EXIT_OK) return r;
    return platform_show(
        c, all,
        &(struct listing){ headers, row, "name", "No users: the page needs no sign-in on this machine. Add one with: weft user add NAME" });
}

/* ---- passwords: never on the command line, where everybody on the machine can read them ---- */

static bool read_line(char *buf, size_t n)
{
    if (!fgets(buf, (int)n, stdin)) return false;
    size_t len = strcspn(buf, "\r\n");
    bool whole = buf[len] != 0 || len + 1 < n;
    buf[len] = 0;
    return whole;
}

static bool ask(const char *what, char *buf, size_t n)
{
    struct termios was, quiet;
    fprintf(stderr, "%s: ", what);
    if (tcgetattr(STDIN_FILENO, &was) < 0) return false;
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    bool ok = read_line(buf, n);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
    fputc('\n', stderr);
    return ok;
}

/* A new password: twice on a terminal, else the first line of standard input. */
static int new_password(struct cli *c, char *buf, size_t n)
{
    char again[256];
    if (o.stdin_) return read_line(buf, n) ? EXIT_OK : cli_failf("standard input holds no password");
    if (!isatty(STDIN_FILENO)) return cli_usage(c, "there is no terminal to ask at; say --password-stdin");
    if (!ask("Password", buf, n) || !ask("Once more", again, sizeof again)) return cli_failf("no password was given");
    bool same = strcmp(buf, again) == 0;
    explicit_bzero(again, sizeof again);
    return same ? EXIT_OK : cli_failf("the two are not the same");
}

static int add(struct cli *c, int argc, char **argv)
{
    char password[256];
    (void)argc;
    int r = platform_require(c);
    if (r == EXIT_OK) r = new_password(c, password, sizeof password);
    if (r != EXIT_OK) return r;
    json_t *body = json_pack("{s:s, s:s, s:b}", "name", argv[0], "password", password, "operator", o.operator_);
    if (o.display) json_object_set_new(body, "displayName", json_string(o.display));
    explicit_bzero(password, sizeof password);
    r = platform_call(c, "POST", "/weft/v1/users", NULL, body, NULL);
    if (r == EXIT_OK) printf("user %s added%s\n", argv[0], o.operator_ ? " (operator)" : "");
    return r;
}

static int passwd(struct cli *c, int argc, char **argv)
{
    char password[256];
    (void)argc;
    int r = platform_require(c);
    if (r == EXIT_OK) r = new_password(c, password, sizeof password);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *name = path_segment(argv[0]);
    AUTO(free_p) char *path = xasprintf("/weft/v1/users/%s:password", name);
    r = platform_call(c, "POST", path, NULL, json_pack("{s:s}", "password", password), NULL);
    explicit_bzero(password, sizeof password);
    if (r == EXIT_OK) printf("the password of %s is changed; sessions of that user have ended\n", argv[0]);
    return r;
}

static int set_disabled(struct cli *c, const char *user, bool disabled)
{
    int r = platform_require(c);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *name = path_segment(user);
    AUTO(free_p) char *path = xasprintf("/weft/v1/users/%s", name);
    r = platform_call(c, "PATCH", path, "*", json_pack("{s:b}", "disabled", disabled), NULL);
    if (r == EXIT_OK) printf("user %s is %s\n", user, disabled ? "disabled; sessions have ended" : "active");
    return r;
}

static int disable(struct cli *c, int argc, char **argv)
{
    (void)argc;
    return set_disabled(c, argv[0], true);
}

static int enable(struct cli *c, int argc, char **argv)
{
    (void)argc;
    return set_disabled(c, argv[0], false);
}

/* clang-format off */
#define OPT_STDIN { "password-stdin", 0, OPT_FLAG, &o.stdin_, NULL, "the password is the first line of standard input" }
static const struct opt list_opts[] = { OPT_OUTPUT };
static const struct opt add_opts[] = {
    { "display-name", 0, OPT_TEXT, &o.display, "TEXT", "the name that people see" },
    { "operator", 0, OPT_FLAG, &o.operator_, NULL, "over all projects" },
    OPT_STDIN,
};
static const struct opt passwd_opts[] = { OPT_STDIN };

#define COMMAND(id, name_, args_, n, opts_, n_opts_, brief_, examples_)                                                                    \
    const struct command cmd_user_##id = { .name = "user " name_, .args = args_, .brief = brief_, .examples = examples_,                   \
                                           .opts = opts_, .n_opts = n_opts_, .min = n, .max = n, .run = id }

COMMAND(list, "list", "", 0, list_opts, ARRAY_LEN(list_opts), "who may sign in", "  weft user list\n");
COMMAND(add, "add", "NAME", 1, add_opts, ARRAY_LEN(add_opts), "add somebody who may sign in",
        "  weft user add anna --display-name 'Anna Berg'\n  echo \"$SECRET\" | weft user add li --password-stdin\n");
COMMAND(passwd, "passwd", "NAME", 1, passwd_opts, ARRAY_LEN(passwd_opts), "set somebody's password", "  weft user passwd anna\n");
COMMAND(disable, "disable", "NAME", 1, NULL, 0, "somebody may not sign in any more", "  weft user disable li\n");
COMMAND(enable, "enable", "NAME", 1, NULL, 0, "somebody may sign in again", "  weft user enable li\n");
/* clang-format on */
