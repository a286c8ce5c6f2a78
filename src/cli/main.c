/* Finds the command, parses its options, runs it; help. */
#include "cli/cli.h"
#include "base/log.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

int cli_fail(const struct err *e)
{
    char text[1024];
    fflush(stdout);
    fprintf(stderr, "%s\n", err_text(e, text, sizeof text));
    return EXIT_FAILED;
}

int cli_failf(const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    va_start(ap, fmt);
    fprintf(stderr, "error: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    return EXIT_FAILED;
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    va_start(ap, fmt);
    fprintf(stderr, "error: ");
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    if (c->command)
        fprintf(stderr, "\nSee 'weft %s --help'.\n", c->command->name);
    else
        fprintf(stderr, "\nSee 'weft --help'.\n");
    return EXIT_USAGE;
}

char *state_default(void)
{
    const char *given = getenv("WEFT_STATE"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (given && *given) return xstrdup(given);
    if (geteuid() == 0) return xstrdup("/var/lib/weft");
    if (xdg && *xdg) return xasprintf("%s/weft", xdg);
    struct passwd *pw = home && *home ? NULL : getpwuid(geteuid());
    return xasprintf("%s/.local/state/weft", home && *home ? home : pw ? pw->pw_dir : "/tmp");
}

char *state_path(const struct cli *c, const char *name) { return xasprintf("%s/%s", c->state, name); }

static void print_options(const struct command *cmd, FILE *to)
{
    for (size_t i = 0; i < cmd->n_opts; i++) {
        const struct opt *o = &cmd->opts[i];
        char left[80], letter[8] = "    ";
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        fprintf(to, "  %-34s %s\n", left, o->help);
    }
}

void cli_help(const struct command *cmd, FILE *to)
{
    if (cmd) {
        fprintf(to, "%s\n\nUsage:\n  weft %s%s%s\n", cmd->brief, cmd->name, cmd->args[0] ? " " : "", cmd->args);
        if (cmd->n_opts) fprintf(to, "\nOptions:\n");
        print_options(cmd, to);
        if (cmd->examples) fprintf(to, "\nExamples:\n%s", cmd->examples);
        return;
    }
    fprintf(to,
            "weft: a service mesh and release platform, on one machine or many\n\nUsage:\n  weft COMMAND [ARGS] [OPTIONS]\n\nCommands:\n");
    const struct command_group *last = NULL;
    for (size_t i = 0; i < commands_n; i++) {
        const struct command_group *g = command_group_of(commands[i]->name);
        if (g && g != last) fprintf(to, "  %-18s %s\n", g->name, g->brief);
        if (!g) fprintf(to, "  %-18s %s\n", commands[i]->name, commands[i]->brief);
        last = g;
    }
    fprintf(to, "\nExamples:\n"
                "  weft up -f examples/canary/ --detach     start a mesh from manifests\n"
                "  weft get pods                            what runs in it\n"
                "  weft release start web --to v2 -w        bring a new version out, watched\n"
                "  weft undo                                take the last change of traffic back\n"
                "  weft down                                stop it; nothing stays behind\n\n"
                "'weft COMMAND --help' tells more. Every command takes --state DIR (or WEFT_STATE);\n"
                "those of the platform --server URL (or WEFT_SERVER) with WEFT_TOKEN as well.\n");
}

/* What there is behind the first word of a group. */
static void group_help(const struct command_group *g, FILE *to)
{
    fprintf(to, "%s: %s\n\nCommands:\n", g->name, g->brief);
    for (size_t i = 0; i < commands_n; i++) {
        if (command_group_of(commands[i]->name) == g) fprintf(to, "  weft %-22s %s\n", commands[i]->name, commands[i]->brief);
    }
    fprintf(to, "\n'weft %s WORD --help' tells more.\n", g->name);
}

/* The longest entry whose words are the first arguments; *used says how many words. */
static const struct command *find_command(int argc, char **argv, int *used)
{
    for (size_t i = 0; i < commands_n; i++) {
        struct str words = str_of(commands[i]->name);
        int n = 0;
        bool same = true;
        while (words.p && same) {
            struct str word = str_cut(&words, ' ');
            same = n < argc && str_eqc(word, argv[n]);
            n++;
        }
        if (!same) continue;
        *used = n;
        return commands[i];
    }
    return NULL;
}

/* "release promte": the second word is looked for among those of its group. */
static int unknown_second(struct cli *c, const struct command_group *g, const char *word)
{
    const char *names[64];
    size_t n = 0, skip = strlen(g->name) + 1;
    for (size_t i = 0; i < commands_n && n < ARRAY_LEN(names); i++) {
        if (command_group_of(commands[i]->name) == g) names[n++] = commands[i]->name + skip;
    }
    const char *near = word ? str_nearest(str_of(word), names, n) : NULL;
    if (near) return cli_usage(c, "unknown command \"%s %s\"; did you mean \"%s %s\"?", g->name, word, g->name, near);
    if (word) return cli_usage(c, "unknown command \"%s %s\"", g->name, word);
    group_help(g, stderr);
    return EXIT_USAGE;
}

static int unknown_command(struct cli *c, int argc, char **argv)
{
    const char *names[128];
    size_t n = 0;
    const struct command_group *g = command_group_of(argv[0]);
    if (g) return unknown_second(c, g, argc > 1 && argv[1][0] != '-' ? argv[1] : NULL);
    for (size_t i = 0; i < commands_n && n < ARRAY_LEN(names); i++) names[n++] = commands[i]->name;
    for (size_t i = 0; i < command_groups_n && n < ARRAY_LEN(names); i++) names[n++] = command_groups[i].name;
    const char *near = str_nearest(str_of(argv[0]), names, n);
    if (near) return cli_usage(c, "unknown command \"%s\"; did you mean \"%s\"?", argv[0], near);
    return cli_usage(c, "unknown command \"%s\"", argv[0]);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    }
    return false;
}

/* Where the mesh is may stand anywhere, also before the command: it is taken out before commands are looked for. */
static int take_global(struct cli *c, int *argc, char **argv)
{
    const struct {
        const char *name, *arg;
        const char **to;
    } all[] = { { "--state", "DIR", &c->state }, { "--server", "URL", &c->server } };
    int w = 0, i = 0;
    for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        size_t k = 0, n = 0;
        for (; k < ARRAY_LEN(all); k++) {
            n = strlen(all[k].name);
            if (strncmp(argv[i], all[k].name, n) == 0 && (argv[i][n] == '=' || !argv[i][n])) break;
        }
        if (k == ARRAY_LEN(all)) {
            argv[w++] = argv[i];
        } else if (argv[i][n] == '=') {
            *all[k].to = argv[i] + n + 1;
        } else {
            if (++i == *argc) return cli_usage(c, "%s needs a value: %s", all[k].name, all[k].arg);
            *all[k].to = argv[i];
        }
    }
    while (i < *argc) argv[w++] = argv[i++];
    *argc = w;
    argv[w] = NULL; /* exec hands the rest on as it is */
    return 0;
}

int cli_main(int argc, char **argv)
{
    struct cli c = { .ns = "default", .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") };
    AUTO(free_p) char *fallback = state_default();
    int used = 0, r;
    log_init("weft", LOG_WARN);
    c.state = fallback;
    c.program = argc ? argv[0] : "weft";
    argc--;
    argv++;
    const char *server = getenv("WEFT_SERVER");
    if (server && *server) c.server = server;
    if ((r = take_global(&c, &argc, argv))) return r;
    /* A detached mesh leaves the directory in which it was started. */
    AUTO(free_p) char *here = c.state[0] == '/' ? NULL : getcwd(NULL, 0);
    AUTO(free_p) char *absolute = here ? xasprintf("%s/%s", here, c.state) : NULL;
    if (absolute) c.state = absolute;
    if (argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "help") == 0) {
        const struct command *about = argc > 1 ? find_command(argc - 1, argv + 1, &used) : NULL;
        const struct command_group *group = argc > 1 && !about ? command_group_of(argv[1]) : NULL;
        if (group)
            group_help(group, stdout);
        else
            cli_help(about, stdout);
        return argc == 0 ? EXIT_USAGE : EXIT_OK;
    }
    c.command = find_command(argc, argv, &used);
    if (!c.command && command_group_of(argv[0]) && wants_help(argc, argv)) {
        group_help(command_group_of(argv[0]), stdout);
        return EXIT_OK;
    }
    if (!c.command) return unknown_command(&c, argc, argv);
    argc -= used;
    argv += used;
    if (wants_help(argc, argv)) {
        cli_help(c.command, stdout);
        return EXIT_OK;
    }
    if ((r = opts_parse(&c, c.command, &argc, argv))) return r;
    r = c.command->run(&c, argc, argv);
    if (fflush(stdout) != 0 && r == EXIT_OK) r = EXIT_FAILED;
    return r;
}
