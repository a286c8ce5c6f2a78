/* weft exec: a command inside a pod's namespaces. */
#include "cli/resource.h"
#include "node/client.h"

#include <unistd.h>

static struct cli shared;
static bool interactive, tty;
static const char *container;

static int run(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    c->ns = shared.ns ? shared.ns : c->ns;
    char **command = c->rest_n ? c->rest : argv + 1;
    if (!c->rest_n && argc < 2) return cli_usage(c, "a command is missing: weft exec POD -- COMMAND");
    int r = state_require(c);
    if (r) return r;
    json_t *pod = resource_pod(c, argv[0], &e);
    if (!pod) return cli_fail(&e);
    struct node_exec x = {
        .ns = json_text(pod, "metadata.namespace"),
        .pod = json_text(pod, "metadata.name"),
        .container = container,
        .argv = (const char *const *)command,
        .fds = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
        .tty = tty && isatty(STDIN_FILENO),
    };
    FILE *nothing = NULL;
    if (!interactive && (nothing = fopen("/dev/null", "r"))) x.fds[0] = fileno(nothing);
    int code = EXIT_FAILED;
    r = node_client_exec(c->state, &x, &code, &e);
    if (nothing) fclose(nothing);
    json_decref(pod);
    return r < 0 ? cli_fail(&e) : code;
}

static const struct opt opts[] = {
    OPT_NAMESPACE(shared),
    { "container", 'c', OPT_TEXT, &container, "NAME", "which container (default: the first)" },
    { "stdin", 'i', OPT_FLAG, &interactive, NULL, "pass standard input on" },
    { "tty", 't', OPT_FLAG, &tty, NULL, "give the command a terminal" },
};

const struct command cmd_exec = {
    .name = "exec",
    .args = "POD [-c CONTAINER] -- COMMAND [ARGS...]",
    .brief = "run a command inside a pod",
    .examples = "  weft exec deploy/k8s-combat-service-v1 -- curl -s http://k8s-combat-service-istio-mesh:8081/ping\n"
                "  weft exec -it POD -- sh\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 1,
    .max = -1,
    .run = run,
};
