/* weft scale: how many pods a deployment wants. */
#include "cli/resource.h"

static struct cli shared;
static int replicas = -1;

static int run(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    const struct kind *k;
    const char *name;
    int used, r = state_require(c);
    c->ns = shared.ns ? shared.ns : c->ns;
    if (r) return r;
    if (replicas < 0) return cli_usage(c, "--replicas N is missing");
    if (resource_parse(argc, argv, &k, &name, &used, &e) < 0) return cli_fail(&e);
    if (strcmp(k->plural, "deployments") != 0) return cli_failf("%s cannot be scaled; a deployment can", k->plural);
    char body[64], *path = resource_path(k, c->ns, name);
    struct api_answer a;
    snprintf(body, sizeof body, "{\"spec\":{\"replicas\":%d}}", replicas);
    r = api_call(c, "PATCH", path, "application/merge-patch+json", str_of(body), &a, &e);
    if (r == 0) r = api_check(&a, &e);
    if (r == 0) printf("deployment.apps/%s scaled\n", name);
    api_answer_free(&a);
    free(path);
    return r < 0 ? cli_fail(&e) : EXIT_OK;
}

static const struct opt opts[] = {
    OPT_NAMESPACE(shared),
    { "replicas", 0, OPT_INT, &replicas, "N", "how many pods" },
};

const struct command cmd_scale = {
    .name = "scale",
    .args = "deployment NAME --replicas N",
    .brief = "set how many pods a deployment has",
    .examples = "  weft scale deployment k8s-combat-service-v2 --replicas 3\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 1,
    .max = 2,
    .run = run,
};
