/* The command line: what all commands share. One file per command; its table entry stands at the end of that file and in
 * commands.c. Help, completion and the manual page are printed from the entries. */
#ifndef WEFT_CLI_CLI_H
#define WEFT_CLI_CLI_H

#include "base/buf.h"
#include "base/err.h"

/* Exit codes: 0 done, 1 it failed or findings, 2 the command line is wrong; of releases also 3 rolled back, 4 not within the time,
 * 5 a rule or a right refuses it. exec returns the program's own. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_ROLLED_BACK = 3, EXIT_TIMEOUT = 4, EXIT_REFUSED = 5 };

struct cli {
    const char *program; /* as it was called: "weft", "build/weft" */
    const char *state;   /* directory of the mesh: database, sockets, logs, lock */
    const char *server;  /* --server or WEFT_SERVER: "https://weft.example:15080", for the platform's commands; NULL: the mesh in `state` */
    const char *ns;      /* -n; "default" when not given */
    bool ns_given, all_ns; /* -A */
    const char *output;    /* -o; NULL: table */
    char **rest;           /* what stands behind "--"; NULL without */
    int rest_n;
    bool colour; /* stdout is a terminal and NO_COLOR is not set */
    const struct command *command;
};

enum opt_type {
    OPT_FLAG, /* bool */
    OPT_TEXT, /* const char * */
    OPT_INT,  /* int, not negative */
    OPT_LIST, /* struct text_list: may be given several times */
    OPT_TIME, /* int64_t, milliseconds: "10s", "500ms", "1m" */
};

struct text_list {
    const char *v[64];
    int n;
};

struct opt {
    const char *name; /* without "--" */
    char letter;      /* 0: none */
    enum opt_type type;
    void *to;
    const char *arg; /* what the value is called in help; NULL for flags */
    const char *help;
};

struct command {
    const char *name;     /* "get", or two words: "rollout status" */
    const char *args;     /* "KIND [NAME...]" */
    const char *brief;    /* one line */
    const char *examples; /* lines of "weft ..." */
    const struct opt *opts;
    size_t n_opts;
    int min, max; /* of positional arguments; max -1: any number */
    int (*run)(struct cli *c, int argc, char **argv);
};

/* An option that many commands share. */
#define OPT_NAMESPACE(c)                                                                                                                   \
    {                                                                                                                                      \
        "namespace", 'n', OPT_TEXT, &(c).ns, "NS", "namespace (default: default)"                                                          \
    }

extern const struct command *const commands[];
extern const size_t commands_n;

/* First words that several commands share, with a line about all of them: "release". */
struct command_group {
    const char *name, *brief;
};
extern const struct command_group command_groups[];
extern const size_t command_groups_n;
/* The group of a command's first word, or NULL. */
const struct command_group *command_group_of(const char *name);

/* Whole program: finds the command, parses, runs. Returns the exit code. */
int cli_main(int argc, char **argv);
/* Help of one command, or of all (NULL), to the stream. */
void cli_help(const struct command *cmd, FILE *to);
/* "error: what; hint" on stderr; returns EXIT_FAILED. */
int cli_fail(const struct err *e);
PRINTF_LIKE(1, 2) int cli_failf(const char *fmt, ...);
/* Usage error: prints it with how to get help; returns EXIT_USAGE. */
PRINTF_LIKE(2, 3) int cli_usage(const struct cli *c, const char *fmt, ...);

/* Parses the arguments behind the command's words: options into their places, positional arguments into argv[0..*argc).
 * "--" ends options; what follows it goes to c->rest. 0 or EXIT_USAGE. */
int opts_parse(struct cli *c, const struct command *cmd, int *argc, char **argv);
/* "10s", "500ms", "2m", "1h", plain number = seconds; false when it is none. */
MUST_USE bool opts_duration(const char *text, int64_t *ret_ms);
/* Splits by shell quoting ('', "", \), no expansion: argv array ended by NULL, freed by text_split_free. */
char **text_split(const char *command, struct err *e);
void text_split_free(char **argv);

/* STATE/name as a heap string. */
char *state_path(const struct cli *c, const char *name);
/* The default directory: WEFT_STATE, /var/lib/weft for root, else ${XDG_STATE_HOME:-~/.local/state}/weft. Heap string. */
char *state_default(void);
/* 0 when a mesh runs there, and is meant; else prints the one line that says so and how to start one, and returns EXIT_FAILED. */
int state_require(const struct cli *c);

#endif
