/* weft diff: what an apply would change, as a unified diff of YAML. Exit code 1 when there is a difference, as kubectl. */
#include "cli/apply.h"
#include "cli/resource.h"
#include "pb/tree.h"

#include <sys/wait.h>
#include <unistd.h>

static struct cli shared;
static struct text_list names;

/* Both sides into files, and diff(1) over them: its output is what people know. */
static int show(const json_t *change)
{
    char before[] = "/tmp/weft-live-XXXXXX", after[] = "/tmp/weft-new-XXXXXX";
    const char *from = json_text(change, "before"), *to = json_text(change, "after");
    int a = mkstemp(before), b = mkstemp(after);
    if (a < 0 || b < 0) return cli_failf("cannot make a temporary file: %s", strerror(errno));
    bool written = write(a, from ? from : "", from ? strlen(from) : 0) >= 0 && write(b, to ? to : "", to ? strlen(to) : 0) >= 0;
    close(a);
    close(b);
    fflush(stdout);
    pid_t pid = written ? fork() : -1;
    if (pid == 0) {
        char *left = xasprintf("live/%s", json_text(change, "title")), *right = xasprintf("applied/%s", json_text(change, "title"));
        execlp("diff", "diff", "-u", "--label", left, "--label", right, before, after, (char *)NULL);
        fprintf(stderr, "error: cannot run diff: %s\n", strerror(errno));
        _exit(127);
    }
    int status = 0;
    if (pid > 0) waitpid(pid, &status, 0);
    unlink(before);
    unlink(after);
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) <= 1 ? EXIT_OK : EXIT_FAILED;
}

static int run(struct cli *c, int argc, char **argv)
{
    bool good;
    size_t i;
    json_t *change;
    (void)argc;
    (void)argv;
    c->ns = shared.ns ? shared.ns : c->ns;
    if (names.n == 0) return cli_usage(c, "-f FILE is missing");
    int r = state_require(c);
    if (r) return r;
    json_t *answer = apply_files(c, "diff", &names, 0, true, &good);
    if (!answer) return EXIT_FAILED;
    bool any = !good;
    json_array_foreach (json_object_get(answer, "changes"), i, change) {
        any = true;
        if (show(change)) r = EXIT_FAILED;
    }
    json_decref(answer);
    return r ? r : any;
}

static const struct opt opts[] = {
    { "filename", 'f', OPT_LIST, &names, "FILE", "file, directory or - (may be repeated)" },
    OPT_NAMESPACE(shared),
};

const struct command cmd_diff = {
    .name = "diff",
    .args = "-f FILE",
    .brief = "what an apply would change",
    .examples = "  weft diff -f examples/canary/routing.yaml\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 0,
    .max = 0,
    .run = run,
};
