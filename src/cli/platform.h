/* What the commands of the release platform (/weft/v1, see api/platform/README.md) share: their options, calls with problems
 * printed, which project and service are meant, and output. One command runs per process, so its options land in one place. */
#ifndef WEFT_CLI_PLATFORM_H
#define WEFT_CLI_PLATFORM_H

#include "cli/api.h"
#include "cli/table.h"
#include "cli/text.h"

struct platform_options {
    const char *project, *output, *reason;
    const char *file; /* -f; "-": stdin */
    bool dry_run, yes, wait, watch;
    int if_step; /* 0: not given; steps are counted from 1, as people see them */
    int64_t timeout_ms;
};
extern struct platform_options po;

/* clang-format off */
#define OPT_PROJECT { "project", 'p', OPT_TEXT, &po.project, "PROJECT", "project (default: WEFT_PROJECT, or the one that has it)" }
#define OPT_OUTPUT  { "output", 'o', OPT_TEXT, &po.output, "FORMAT", "table, json, yaml or name" }
#define OPT_REASON  { "reason", 'm', OPT_TEXT, &po.reason, "TEXT", "why; kept with the change" }
#define OPT_DRY_RUN { "dry-run", 0, OPT_FLAG, &po.dry_run, NULL, "say what would change, change nothing" }
#define OPT_YES     { "yes", 'y', OPT_FLAG, &po.yes, NULL, "do not ask" }
#define OPT_FILE    { "filename", 'f', OPT_TEXT, &po.file, "FILE", "YAML or JSON; - for standard input" }
#define OPT_WAIT    { "wait", 0, OPT_FLAG, &po.wait, NULL, "return when the release has ended; exit 3: rolled back, 4: not in time" }
#define OPT_TIMEOUT { "timeout", 0, OPT_TIME, &po.timeout_ms, "TIME", "how long to wait (default: until it ends)" }
/* clang-format on */

/* 0 when there is somebody to call: --server, or a mesh in STATE; else says so and returns EXIT_FAILED. */
int platform_require(const struct cli *c);

/* ---- calls: problems are printed here; the exit code says what came ---- */

/* Sends; on success *ret (may be NULL) is the body, owned by the caller. Exit code. */
int platform_send(const struct cli *c, const struct api_request *q, json_t **ret);
/* GET. */
int platform_get(const struct cli *c, const char *path, json_t **ret);
/* METHOD with a JSON body, which is freed here; if_match NULL: none. */
int platform_call(const struct cli *c, const char *method, const char *path, const char *if_match, json_t *body, json_t **ret);
/* "error: ..." of a problem+json with its fields, on stderr; the exit code for it. */
int platform_problem(long status, const json_t *problem);
/* The exit code of an answer: EXIT_OK, EXIT_FAILED, or EXIT_REFUSED for what a right or a guard rail refuses. */
int platform_exit_of(long status, const char *code);

/* ---- names ---- */

/* A path segment with what needs it escaped. Heap string. */
char *path_segment(const char *text);
/* "/weft/v1/projects/P" + formatted rest. Heap string. */
PRINTF_LIKE(2, 3) char *project_path(const char *project, const char *fmt, ...);
/* --project, WEFT_PROJECT, or the only one there is. *ret is a heap string. Exit code. */
int platform_project(const struct cli *c, char **ret);

struct service_ref {
    char *project, *name, *path; /* path: "/weft/v1/projects/P/services/S" */
};
/* SERVICE, SERVICE.NAMESPACE or PROJECT/SERVICE; the project that owns it is looked up when it is not given. word NULL: the only
 * service there is. Exit code. */
int platform_service(const struct cli *c, const char *word, struct service_ref *ret);
void service_ref_free(struct service_ref *r);

struct release_ref {
    char *project, *path; /* "/weft/v1/projects/P/releases/N" */
    int64_t n;
    json_t *release; /* as it stands now */
};
/* PROJECT#N, #N, N, or SERVICE (its release under way, else its last). Exit code. */
int platform_release(const struct cli *c, const char *word, struct release_ref *ret);
void release_ref_free(struct release_ref *r);

/* ---- in and out ---- */

/* Formats that people may ask for; EXIT_USAGE otherwise. Sets c->output (NULL: table). */
int platform_output(struct cli *c);
/* Prints as -o says: json, yaml, or the text at `name_path` for name (of each item of a list). */
int platform_print(const struct cli *c, const json_t *body, const char *name_path);
/* Prints a list as -o says, else as a table, or the line that says there is nothing (stderr). Returns EXIT_OK. */
struct listing {
    const char *const *headers;
    void (*row)(struct table *t, const json_t *item); /* one item, whole row */
    const char *name_path;                            /* as platform_print's */
    const char *nothing;                              /* "No project yet. ..." */
};
int platform_show(const struct cli *c, const json_t *items, const struct listing *l);
/* All items of a paged list at the path, as one array. Exit code. */
int platform_list(const struct cli *c, const char *path, json_t **ret);
/* The one document of a YAML or JSON file as JSON, NULL and an error printed. */
json_t *platform_file(const char *name);
/* The spec of such a file: a manifest of that kind, an object with "spec" as the API gives it, or the spec alone. NULL as above. */
json_t *platform_spec(const char *name, const char *kind);
/* A question on the terminal unless --yes; without a terminal it is an error that says so. EXIT_OK: go on. */
PRINTF_LIKE(1, 2) int platform_confirm(const char *fmt, ...);

/* "n of n proxies acknowledged in x ms" of a Change; those that are missing or refused on stderr. EXIT_OK or EXIT_FAILED. */
int platform_print_proxies(const json_t *proxies);

#endif
