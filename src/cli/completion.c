/* weft completion: words for the shell, printed from the table of commands. */
#include "cli/cli.h"
#include "base/str.h"

static void words(FILE *to)
{
    for (size_t i = 0; i < commands_n; i++) {
        struct str rest = str_of(commands[i]->name);
        fprintf(to, "%s%.*s", i ? " " : "", STR_ARG(str_cut(&rest, ' ')));
    }
}

static void options(const struct command *cmd, FILE *to)
{
    fprintf(to, "--state --help");
    for (size_t i = 0; i < cmd->n_opts; i++) fprintf(to, " --%s", cmd->opts[i].name);
}

static void bash(void)
{
    printf("_weft() {\n  local cur=${COMP_WORDS[COMP_CWORD]}\n  if [ $COMP_CWORD = 1 ]; then\n    COMPREPLY=($(compgen -W '");
    words(stdout);
    printf("' -- \"$cur\"))\n    return\n  fi\n  case $cur in\n  -*)\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < commands_n; i++) {
        struct str rest = str_of(commands[i]->name);
        printf("    %.*s) COMPREPLY=($(compgen -W '", STR_ARG(str_cut(&rest, ' ')));
        options(commands[i], stdout);
        printf("' -- \"$cur\")) ;;\n");
    }
    printf("    esac ;;\n  *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n  esac\n}\ncomplete -F _weft weft\n");
}

static void zsh(void)
{
    printf("#compdef weft\n_weft() {\n  local -a commands\n  commands=(\n");
    for (size_t i = 0; i < commands_n; i++) {
        struct str rest = str_of(commands[i]->name);
        printf("    '%.*s:%s'\n", STR_ARG(str_cut(&rest, ' ')), commands[i]->brief);
    }
    printf("  )\n  if (( CURRENT == 2 )); then _describe command commands; else _files; fi\n}\n_weft \"$@\"\n");
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
