/* weft describe: one object for people, with what belongs to it. */
#include "cli/columns.h"
#include "cli/effective.h"
#include "cli/resource.h"

static struct cli shared;

static void field(const char *name, const char *value)
{
    char label[64];
    snprintf(label, sizeof label, "%s:", name);
    printf("%-18s %s\n", label, value ? value : "<none>");
}

static void fieldf(const char *name, const char *fmt, int64_t v)
{
    char text[64];
    snprintf(text, sizeof text, fmt, v);
    field(name, text);
}

static void map_field(const char *name, const json_t *map)
{
    const char *k;
    json_t *v;
    bool first = true;
    json_object_foreach ((json_t *)map, k, v) {
        char label[64];
        snprintf(label, sizeof label, "%s:", name);
        printf("%-18s %s=%s\n", first ? label : "", k, json_is_string(v) ? json_string_value(v) : "");
        first = false;
    }
    if (first) field(name, NULL);
}

static void describe_head(const json_t *o, const struct kind *k)
{
    field("Name", json_text(o, "metadata.name"));
    if (k->namespaced) field("Namespace", json_text(o, "metadata.namespace"));
    map_field("Labels", json_path(o, "metadata.labels"));
    map_field("Annotations", json_path(o, "metadata.annotations"));
    field("Created", json_text(o, "metadata.creationTimestamp"));
}

static void conditions(const json_t *o)
{
    size_t i;
    json_t *v, *list = json_path(o, "status.conditions");
    if (!json_array_size(list)) return;
    static const char *const headers[] = { "  TYPE", "STATUS", "REASON", "MESSAGE", NULL };
    struct table *t = table_new(headers);
    printf("Conditions:\n");
    json_array_foreach (list, i, v) {
        const char *reason = json_text(v, "reason"), *message = json_text(v, "message");
        table_cellf(t, "  %s", json_text(v, "type"));
        table_cell(t, json_text(v, "status"));
        table_cell(t, reason ? reason : "");
        table_cell(t, message ? message : "");
        table_row(t);
    }
    table_print(t, stdout);
    table_free(t);
}

static void state_line(const json_t *status, const char *name, const char *key)
{
    json_t *state = json_object_get(status, key);
    const char *kinds[] = { "running", "waiting", "terminated" }, *titles[] = { "Running", "Waiting", "Terminated" };
    for (int i = 0; i < 3; i++) {
        json_t *s = json_object_get(state, kinds[i]);
        if (!s) continue;
        printf("    %-16s %s", name, titles[i]);
        if (json_text(s, "reason")) printf(" (%s)", json_text(s, "reason"));
        if (json_text(s, "startedAt") && i == 0) printf(", since %s", json_text(s, "startedAt"));
        if (i == 2) printf(", exit code %" PRId64, json_number(s, "exitCode", 0));
        if (json_text(s, "message")) printf(": %s", json_text(s, "message"));
        printf("\n");
    }
}

static void container(const json_t *pod, const char *name, const json_t *spec)
{
    size_t i;
    json_t *s, *status = NULL, *p;
    json_array_foreach (json_path(pod, "status.containerStatuses"), i, s) {
        const char *n = json_text(s, "name");
        if (n && strcmp(n, name) == 0) status = s;
    }
    printf("  %s:\n", name);
    const char *image = json_text(spec ? spec : status, "image");
    if (image) printf("    %-16s %s\n", "Image:", image);
    json_array_foreach (json_path(spec, "ports"), i, p)
        printf("    %-16s %" PRId64 "/%s\n", i == 0 ? "Ports:" : "", json_number(p, "containerPort", 0),
               json_text(p, "protocol") ? json_text(p, "protocol") : "TCP");
    if (!status) return;
    state_line(status, "State:", "state");
    state_line(status, "Last State:", "lastState");
    printf("    %-16s %s\n", "Ready:", json_is_true(json_object_get(status, "ready")) ? "True" : "False");
    printf("    %-16s %" PRId64 "\n", "Restart Count:", json_number(status, "restartCount", 0));
}

/* Every route that Traffic made or changed for a service; nothing where it has none. */
static void service_routes(const struct cli *c, const char *ns, const char *name)
{
    char title[300];
    json_t *j = effective_fetch(c, kind_of(KIND_SERVICE), ns, name, NULL);
    snprintf(title, sizeof title, "Routes to %s (with Traffic %s.%s):", name, json_text(j, "traffic.name"),
             json_text(j, "traffic.namespace"));
    if (json_text(j, "traffic.name")) effective_print(j, title);
    json_decref(j);
}

/* The services whose selector the pod's labels hold. */
static void pod_routes(const struct cli *c, const json_t *pod)
{
    size_t i;
    json_t *s, *labels = json_path(pod, "metadata.labels");
    const char *ns = json_text(pod, "metadata.namespace");
    char *path = resource_path(kind_of(KIND_SERVICE), ns, NULL);
    json_t *list = api_get(c, path, NULL);
    free(path);
    json_array_foreach (json_object_get(list, "items"), i, s) {
        json_t *want = json_path(s, "spec.selector");
        if (json_object_size(want) && json_labels_hold(labels, want)) service_routes(c, ns, json_text(s, "metadata.name"));
    }
    json_decref(list);
}

static void describe_pod(const struct cli *c, const json_t *o)
{
    size_t i;
    json_t *v;
    field("Node", json_text(o, "spec.nodeName"));
    field("Status", columns_pod_status(o));
    if (json_text(o, "status.message")) field("Message", json_text(o, "status.message"));
    field("IP", json_text(o, "status.podIP"));
    const char *kind = json_text(o, "metadata.ownerReferences.0.kind"), *owner = json_text(o, "metadata.ownerReferences.0.name");
    if (kind) printf("%-18s %s/%s\n", "Controlled By:", kind, owner);
    printf("Containers:\n");
    json_array_foreach (json_path(o, "spec.containers"), i, v) container(o, json_text(v, "name"), v);
    json_array_foreach (json_path(o, "status.containerStatuses"), i, v) {
        const char *n = json_text(v, "name"); /* the sidecar is in the status, not in the spec */
        if (n && strcmp(n, "istio-proxy") == 0) container(o, n, NULL);
    }
    conditions(o);
    pod_routes(c, o);
}

static void describe_deployment(const struct cli *c, const json_t *o)
{
    char text[160];
    snprintf(text, sizeof text,
             "%" PRId64 " desired | %" PRId64 " updated | %" PRId64 " total | %" PRId64 " available | %" PRId64 " unavailable",
             json_number(o, "spec.replicas", 1), json_number(o, "status.updatedReplicas", 0), json_number(o, "status.replicas", 0),
             json_number(o, "status.availableReplicas", 0), json_number(o, "status.unavailableReplicas", 0));
    map_field("Selector", json_path(o, "spec.selector.matchLabels"));
    field("Replicas", text);
    field("StrategyType", json_text(o, "spec.strategy.type") ? json_text(o, "spec.strategy.type") : "RollingUpdate");
    size_t i;
    json_t *v;
    printf("Pod Template:\n");
    json_array_foreach (json_path(o, "spec.template.spec.containers"), i, v) container(o, json_text(v, "name"), v);
    conditions(o);
    (void)c;
}

static void describe_service(const struct cli *c, const json_t *o)
{
    size_t i, j, k;
    json_t *p, *pod, *condition;
    map_field("Selector", json_path(o, "spec.selector"));
    field("Type", json_text(o, "spec.type") ? json_text(o, "spec.type") : "ClusterIP");
    field("IP", json_text(o, "spec.clusterIP"));
    json_array_foreach (json_path(o, "spec.ports"), i, p) {
        const char *name = json_text(p, "name"), *proto = json_text(p, "appProtocol");
        printf("%-18s %s %" PRId64 "/TCP%s%s\n", "Port:", name ? name : "<unset>", json_number(p, "port", 0), proto ? " " : "",
               proto ? proto : "");
        json_t *target = json_object_get(p, "targetPort");
        if (json_is_string(target))
            field("TargetPort", json_string_value(target));
        else
            fieldf("TargetPort", "%" PRId64 "/TCP", json_number(p, "targetPort", json_number(p, "port", 0)));
    }
    /* Pods behind it: those whose labels hold the selector, and their readiness. */
    char *path = resource_path(kind_of(KIND_POD), json_text(o, "metadata.namespace"), NULL);
    json_t *list = api_get(c, path, NULL), *want = json_path(o, "spec.selector");
    free(path);
    bool first = true;
    json_array_foreach (json_object_get(list, "items"), j, pod) {
        bool ready = false;
        if (!json_object_size(want) || !json_labels_hold(json_path(pod, "metadata.labels"), want)) continue;
        json_array_foreach (json_path(pod, "status.conditions"), k, condition) {
            const char *type = json_text(condition, "type"), *status = json_text(condition, "status");
            if (type && status && strcmp(type, "Ready") == 0) ready = strcmp(status, "True") == 0;
        }
        printf("%-18s %s %s (%s)\n", first ? "Endpoints:" : "", json_text(pod, "status.podIP") ? json_text(pod, "status.podIP") : "-",
               json_text(pod, "metadata.name"), ready ? "ready" : "not ready");
        first = false;
    }
    if (first) field("Endpoints", NULL);
    json_decref(list);
    service_routes(c, json_text(o, "metadata.namespace"), json_text(o, "metadata.name"));
}

static const struct {
    const char *plural;
    void (*fn)(const struct cli *c, const json_t *o);
} kinds[] = { { "pods", describe_pod }, { "deployments", describe_deployment }, { "services", describe_service } };

/* Kinds without a form of their own: the spec as YAML, values of secrets left out. */
static void describe_other(const struct cli *c, const json_t *o)
{
    struct cli yaml = *c;
    json_t *spec = json_object_get(o, "spec"), *wrap;
    const char *k;
    json_t *v;
    yaml.output = "yaml";
    if (spec) {
        wrap = json_pack("{s:O}", "Spec", spec);
        resource_print(&yaml, wrap);
        json_decref(wrap);
    }
    if (json_text(o, "kind") && strcmp(json_text(o, "kind"), "VirtualService") == 0) {
        json_t *j =
            effective_fetch(c, kind_of(KIND_VIRTUAL_SERVICE), json_text(o, "metadata.namespace"), json_text(o, "metadata.name"), NULL);
        effective_print(j, "Carried out, with Traffic:");
        json_decref(j);
    }
    json_object_foreach (json_object_get(o, "data"), k, v) printf("%-18s %s: %zu bytes\n", "Data:", k, json_string_length(v));
    conditions(o);
}

static int run(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    const struct kind *k;
    const char *name;
    int used;
    c->ns = shared.ns ? shared.ns : c->ns;
    int r = state_require(c);
    if (r) return r;
    if (resource_parse(argc, argv, &k, &name, &used, &e) < 0) return cli_fail(&e);
    json_t *o = resource_get(c, k, c->ns, name, &e);
    if (!o) return cli_fail(&e);
    describe_head(o, k);
    void (*fn)(const struct cli *, const json_t *) = describe_other;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].plural, k->plural) == 0) fn = kinds[i].fn;
    }
    fn(c, o);
    json_decref(o);
    return EXIT_OK;
}

static const struct opt opts[] = { OPT_NAMESPACE(shared) };

const struct command cmd_describe = {
    .name = "describe",
    .args = "KIND NAME",
    .brief = "one object in detail",
    .examples = "  weft describe pod k8s-combat-service-v1-7d9c5b8f6-x2x4z\n  weft describe service k8s-combat-service-istio-mesh\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 1,
    .max = 2,
    .run = run,
};
