/* weft logs: what a container wrote. */
#include "cli/resource.h"
#include "node/client.h"

#include <signal.h>
#include <unistd.h>

static struct cli shared;
static const char *container;
static bool follow;
static int tail = -1;
static volatile int stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int run(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    c->ns = shared.ns ? shared.ns : c->ns;
    int r = state_require(c);
    if (r) return r;
    json_t *pod = resource_pod(c, argv[0], &e);
    if (!pod) return cli_fail(&e);
    if (argc > 1) container = argv[1];
    struct sigaction act = { .sa_handler = on_signal };
    sigaction(SIGINT, &act, NULL);
    struct node_logs l = {
        .ns = json_text(pod, "metadata.namespace"),
        .pod = json_text(pod, "metadata.name"),
        .container = container,
        .follow = follow,
        .all = tail < 0,
        .tail = tail,
        .out = STDOUT_FILENO,
    };
    r = node_client_logs(c->state, &l, &stop, &e);
    json_decref(pod);
    return r < 0 ? cli_fail(&e) : EXIT_OK;
}

static const struct opt opts[] = {
    OPT_NAMESPACE(shared),
    { "container", 'c', OPT_TEXT, &container, "NAME", "which container (default: the first; the proxy is istio-proxy)" },
    { "follow", 'f', OPT_FLAG, &follow, NULL, "go on as it writes" },
    { "tail", 0, OPT_INT, &tail, "LINES", "only the last lines" },
};

const struct command cmd_logs = {
    .name = "logs",
    .args = "POD [CONTAINER]",
    .brief = "what a container wrote",
    .examples = "  weft logs deploy/k8s-combat-service-v1\n  weft logs POD -c istio-proxy -f\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 1,
    .max = 2,
    .run = run,
};
