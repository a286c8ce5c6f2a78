/* weft completion: words for the shell, printed from the table of commands. */
#include "cli/cli.h"
#include "base/str.h"

/* First words, each once. */
static void words(FILE *to)
{
    const struct command_group *last = NULL;
    for (size_t i = 0; i < commands_n; i++) {
        const struct command_group *g = command_group_of(commands[i]->name);
        if (!g || g != last) fprintf(to, "%s%s", i ? " " : "", g ? g->name : commands[i]->name);
        last = g;
    }
}

static void second_words(const struct command_group *g, FILE *to)
{
    size_t skip = strlen(g->name) + 1;
    bool first = true;
    for (size_t i = 0; i < commands_n; i++) {
        if (command_group_of(commands[i]->name) != g) continue;
        fprintf(to, "%s%s", first ? "" : " ", commands[i]->name + skip);
        first = false;
    }
}

static void options(const struct command *cmd, FILE *to)
{
    fprintf(to, "--state --server --help");
    for (size_t i = 0; i < cmd->n_opts; i++) fprintf(to, " --%s", cmd->opts[i].name);
}

static void bash(void)
{
    printf("_weft() {\n  local cur=${COMP_WORDS[COMP_CWORD]}\n  if [ $COMP_CWORD = 1 ]; then\n    COMPREPLY=($(compgen -W '");
    words(stdout);
    printf("' -- \"$cur\"))\n    return\n  fi\n  if [ $COMP_CWORD = 2 ]; then\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < command_groups_n; i++) {
        printf("    %s) COMPREPLY=($(compgen -W '", command_groups[i].name);
        second_words(&command_groups[i], stdout);
        printf("' -- \"$cur\")); return ;;\n");
    }
    printf("    esac\n  fi\n  case $cur in\n  -*)\n    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (size_t i = 0; i < commands_n; i++) {
        bool two = command_group_of(commands[i]->name) != NULL;
        printf("    \"%s%s\"*) COMPREPLY=($(compgen -W '", commands[i]->name, two ? "" : " ");
        options(commands[i], stdout);
        printf("' -- \"$cur\")) ;;\n");
    }
    printf("    esac ;;\n  *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n  esac\n}\ncomplete -F _weft weft\n");
}

/* Lists as _describe takes them; a colon in a text would end the name. */
static void zsh_entry(const char *name, const char *brief)
{
    printf("    '%s:", name);
    for (const char *p = brief; *p; p++) {
        if (*p == '\'')
            printf("'\\''");
        else
            putchar(*p);
    }
    printf("'\n");
}

static void zsh(void)
{
    const struct command_group *last = NULL;
    printf("#compdef weft\n_weft() {\n  local -a commands\n  commands=(\n");
    for (size_t i = 0; i < commands_n; i++) {
        const struct command_group *g = command_group_of(commands[i]->name);
        if (!g || g != last) zsh_entry(g ? g->name : commands[i]->name, g ? g->brief : commands[i]->brief);
        last = g;
    }
    printf("  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n  case $words[2] in\n");
    for (size_t i = 0; i < command_groups_n; i++) {
        printf("  %s) commands=(\n", command_groups[i].name);
        for (size_t k = 0; k < commands_n; k++) {
            if (command_group_of(commands[k]->name) == &command_groups[i])
                zsh_entry(strchr(commands[k]->name, ' ') + 1, commands[k]->brief);
        }
        printf("  ) ;;\n");
    }
    printf("  *) _files; return ;;\n  esac\n  if (( CURRENT == 3 )); then _describe word commands; else _files; fi\n}\n_weft \"$@\"\n");
}

static int run(struct cli *c, int argc, char **argv)
{
    (void)argc;
    if (strcmp(argv[0], "bash") == 0)
        bash();
    else if (strcmp(argv[0], "zsh") == 0)
        zsh();
    else
        return cli_usage(c, "completion for \"%s\" is not made; there are bash and zsh", argv[0]);
    return EXIT_OK;
}

const struct command cmd_completion = {
    .name = "completion",
    .args = "bash|zsh",
    .brief = "print shell completion",
    .examples = "  source <(weft completion bash)\n",
    .min = 1,
    .max = 1,
    .run = run,
};
