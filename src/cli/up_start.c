/* The starter: what a person would do by hand after the mesh is there, with progress. */
#include "base/clock.h"
#include "base/map.h"
#include "cli/apply.h"
#include "cli/columns.h"
#include "cli/platform.h"
#include "cli/resource.h"
#include "cli/up.h"
#include "workload/workload.h"

#include <unistd.h>

/* The answer has been printed; what counts is whether the mesh took the files. */
static int taken(json_t *answer, bool good)
{
    int r = answer && good ? EXIT_OK : EXIT_FAILED;
    json_decref(answer);
    return r;
}

/* The ingress gateway, when a port of this machine shall lead into it. */
static int apply_gateway(const struct cli *c)
{
    struct file f = { .name = (char *)"(ingress gateway)" };
    struct file_list one = { &f, 1, 1 };
    bool good = false;
    buf_puts(&f.text, workload_gateway_yaml);
    json_t *answer = apply_send(c, "apply", &one, 0, false, &good);
    buf_free(&f.text);
    return taken(answer, good);
}

static int apply_manifests(const struct cli *c, const struct up_options *o)
{
    bool good = false;
    if (o->files.n == 0) return EXIT_OK;
    json_t *answer = apply_files(c, "apply", &o->files, 0, false, &good);
    return taken(answer, good);
}

static bool deployment_done(const json_t *d)
{
    int64_t want = json_number(d, "spec.replicas", 1);
    return json_number(d, "status.observedGeneration", 0) >= json_number(d, "metadata.generation", 0) &&
           json_number(d, "status.updatedReplicas", 0) >= want && json_number(d, "status.availableReplicas", 0) >= want;
}

/* Deployments by "ns/name" that are still coming up. */
struct waiting {
    struct map open;
    int64_t total;
};

static bool on_event(json_t *event, void *arg)
{
    struct waiting *w = arg;
    const json_t *d = json_object_get(event, "object");
    const char *ns = json_text(d, "metadata.namespace"), *name = json_text(d, "metadata.name"), *type = json_text(event, "type");
    if (!ns || !name || !type) return true;
    char *key = xasprintf("%s/%s", ns, name);
    if (deployment_done(d) || strcmp(type, "DELETED") == 0) map_remove(&w->open, str_of(key));
    free(key);
    return w->open.n > 0;
}

/* Why a deployment's pods do not run: the first bad word of their status. */
static void explain(const struct cli *c, const char *ns)
{
    char *path = resource_path(kind_of(KIND_POD), ns, NULL);
    json_t *list = api_get(c, path, NULL), *pod;
    size_t i;
    json_array_foreach (json_object_get(list, "items"), i, pod) {
        const char *status = columns_pod_status(pod), *message = json_text(pod, "status.message");
        json_t *container;
        size_t k;
        json_array_foreach (json_path(pod, "status.containerStatuses"), k, container) {
            if (!message) message = json_text(container, "state.waiting.message");
        }
        if (strcmp(status, "Running") != 0)
            fprintf(stderr, "  pod %s/%s: %s%s%s\n", ns, json_text(pod, "metadata.name"), status, message ? ": " : "",
                    message ? message : "");
    }
    json_decref(list);
    free(path);
}

static int wait_running(const struct cli *c, const struct up_options *o, struct err *e)
{
    struct waiting w = { 0 };
    char *path = resource_path(kind_of(KIND_DEPLOYMENT), NULL, NULL);
    json_t *list = api_get(c, path, e), *d;
    size_t i;
    if (!list) return cli_fail(e);
    json_array_foreach (json_object_get(list, "items"), i, d) {
        char *key = xasprintf("%s/%s", json_text(d, "metadata.namespace"), json_text(d, "metadata.name"));
        if (!deployment_done(d)) map_put(&w.open, str_of(key), &w);
        free(key);
    }
    char *url = xasprintf("%s?watch=1&resourceVersion=%s&timeoutSeconds=%" PRId64, path, json_text(list, "metadata.resourceVersion"),
                          MAX(o->timeout_ms / 1000, (int64_t)1));
    json_decref(list);
    int r = w.open.n ? api_watch(c, url, on_event, &w, e) : 0;
    map_foreach (entry, &w.open) {
        struct str name = map_key(entry), ns = str_cut(&name, '/');
        fprintf(stderr, "error: deployment %s does not run after %" PRId64 " s\n", entry->key, o->timeout_ms / 1000);
        char *text = str_dup(ns);
        explain(c, text);
        free(text);
        r = r < 0 ? r : 1;
    }
    map_free(&w.open, NULL);
    free(url);
    free(path);
    return r < 0 ? cli_fail(e) : r;
}

/* Where the page is: the first thing that a person wants to know. */
static void tell_page(const struct cli *c, const struct page *page)
{
    AUTO(free_p) char *url = page_url(c);
    if (!url) return;
    AUTO(free_p) char *full = page_sign_in_url(c, url);
    printf("\n  %s\n\n", full);
    if (page->moved) printf("Port %d was taken.\n\n", PAGE_PORT);
    if (strcmp(full, url) != 0) printf("It signs you in, once, as other people use this machine; a new one: weft open\n\n");
}

static void tell_ingress(const struct up_options *o, const struct up_doors *doors)
{
    for (int i = 0; i < o->ingress.n; i++)
        printf("  curl -H 'Host: HOST' http%s://%s/      # into the ingress gateway's port %u\n", doors->ingress[i].port == 443 ? "s" : "",
               doors->ingress[i].address, doors->ingress[i].port);
}

/* A version of the service that nothing is ordered to, so that it can be released. Heap string; NULL: none. */
static char *unreleased_version(const struct cli *c, const char *project, const char *service)
{
    AUTO(free_p) char *path = project_path(project, "/services/%s", service);
    json_auto_t *s = api_get(c, path, NULL);
    size_t i;
    json_t *v;
    json_array_foreach (json_object_get(s, "versions"), i, v) {
        if (json_text(v, "name") && json_real_at(v, "ordered") <= 0) return xstrdup(json_text(v, "name"));
    }
    return NULL;
}

/* A project with a service: what to do with it. False: there is none. */
static bool tell_project(const struct cli *c, const char *weft)
{
    AUTO(free_p) char *path = resource_path(kind_of(KIND_PROJECT), NULL, NULL);
    json_auto_t *list = api_get(c, path, NULL);
    const json_t *first = json_path(list, "items.0");
    const char *project = json_text(first, "metadata.name"), *service = json_text(first, "spec.services.0.name");
    if (!project || !service) return false;
    AUTO(free_p) char *version = unreleased_version(c, project, service);
    printf("Project %s: open it in the page and press \"New release\". Or here, in another terminal:\n  %s traffic get %s\n", project, weft,
           service);
    if (version) printf("  %s release start %s --to %s --steps 10,50,100 --bake 20s -w\n", weft, service, version);
    printf("  %s undo\n", weft);
    return true;
}

/* What to try: from what there is, in the words of a person who has just started. */
static void hints(const struct cli *c, const struct up_options *o, const struct up_doors *doors, uint64_t began)
{
    struct err e = { 0 };
    AUTO(free_p) char *path = resource_path(kind_of(KIND_POD), NULL, NULL);
    json_t *list = api_get(c, path, &e), *first = json_path(list, "items.0");
    bool standard = getenv("WEFT_STATE") || strcmp(c->state, "/var/lib/weft") == 0;
    AUTO(free_p) char *weft = standard ? xstrdup(c->program) : xasprintf("%s --state %s", c->program, c->state);
    json_t *combat = resource_get(c, kind_of(KIND_SERVICE), "default", "k8s-combat-service-istio-mesh", NULL);
    printf("The mesh runs: %zu pods, ready in %.1f s.\n", json_array_size(json_object_get(list, "items")),
           (double)(clock_ms() - began) / 1000);
    tell_page(c, &doors->page);
    if (!tell_project(c, weft)) printf("Try, in another terminal:\n");
    printf("  %s get all\n  %s proxy-status\n", weft, weft);
    if (combat)
        printf("  %s exec deploy/k8s-combat-service-v1 -- curl -s \\\n"
               "      \"http://127.0.0.1:8081/grpc_client?name=k8s-combat-service-istio-mesh&version=200\"      # answered by v2\n",
               weft);
    else if (first)
        printf("  %s describe pod %s -n %s\n", weft, json_text(first, "metadata.name"), json_text(first, "metadata.namespace"));
    tell_ingress(o, doors);
    if (o->detach) printf("  %s down\n", weft);
    json_decref(combat);
    json_decref(list);
}

/* weftd may still be opening its store: the listening socket is there from the start, so the first call waits for it. */
int up_start(const struct cli *c, const struct up_options *o, const struct up_doors *doors)
{
    struct err e = { 0 };
    uint64_t began = clock_ms();
    bool terminal = isatty(STDERR_FILENO);
    if (terminal) fprintf(stderr, "Starting the mesh in %s ...\n", c->state);
    int r = o->ingress.n ? apply_gateway(c) : EXIT_OK;
    if (r == EXIT_OK) r = apply_manifests(c, o);
    if (r == EXIT_OK) r = wait_running(c, o, &e);
    if (r == EXIT_OK) hints(c, o, doors, began);
    fflush(stdout);
    return r;
}
