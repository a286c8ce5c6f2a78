/* Which fields are carried out. A field of a known kind that Weft accepts without effect is a warning that names it; fields that have
 * no meaning on one machine are silent, and docs/fields.md lists them. The row with the longest matching path decides; a row stands
 * for everything below it. Paths are those of the YAML, [] for the items of a list. */
#include "config/internal.h"

enum state { CARRIED, SILENT, WARNS };

struct field {
    const char *path;
    enum state state;
    const char *why; /* WARNS: appended to the message, may be NULL */
};

static const struct field virtual_service[] = {
    { "spec", CARRIED, NULL },
    { "spec.tls", WARNS, "it routes at gateways (PASSTHROUGH), not in sidecars" },
    { "spec.tcp[].match[].destinationSubnets", WARNS, "a match with it never holds" },
    { "spec.tcp[].match[].sourceSubnet", WARNS, NULL },
    { "spec.http[].match[].sourceNamespace", CARRIED, NULL },
    { "spec.http[].fault.delay.percent", CARRIED, NULL },
    { "spec.http[].mirrorPercent", CARRIED, NULL },
};

/* Single values (a mode, a type) are named by validate_*.c. */
static const struct field destination_rule[] = {
    { "spec", CARRIED, NULL },
    { "spec.trafficPolicy.tls.caCrl", WARNS, NULL },
    { "spec.trafficPolicy.tls.credentialName", WARNS, NULL },
    { "spec.trafficPolicy.tunnel", WARNS, NULL },
    { "spec.trafficPolicy.proxyProtocol", WARNS, NULL },
    { "spec.trafficPolicy.loadBalancer.localityLbSetting", WARNS, NULL },
    { "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting", WARNS, NULL },
    { "spec.trafficPolicy.portLevelSettings[].tls.caCrl", WARNS, NULL },
    { "spec.trafficPolicy.portLevelSettings[].tls.credentialName", WARNS, NULL },
    { "spec.trafficPolicy.portLevelSettings[].loadBalancer.localityLbSetting", WARNS, NULL },
    { "spec.trafficPolicy.portLevelSettings[].loadBalancer.zoneAwareLbSetting", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.tls.caCrl", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.tls.credentialName", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.tunnel", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.proxyProtocol", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.loadBalancer.localityLbSetting", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.loadBalancer.zoneAwareLbSetting", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.portLevelSettings[].tls.caCrl", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.portLevelSettings[].tls.credentialName", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.portLevelSettings[].loadBalancer.localityLbSetting", WARNS, NULL },
    { "spec.subsets[].trafficPolicy.portLevelSettings[].loadBalancer.zoneAwareLbSetting", WARNS, NULL },
};

static const struct field gateway[] = {
    { "spec", CARRIED, NULL },
    { "spec.servers[].defaultEndpoint", WARNS, NULL },
    { "spec.servers[].tls.caCrl", WARNS, NULL },
    { "spec.servers[].tls.credentialNames", WARNS, "only the first is used" },
    { "spec.servers[].tls.tlsCertificates", WARNS, NULL },
};

static const struct field service[] = {
    { "spec", CARRIED, NULL },
    { "spec.externalIPs", WARNS, NULL },
    { "spec.publishNotReadyAddresses", WARNS, NULL },
    { "spec.sessionAffinityConfig", WARNS, NULL },
    { "spec.externalTrafficPolicy", SILENT, NULL },
    { "spec.internalTrafficPolicy", SILENT, NULL },
    { "spec.healthCheckNodePort", SILENT, NULL },
    { "spec.ipFamilies", SILENT, NULL },
    { "spec.ipFamilyPolicy", SILENT, NULL },
    { "spec.allocateLoadBalancerNodePorts", SILENT, NULL },
    { "spec.loadBalancerClass", SILENT, NULL },
    { "spec.loadBalancerIP", SILENT, NULL },
    { "spec.loadBalancerSourceRanges", WARNS, NULL },
    { "spec.ports[].nodePort", SILENT, NULL },
    { "spec.trafficDistribution", WARNS, NULL },
};

/* Of a PodSpec; the prefix in front of it is the kind's. */
static const struct field pod[] = {
    { "", CARRIED, NULL },
    { "volumes", WARNS, "volumes are not mounted" },
    { "ephemeralContainers", WARNS, NULL },
    { "activeDeadlineSeconds", WARNS, NULL },
    { "nodeSelector", SILENT, NULL },
    { "nodeName", SILENT, NULL },
    { "serviceAccountName", CARRIED, NULL },
    { "serviceAccount", SILENT, NULL },
    { "automountServiceAccountToken", SILENT, NULL },
    { "subdomain", WARNS, NULL },
    { "dnsPolicy", SILENT, NULL },
    { "dnsConfig", WARNS, NULL },
    { "hostAliases", WARNS, NULL },
    { "hostNetwork", WARNS, NULL },
    { "hostPID", WARNS, NULL },
    { "hostIPC", WARNS, NULL },
    { "shareProcessNamespace", WARNS, NULL },
    { "securityContext", SILENT, NULL },
    { "imagePullSecrets", SILENT, NULL },
    { "affinity", SILENT, NULL },
    { "tolerations", SILENT, NULL },
    { "schedulerName", SILENT, NULL },
    { "priorityClassName", SILENT, NULL },
    { "priority", SILENT, NULL },
    { "preemptionPolicy", SILENT, NULL },
    { "readinessGates", WARNS, NULL },
    { "runtimeClassName", SILENT, NULL },
    { "enableServiceLinks", SILENT, NULL },
    { "topologySpreadConstraints", SILENT, NULL },
    { "overhead", SILENT, NULL },
    { "os", SILENT, NULL },
    { "hostUsers", SILENT, NULL },
    { "schedulingGates", WARNS, NULL },
    { "resourceClaims", WARNS, NULL },
    { "containers[].imagePullPolicy", SILENT, NULL },
    { "containers[].resources", SILENT, NULL },
    { "containers[].resizePolicy", SILENT, NULL },
    { "containers[].securityContext", SILENT, NULL },
    { "containers[].terminationMessagePath", SILENT, NULL },
    { "containers[].terminationMessagePolicy", SILENT, NULL },
    { "containers[].volumeMounts", WARNS, "volumes are not mounted" },
    { "containers[].volumeDevices", WARNS, "volumes are not mounted" },
    { "containers[].envFrom", WARNS, NULL },
    { "containers[].env[].valueFrom.configMapKeyRef", WARNS, "the variable is empty" },
    { "containers[].env[].valueFrom.secretKeyRef", WARNS, "the variable is empty" },
    { "containers[].env[].valueFrom.resourceFieldRef", WARNS, "the variable is empty" },
    { "containers[].lifecycle.postStart", WARNS, NULL },
    { "containers[].lifecycle.preStop.httpGet", WARNS, NULL },
    { "containers[].lifecycle.preStop.tcpSocket", WARNS, NULL },
    { "containers[].stdin", SILENT, NULL },
    { "containers[].stdinOnce", SILENT, NULL },
    { "containers[].tty", SILENT, NULL },
    { "initContainers", WARNS, "init containers are not run" },
};

static const struct field deployment[] = {
    { "spec", CARRIED, NULL },
    { "spec.revisionHistoryLimit", CARRIED, NULL },
    { "spec.progressDeadlineSeconds", SILENT, NULL },
};

static const struct {
    enum kind_id kind;
    const struct field *rows;
    size_t n;
    const char *pod; /* where the kind has a PodSpec */
} tables[] = {
    { KIND_VIRTUAL_SERVICE, virtual_service, ARRAY_LEN(virtual_service), NULL },
    { KIND_DESTINATION_RULE, destination_rule, ARRAY_LEN(destination_rule), NULL },
    { KIND_GATEWAY, gateway, ARRAY_LEN(gateway), NULL },
    { KIND_SERVICE, service, ARRAY_LEN(service), NULL },
    { KIND_POD, NULL, 0, "spec" },
    { KIND_DEPLOYMENT, deployment, ARRAY_LEN(deployment), "spec.template.spec" },
    { KIND_REPLICA_SET, NULL, 0, "spec.template.spec" },
};

struct walk {
    const struct resource *r;
    const char *file;
    size_t table;
    struct buf path;  /* with [] for the lookup */
    struct buf shown; /* with [3] for people */
    struct errs *warnings;
};

static const struct field *find(const struct field *rows, size_t n, struct str path)
{
    for (size_t i = 0; i < n; i++)
        if (str_eqc(path, rows[i].path)) return &rows[i];
    return NULL;
}

static const struct field *row_of(const struct walk *w, struct str path)
{
    const struct field *f = find(tables[w->table].rows, tables[w->table].n, path);
    struct str prefix = str_of(tables[w->table].pod);
    if (f || !prefix.n || !str_starts(path, prefix)) return f;
    path = str_skip(path, prefix.n);
    return find(pod, ARRAY_LEN(pod), path.n && path.p[0] == '.' ? str_skip(path, 1) : path);
}

static void walk(struct walk *w, const struct node *n)
{
    const struct field *f = row_of(w, buf_str(&w->path));
    if (f && f->state == WARNS && n->type != NODE_NULL) {
        errs_add(w->warnings, node_at(n, w->file), 0, "%s %s: %.*s is not carried out yet%s%s", w->r->kind->kind, w->r->name,
                 STR_ARG(buf_str(&w->shown)), f->why ? ": " : "", f->why ? f->why : "");
    }
    if (f && f->state != CARRIED) return;
    size_t len = w->path.len, shown = w->shown.len;
    for (size_t i = 0; i < n->n; i++) {
        if (n->type == NODE_SEQ) {
            buf_puts(&w->path, "[]");
            buf_printf(&w->shown, "[%zu]", i);
        } else {
            struct str key = str_first(n->pairs[i].key, 200);
            buf_printf(&w->path, "%s%.*s", len ? "." : "", STR_ARG(key));
            buf_printf(&w->shown, "%s%.*s", shown ? "." : "", STR_ARG(key));
        }
        walk(w, n->type == NODE_SEQ ? n->items[i] : n->pairs[i].value);
        w->path.len = len;
        w->shown.len = shown;
    }
}

void config_warn_fields(const struct node *n, const struct resource *r, const char *file, struct errs *warnings)
{
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (tables[i].kind != r->kind->id) continue;
        struct walk w = { .r = r, .file = file, .table = i, .warnings = warnings };
        const struct node *spec = tree_get(n, "spec");
        buf_puts(&w.path, "spec");
        buf_puts(&w.shown, "spec");
        if (spec) walk(&w, spec);
        buf_free(&w.path);
        buf_free(&w.shown);
    }
}
