/* A pod's JSON -> the node's plain spec: commands by the image table, environment, probes, limits, and the sidecar. */
#include "cli/agent.h"
#include "cli/api.h"
#include "workload/workload.h"

#define BOOTSTRAP_FILE "proxy/bootstrap.json"

struct making {
    const json_t *pod;
    const struct agent_config *cfg;
    bool root;
    struct arena *a;
    const char *reason;
    struct err *e;
};

static const char *annotation(const json_t *pod, const char *key)
{
    return json_string_value(json_object_get(json_path(pod, "metadata.annotations"), key));
}

static const char *label(const json_t *pod, const char *key)
{
    return json_string_value(json_object_get(json_path(pod, "metadata.labels"), key));
}

bool agent_pod_is_gateway(const json_t *pod)
{
    const char *image = json_text(pod, "spec.containers.0.image");
    return image && strcmp(image, WORKLOAD_GATEWAY_IMAGE) == 0;
}

bool agent_pod_injected(const json_t *pod)
{
    const char *inject = label(pod, "sidecar.istio.io/inject");
    if (!inject) inject = annotation(pod, "sidecar.istio.io/inject");
    if (agent_pod_is_gateway(pod) || json_is_true(json_path(pod, "spec.hostNetwork"))) return false;
    return !inject || strcmp(inject, "false") != 0;
}

/* Strings of a JSON list behind `front` (already there), ended by NULL. */
static const char **strings(struct arena *a, const char *const *front, const json_t *list, const json_t *more)
{
    size_t n = 0, i;
    json_t *v;
    while (front && front[n]) n++;
    const char **out = arena_array(a, const char *, n + json_array_size(list) + json_array_size(more) + 1);
    for (size_t k = 0; k < n; k++) out[k] = front[k];
    json_array_foreach (list, i, v) out[n++] = json_is_string(v) ? json_string_value(v) : "";
    json_array_foreach (more, i, v) out[n++] = json_is_string(v) ? json_string_value(v) : "";
    return out;
}

/* command and args as Kubernetes: command replaces the image's program, args its arguments. */
static int command_of(struct making *m, const json_t *c, const char *const **ret)
{
    const json_t *command = json_object_get(c, "command"), *args = json_object_get(c, "args");
    if (json_array_size(command)) {
        *ret = strings(m->a, NULL, command, args);
        return 0;
    }
    const char *image = json_text(c, "image");
    char *const *program = images_find(m->cfg->images, image ? image : "");
    if (program) {
        *ret = strings(m->a, (const char *const *)program, args, NULL);
        return 0;
    }
    m->reason = "ErrImageNeverPull";
    err_set(m->e, -EINVAL, "image \"%s\" has no program on this machine", image ? image : "");
    return err_hint(m->e, "start the mesh with --image '%s=COMMAND', or give the container a command", image ? image : "NAME");
}

/* valueFrom.fieldRef: what a pod may know of itself. */
static const char *field_value(const json_t *pod, const char *path)
{
    static const char *const known[] = { "metadata.name", "metadata.namespace", "metadata.uid",
                                         "status.podIP",  "spec.nodeName",      "spec.serviceAccountName" };
    for (size_t i = 0; path && i < ARRAY_LEN(known); i++) {
        if (strcmp(path, known[i]) == 0) return json_text(pod, path);
    }
    if (path && strcmp(path, "status.hostIP") == 0) return NODE_GATEWAY_IP;
    return NULL;
}

static void environment(struct making *m, const json_t *c, struct node_container *out)
{
    const json_t *list = json_object_get(c, "env");
    struct node_env *env = arena_array(m->a, struct node_env, json_array_size(list) + 1);
    size_t i, n = 0;
    json_t *v;
    json_array_foreach (list, i, v) {
        const char *name = json_text(v, "name"), *value = json_text(v, "value");
        if (!value) value = field_value(m->pod, json_text(v, "valueFrom.fieldRef.fieldPath"));
        if (name) env[n++] = (struct node_env){ name, value ? value : "" };
    }
    out->env = env;
    out->env_n = n;
}

/* A port number, or the name of a port of the container. */
static uint16_t port_of(const json_t *c, const json_t *port)
{
    size_t i;
    json_t *p;
    if (json_is_integer(port)) return (uint16_t)json_integer_value(port);
    const char *name = json_string_value(port);
    json_array_foreach (json_object_get(c, "ports"), i, p) {
        const char *have = json_text(p, "name");
        if (name && have && strcmp(name, have) == 0) return (uint16_t)json_number(p, "containerPort", 0);
    }
    uint64_t number = 0;
    return name && str_u64(str_of(name), &number) ? (uint16_t)number : 0;
}

static unsigned seconds(const json_t *p, const char *key) { return (unsigned)(json_number(p, key, 0) * 1000); }

static struct node_probe probe_of(struct making *m, const json_t *c, const char *key)
{
    const json_t *p = json_object_get(c, key), *h;
    struct node_probe out = { .kind = NODE_PROBE_NONE };
    if (!p) return out;
    out.initial_delay_ms = seconds(p, "initialDelaySeconds");
    out.period_ms = seconds(p, "periodSeconds");
    out.timeout_ms = seconds(p, "timeoutSeconds");
    out.success_threshold = (unsigned)json_number(p, "successThreshold", 0);
    out.failure_threshold = (unsigned)json_number(p, "failureThreshold", 0);
    if ((h = json_object_get(p, "httpGet"))) {
        out.kind = NODE_PROBE_HTTP;
        out.path = json_text(h, "path");
    } else if ((h = json_object_get(p, "tcpSocket"))) {
        out.kind = NODE_PROBE_TCP;
    } else if ((h = json_object_get(p, "grpc"))) {
        out.kind = NODE_PROBE_GRPC;
        out.service = json_text(h, "service");
    } else if ((h = json_object_get(p, "exec"))) {
        out.kind = NODE_PROBE_EXEC;
        out.argv = strings(m->a, NULL, json_object_get(h, "command"), NULL);
        return out;
    }
    out.port = port_of(c, json_object_get(h, "port"));
    return out;
}

/* Kubernetes' quantities: "100Mi", "0.5", "500m" -> thousandths. */
static uint64_t quantity_milli(const json_t *v)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = { { "", 1 },     { "m", 1e-3 },  { "k", 1e3 },      { "M", 1e6 },         { "G", 1e9 },
                  { "T", 1e12 }, { "Ki", 1024 }, { "Mi", 1048576 }, { "Gi", 1073741824 }, { "Ti", 1099511627776 } };
    if (json_is_number(v)) return (uint64_t)(json_number_value(v) * 1000);
    const char *text = json_string_value(v);
    char *end = NULL;
    double n = text ? strtod(text, &end) : 0;
    for (size_t i = 0; text && end != text && n > 0 && i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].unit) == 0) return (uint64_t)(n * units[i].factor * 1000);
    }
    return 0;
}

static int container(struct making *m, const json_t *c, struct node_container *out)
{
    out->name = json_text(c, "name");
    int r = command_of(m, c, &out->argv);
    if (r < 0) return r;
    environment(m, c, out);
    out->cwd = json_text(c, "workingDir");
    out->uid = (int)json_number(c, "securityContext.runAsUser", json_number(m->pod, "spec.securityContext.runAsUser", -1));
    out->gid = (int)json_number(c, "securityContext.runAsGroup", json_number(m->pod, "spec.securityContext.runAsGroup", -1));
    out->startup = probe_of(m, c, "startupProbe");
    out->readiness = probe_of(m, c, "readinessProbe");
    out->liveness = probe_of(m, c, "livenessProbe");
    const json_t *stop = json_path(c, "lifecycle.preStop.exec.command");
    if (json_array_size(stop)) out->pre_stop = strings(m->a, NULL, stop, NULL);
    out->pre_stop_sleep_ms = (unsigned)(json_number(c, "lifecycle.preStop.sleep.seconds", 0) * 1000);
    out->memory_limit = quantity_milli(json_path(c, "resources.limits.memory")) / 1000;
    out->cpu_limit_milli = (unsigned)quantity_milli(json_path(c, "resources.limits.cpu"));
    return 0;
}

static bool is_envoy(const char *program)
{
    const char *slash = strrchr(program, '/');
    return strcmp(slash ? slash + 1 : program, "envoy") == 0;
}

/* The proxy's container: weft-proxy, or the program behind the annotation's image (a real Envoy). */
static int proxy_container(struct making *m, struct node_container *out)
{
    static const char *const bootstrap[] = { "-c", NODE_FILES_DIR "/" BOOTSTRAP_FILE, "-l", "warning", "--concurrency", NULL };
    const char *image = annotation(m->pod, "sidecar.istio.io/proxyImage");
    char *const *program = images_find(m->cfg->images, image ? image : "weft/proxy");
    if (!program) {
        m->reason = "ErrImageNeverPull";
        err_set(m->e, -EINVAL, "image \"%s\" of annotation sidecar.istio.io/proxyImage has no program on this machine", image);
        return err_hint(m->e, "start the mesh with --image '%s=COMMAND'", image);
    }
    json_t *args = json_array();
    for (size_t i = 0; bootstrap[i]; i++) json_array_append_new(args, json_string(bootstrap[i]));
    json_array_append_new(args, json_string(arena_printf(m->a, "%d", m->cfg->concurrency)));
    if (is_envoy(program[0])) json_array_append_new(args, json_string("--disable-hot-restart"));
    const char **argv = strings(m->a, (const char *const *)program, args, NULL);
    for (size_t i = 0; argv[i]; i++) argv[i] = arena_strndup(m->a, argv[i], strlen(argv[i]));
    json_decref(args);
    static const struct node_env marked[] = { { "WEFT_SOCKET_MARK", "1337" } };
    *out = (struct node_container){
        .name = "istio-proxy",
        .argv = argv,
        .uid = -1,
        .gid = -1,
        .is_sidecar = true,
        .drain_path = "/drain_listeners?inboundonly&graceful",
        .drain_port = PORT_ADMIN,
        .env = marked,
        .env_n = m->root ? 0 : 1,
        .startup = { .kind = NODE_PROBE_HTTP, .port = PORT_HEALTH, .path = "/healthz/ready", .period_ms = 100, .failure_threshold = 6000 },
        .readiness = { .kind = NODE_PROBE_HTTP, .port = PORT_HEALTH, .path = "/healthz/ready", .period_ms = 2000, .failure_threshold = 3 },
    };
    return 0;
}

static void bootstrap_file(struct making *m, const char *type, struct node_pod *out)
{
    struct bootstrap_options o = {
        .pod_ip = json_text(m->pod, "status.podIP"),
        .xds_ip = NODE_GATEWAY_IP,
        .xds_port = NODE_XDS_PORT,
        .type = type,
        .delta = m->cfg->delta,
    };
    json_t *j = bootstrap_make(m->pod, &o);
    char *text = json_dumps(j, JSON_COMPACT);
    struct node_file *file = arena_new(m->a, struct node_file);
    file->path = BOOTSTRAP_FILE;
    file->len = strlen(text);
    file->data = arena_strndup(m->a, text, file->len);
    file->sidecar = true;
    out->files = file;
    out->files_n = 1;
    free(text);
    json_decref(j);
}

/* "15443,9000" of traffic.sidecar.istio.io/exclude...Ports. */
static const uint16_t *ports_of(struct making *m, const char *key, size_t *n)
{
    const char *text = annotation(m->pod, key);
    struct str rest = str_of(text);
    uint16_t *ports = arena_array(m->a, uint16_t, rest.n + 1);
    uint64_t port;
    *n = 0;
    while (text && rest.p) {
        if (str_u64(str_trim(str_cut(&rest, ',')), &port) && port <= 65535) ports[(*n)++] = (uint16_t)port;
    }
    return ports;
}

static enum node_restart restart_of(const json_t *pod)
{
    const char *policy = json_text(pod, "spec.restartPolicy");
    if (policy && strcmp(policy, "Never") == 0) return NODE_RESTART_NEVER;
    return policy && strcmp(policy, "OnFailure") == 0 ? NODE_RESTART_ON_FAILURE : NODE_RESTART_ALWAYS;
}

static int containers(struct making *m, struct node_pod *out)
{
    const json_t *list = json_path(m->pod, "spec.containers");
    bool gateway = agent_pod_is_gateway(m->pod), injected = agent_pod_injected(m->pod);
    struct node_container *c = arena_array(m->a, struct node_container, json_array_size(list) + 1);
    size_t i, n = 0;
    json_t *v;
    int r;
    if ((injected || gateway) && (r = proxy_container(m, &c[n++])) < 0) return r;
    json_array_foreach (list, i, v) {
        if (gateway && i == 0) continue; /* the gateway's only container is the proxy */
        if ((r = container(m, v, &c[n++])) < 0) return r;
    }
    if (injected || gateway) bootstrap_file(m, gateway ? "router" : "sidecar", out);
    out->containers = c;
    out->containers_n = n;
    out->intercept = injected;
    return 0;
}

int agent_pod_spec(const json_t *pod, const struct agent_config *cfg, bool root, struct arena *a, struct node_pod *ret,
                   const char **ret_reason, struct err *e)
{
    struct making m = { .pod = pod, .cfg = cfg, .root = root, .a = a, .reason = "CreateContainerConfigError", .e = e };
    const char *ip = json_text(pod, "status.podIP");
    *ret = (struct node_pod){ .ns = json_text(pod, "metadata.namespace"),
                              .name = json_text(pod, "metadata.name"),
                              .uid = json_text(pod, "metadata.uid") };
    *ret_reason = m.reason;
    if (!ip || !addr_ip(&ret->ip, str_of(ip), 0)) return err_set(e, -EINVAL, "the pod has no address");
    int r = containers(&m, ret);
    *ret_reason = m.reason;
    if (r < 0) return r;
    ret->restart = restart_of(pod);
    ret->grace_ms = (unsigned)(json_number(pod, "spec.terminationGracePeriodSeconds", 30) * 1000);
    ret->hostname = json_text(pod, "spec.hostname");
    ret->exclude_in = ports_of(&m, "traffic.sidecar.istio.io/excludeInboundPorts", &ret->exclude_in_n);
    ret->exclude_out = ports_of(&m, "traffic.sidecar.istio.io/excludeOutboundPorts", &ret->exclude_out_n);
    /* Callers learn through EDS that the pod goes before its programs are told to end. */
    ret->drain_ms = ret->intercept ? 300 : 0;
    const char *hold = annotation(pod, "proxy.istio.io/config");
    ret->hold_apps = ret->intercept && (!hold || !strstr(hold, "holdApplicationUntilProxyStarts: false"));
    return 0;
}
