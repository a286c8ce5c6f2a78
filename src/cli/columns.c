#include "cli/columns.h"
#include "base/clock.h"
#include "cli/api.h"

struct column {
    const char *header;
    void (*cell)(struct table *t, const json_t *object);
    bool wide; /* only with -o wide */
};

char *columns_age(const char *rfc3339, char *buf, size_t n)
{
    struct tm tm = { 0 };
    if (!rfc3339 || !strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm)) {
        snprintf(buf, n, "<unknown>");
        return buf;
    }
    return clock_age(clock_wall_ms() - (int64_t)timegm(&tm) * 1000, buf, n);
}

static void age(struct table *t, const json_t *o)
{
    char text[24];
    table_cell(t, columns_age(json_text(o, "metadata.creationTimestamp"), text, sizeof text));
}

/* "a,b" of a list of strings, or of one field of a list of objects. */
static void joined(struct table *t, const json_t *list, const char *field)
{
    struct buf b = { 0 };
    size_t i;
    json_t *v;
    json_array_foreach (list, i, v) {
        const char *s = field ? json_text(v, field) : json_string_value(v);
        buf_printf(&b, "%s%s", b.len ? "," : "", s ? s : "");
    }
    char *s = b.len ? buf_steal(&b) : NULL;
    table_cell(t, s);
    free(s);
}

static void labels(struct table *t, const json_t *map)
{
    struct buf b = { 0 };
    const char *k;
    json_t *v;
    json_object_foreach ((json_t *)map, k, v) buf_printf(&b, "%s%s=%s", b.len ? "," : "", k, json_string_value(v));
    char *s = b.len ? buf_steal(&b) : NULL;
    table_cell(t, s);
    free(s);
}

/* ---- pods ---- */

/* A container that waits for others says less than the one that it waits for. */
static bool only_waits(const char *reason) { return strcmp(reason, "PodInitializing") == 0 || strcmp(reason, "ContainerCreating") == 0; }

const char *columns_pod_status(const json_t *pod)
{
    size_t i;
    json_t *s;
    const char *waits = NULL;
    if (json_text(pod, "metadata.deletionTimestamp")) return "Terminating";
    json_array_foreach (json_path(pod, "status.containerStatuses"), i, s) {
        const char *why = json_text(s, "state.waiting.reason");
        if (!why) why = json_text(s, "state.terminated.reason");
        if (why && !only_waits(why)) return why;
        if (why) waits = why;
    }
    if (waits) return waits;
    const char *reason = json_text(pod, "status.reason"), *phase = json_text(pod, "status.phase");
    return reason ? reason : phase ? phase : "Pending";
}

static void pod_ready(struct table *t, const json_t *o)
{
    size_t i, ready = 0;
    json_t *s, *all = json_path(o, "status.containerStatuses");
    json_array_foreach (all, i, s) ready += json_is_true(json_object_get(s, "ready"));
    size_t n = json_array_size(all);
    if (n == 0) n = json_array_size(json_path(o, "spec.containers"));
    table_cellf(t, "%zu/%zu", ready, n);
}

static void pod_status(struct table *t, const json_t *o) { table_cell(t, columns_pod_status(o)); }

static void pod_restarts(struct table *t, const json_t *o)
{
    size_t i;
    json_t *s;
    int64_t n = 0;
    json_array_foreach (json_path(o, "status.containerStatuses"), i, s) n += json_number(s, "restartCount", 0);
    table_cellf(t, "%" PRId64, n);
}

static void pod_ip(struct table *t, const json_t *o) { table_cell(t, json_text(o, "status.podIP")); }
static void pod_node(struct table *t, const json_t *o) { table_cell(t, json_text(o, "spec.nodeName")); }

/* ---- services ---- */

static void svc_type(struct table *t, const json_t *o)
{
    const char *type = json_text(o, "spec.type");
    table_cell(t, type ? type : "ClusterIP");
}
static void svc_ip(struct table *t, const json_t *o) { table_cell(t, json_text(o, "spec.clusterIP")); }
static void svc_external(struct table *t, const json_t *o)
{
    const char *ip = json_text(o, "status.loadBalancer.ingress.0.ip");
    table_cell(t, ip ? ip : json_text(o, "spec.externalName"));
}
static void svc_ports(struct table *t, const json_t *o)
{
    struct buf b = { 0 };
    size_t i;
    json_t *p;
    json_array_foreach (json_path(o, "spec.ports"), i, p) {
        const char *protocol = json_text(p, "protocol");
        buf_printf(&b, "%s%" PRId64 "/%s", b.len ? "," : "", json_number(p, "port", 0), protocol ? protocol : "TCP");
    }
    char *s = b.len ? buf_steal(&b) : NULL;
    table_cell(t, s);
    free(s);
}
static void svc_selector(struct table *t, const json_t *o) { labels(t, json_path(o, "spec.selector")); }

/* ---- deployments, replica sets ---- */

static void dep_ready(struct table *t, const json_t *o)
{
    table_cellf(t, "%" PRId64 "/%" PRId64, json_number(o, "status.readyReplicas", 0), json_number(o, "spec.replicas", 1));
}
static void dep_updated(struct table *t, const json_t *o) { table_cellf(t, "%" PRId64, json_number(o, "status.updatedReplicas", 0)); }
static void dep_available(struct table *t, const json_t *o) { table_cellf(t, "%" PRId64, json_number(o, "status.availableReplicas", 0)); }
static void dep_containers(struct table *t, const json_t *o) { joined(t, json_path(o, "spec.template.spec.containers"), "name"); }
static void dep_images(struct table *t, const json_t *o) { joined(t, json_path(o, "spec.template.spec.containers"), "image"); }
static void dep_selector(struct table *t, const json_t *o) { labels(t, json_path(o, "spec.selector.matchLabels")); }
static void rs_desired(struct table *t, const json_t *o) { table_cellf(t, "%" PRId64, json_number(o, "spec.replicas", 1)); }
static void rs_current(struct table *t, const json_t *o) { table_cellf(t, "%" PRId64, json_number(o, "status.replicas", 0)); }
static void rs_ready(struct table *t, const json_t *o) { table_cellf(t, "%" PRId64, json_number(o, "status.readyReplicas", 0)); }

/* ---- Istio ---- */

/* Lists as Istio's own columns show them: ["a","b"] */
static void quoted(struct table *t, const json_t *list)
{
    char *s = json_array_size(list) ? json_dumps(list, JSON_COMPACT) : NULL;
    table_cell(t, s ? s : "");
    free(s);
}
static void vs_gateways(struct table *t, const json_t *o) { quoted(t, json_path(o, "spec.gateways")); }
static void vs_hosts(struct table *t, const json_t *o) { quoted(t, json_path(o, "spec.hosts")); }
static void dr_host(struct table *t, const json_t *o) { table_cell(t, json_text(o, "spec.host")); }
static void gw_selector(struct table *t, const json_t *o) { labels(t, json_path(o, "spec.selector")); }
static void secret_type(struct table *t, const json_t *o) { table_cell(t, json_text(o, "type")); }
static void secret_data(struct table *t, const json_t *o) { table_cellf(t, "%zu", json_object_size(json_path(o, "data"))); }
static void ns_status(struct table *t, const json_t *o)
{
    const char *phase = json_text(o, "status.phase");
    table_cell(t, phase ? phase : "Active");
}

static const struct column pods[] = {
    { "READY", pod_ready, false },
    { "STATUS", pod_status, false },
    { "RESTARTS", pod_restarts, false },
    { "AGE", age, false },
    { "IP", pod_ip, true },
    { "NODE", pod_node, true },
    { 0 },
};
static const struct column services[] = {
    { "TYPE", svc_type, false },
    { "CLUSTER-IP", svc_ip, false },
    { "EXTERNAL-IP", svc_external, false },
    { "PORT(S)", svc_ports, false },
    { "AGE", age, false },
    { "SELECTOR", svc_selector, true },
    { 0 },
};
static const struct column deployments[] = {
    { "READY", dep_ready, false },          { "UP-TO-DATE", dep_updated, false },
    { "AVAILABLE", dep_available, false },  { "AGE", age, false },
    { "CONTAINERS", dep_containers, true }, { "IMAGES", dep_images, true },
    { "SELECTOR", dep_selector, true },     { 0 },
};
static const struct column replicasets[] = {
    { "DESIRED", rs_desired, false },   { "CURRENT", rs_current, false },
    { "READY", rs_ready, false },       { "AGE", age, false },
    { "SELECTOR", dep_selector, true }, { 0 },
};
static const struct column virtualservices[] = {
    { "GATEWAYS", vs_gateways, false }, { "HOSTS", vs_hosts, false }, { "AGE", age, false }, { 0 }
};
static const struct column destinationrules[] = { { "HOST", dr_host, false }, { "AGE", age, false }, { 0 } };
static const struct column gateways[] = { { "AGE", age, false }, { "SELECTOR", gw_selector, true }, { 0 } };
static const struct column secrets[] = { { "TYPE", secret_type, false }, { "DATA", secret_data, false }, { "AGE", age, false }, { 0 } };
static const struct column namespaces[] = { { "STATUS", ns_status, false }, { "AGE", age, false }, { 0 } };
static const struct column others[] = { { "AGE", age, false }, { 0 } };

static const struct {
    const char *plural;
    const struct column *columns;
} kinds[] = {
    { "pods", pods },
    { "services", services },
    { "deployments", deployments },
    { "replicasets", replicasets },
    { "virtualservices", virtualservices },
    { "destinationrules", destinationrules },
    { "gateways", gateways },
    { "secrets", secrets },
    { "namespaces", namespaces },
};

static const struct column *columns_of(const char *plural)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].plural, plural) == 0) return kinds[i].columns;
    }
    return others;
}

struct table *columns_table(const char *plural, bool with_ns, bool wide)
{
    const char *headers[16];
    size_t n = 0;
    if (with_ns) headers[n++] = "NAMESPACE";
    headers[n++] = "NAME";
    for (const struct column *c = columns_of(plural); c->header; c++) {
        if (!c->wide || wide) headers[n++] = c->header;
    }
    headers[n] = NULL;
    return table_new(headers);
}

void columns_row(struct table *t, const char *plural, bool with_ns, bool wide, const char *prefix, const json_t *object)
{
    if (with_ns) table_cell(t, json_text(object, "metadata.namespace"));
    table_cellf(t, "%s%s", prefix, json_text(object, "metadata.name"));
    for (const struct column *c = columns_of(plural); c->header; c++) {
        if (!c->wide || wide) c->cell(t, object);
    }
    table_row(t);
}
