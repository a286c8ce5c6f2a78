/* weft rollout status: waits until a deployment runs as its template says. */
#include "base/clock.h"
#include "cli/resource.h"

static struct cli shared;
static int64_t timeout_ms = 300000;

struct progress {
    const char *name;
    char last[200]; /* printed, so that the same line does not come twice */
    bool done;
};

/* As kubectl: the first thing that is still to come. */
static bool on_event(json_t *event, void *arg)
{
    struct progress *p = arg;
    const json_t *d = json_object_get(event, "object");
    const char *name = json_text(d, "metadata.name");
    char line[sizeof p->last];
    if (!name || strcmp(name, p->name) != 0) return true;
    int64_t want = json_number(d, "spec.replicas", 1), updated = json_number(d, "status.updatedReplicas", 0);
    int64_t total = json_number(d, "status.replicas", 0), available = json_number(d, "status.availableReplicas", 0);
    if (json_number(d, "status.observedGeneration", 0) < json_number(d, "metadata.generation", 0))
        snprintf(line, sizeof line, "Waiting for deployment spec update to be observed...");
    else if (updated < want)
        snprintf(line, sizeof line,
                 "Waiting for deployment \"%s\" rollout to finish: %" PRId64 " out of %" PRId64 " new replicas have been updated...", name,
                 updated, want);
    else if (total > updated)
        snprintf(line, sizeof line, "Waiting for deployment \"%s\" rollout to finish: %" PRId64 " old replicas are pending termination...",
                 name, total - updated);
    else if (available < updated)
        snprintf(line, sizeof line,
                 "Waiting for deployment \"%s\" rollout to finish: %" PRId64 " of %" PRId64 " updated replicas are available...", name,
                 available, updated);
    else {
        printf("deployment \"%s\" successfully rolled out\n", name);
        p->done = true;
        return false;
    }
    if (strcmp(line, p->last) != 0) printf("%s\n", line);
    fflush(stdout);
    memcpy(p->last, line, sizeof line);
    return true;
}

static int run(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    const struct kind *k;
    struct progress p = { 0 };
    int used, r = state_require(c);
    c->ns = shared.ns ? shared.ns : c->ns;
    if (r) return r;
    if (resource_parse(argc, argv, &k, &p.name, &used, &e) < 0) return cli_fail(&e);
    if (strcmp(k->plural, "deployments") != 0) return cli_failf("rollouts are watched of deployments, not of %s", k->plural);
    json_t *now = resource_get(c, k, c->ns, p.name, &e);
    if (!now) return cli_fail(&e);
    json_decref(now);
    char *path = resource_path(k, c->ns, NULL);
    char *url = xasprintf("%s?watch=1&timeoutSeconds=%" PRId64, path, MAX((timeout_ms + 999) / 1000, (int64_t)1));
    r = api_watch(c, url, on_event, &p, &e);
    free(path);
    free(url);
    if (r < 0) return cli_fail(&e);
    return p.done ? EXIT_OK : cli_failf("deployment \"%s\" is not rolled out after %" PRId64 " s", p.name, timeout_ms / 1000);
}

static const struct opt opts[] = {
    OPT_NAMESPACE(shared),
    { "timeout", 0, OPT_TIME, &timeout_ms, "TIME", "how long to wait (default 5m)" },
};

const struct command cmd_rollout_status = {
    .name = "rollout status",
    .args = "deployment NAME",
    .brief = "wait until a deployment runs as its template says",
    .examples = "  weft rollout status deployment k8s-combat-service-v2\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 1,
    .max = 2,
    .run = run,
};
