/* Admission rules of Kubernetes' kinds. */
#include "config/internal.h"

#include "config/labels.h"
#include "config/syntax.h"

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(s, *list) == 0) return true;
    return false;
}

static void service_port(struct check *c, const K8sService *s, size_t i)
{
    static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };
    const K8sServicePort *p = s->spec->ports[i];
    char path[64];
    snprintf(path, sizeof path, "spec.ports[%zu]", i);
    struct err_at old = check_enter(c, &s->spec->ports[i]);
    if (!p->has_port)
        check_error(c, NULL, "%s.port is missing", path);
    else if (p->port < 1 || p->port > 65535)
        check_error(c, &p->port, "%s.port: %d is no port, expected 1 to 65535", path, p->port);
    if (!one_of(p->protocol, protocols))
        check_error(c, &p->protocol, "%s.protocol: \"%.60s\" is not one of TCP, UDP, SCTP", path, p->protocol);
    if (p->target_port && p->target_port->type == 1) {
        if (!is_port_name(str_of(p->target_port->str_val)))
            check_error(c, &p->target_port, "%s.targetPort: \"%.60s\" is neither a port nor the name of one", path,
                        p->target_port->str_val);
    } else if (p->target_port && p->has_port && (p->target_port->int_val < 1 || p->target_port->int_val > 65535)) {
        check_error(c, &p->target_port, "%s.targetPort: %d is no port, expected 1 to 65535", path, p->target_port->int_val);
    }
    bool named = p->name && *p->name;
    if (!named && s->spec->n_ports > 1) check_error(c, NULL, "%s.name is missing: a Service with several ports names each", path);
    if (named && !is_dns_label(str_of(p->name))) check_error(c, &p->name, "%s.name: \"%.60s\" is no valid port name", path, p->name);
    for (size_t k = 0; k < i; k++) {
        const K8sServicePort *q = s->spec->ports[k];
        if (named && q->name && strcmp(p->name, q->name) == 0)
            check_error(c, &p->name, "%s.name: \"%s\" is there already, in spec.ports[%zu]", path, p->name, k);
        if (p->port == q->port && strcmp(p->protocol, q->protocol) == 0)
            check_error(c, &p->port, "%s.port: %d/%s is there already, in spec.ports[%zu]", path, p->port, p->protocol, k);
    }
    check_leave(c, old);
}

void validate_service(struct check *c)
{
    static const char *const types[] = { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName", NULL };
    K8sService *s = as_service(c->r);
    struct err_at old = check_enter(c, &s->spec);
    if (!one_of(s->spec->type, types))
        check_error(c, &s->spec->type, "spec.type: \"%.60s\" is not one of ClusterIP, NodePort, LoadBalancer, ExternalName", s->spec->type);
    bool external = strcmp(s->spec->type, "ExternalName") == 0, headless = s->spec->cluster_ip && strcmp(s->spec->cluster_ip, "None") == 0;
    if (external && (!s->spec->external_name || !is_dns_subdomain(str_of(s->spec->external_name))))
        check_error(c, &s->spec->external_name, "spec.externalName: a host name is needed for type ExternalName");
    if (!external && !headless && s->spec->n_ports == 0) check_error(c, &s->spec->ports, "spec.ports: at least one port is needed");
    if (s->spec->cluster_ip && *s->spec->cluster_ip && !headless && !is_ip(str_of(s->spec->cluster_ip)))
        check_error(c, &s->spec->cluster_ip, "spec.clusterIP: \"%.60s\" is no IP address", s->spec->cluster_ip);
    if (external) check_warn(c, &s->spec->type, "spec.type: ExternalName is not carried out yet");
    if (strcmp(s->spec->session_affinity, "ClientIP") == 0)
        check_warn(c, &s->spec->session_affinity, "spec.sessionAffinity: ClientIP is not carried out yet");
    check_labels(c, &s->spec->selector, s->spec->selector, s->spec->n_selector, "spec.selector");
    for (size_t i = 0; i < s->spec->n_ports && i < 1000; i++) service_port(c, s, i);
    if (s->spec->n_ports > 1000) check_error(c, &s->spec->ports, "spec.ports: more than 1000 ports");
    check_leave(c, old);
}

static void check_probe(struct check *c, K8sProbe *const *slot, const char *path)
{
    const K8sProbe *p = *slot;
    if (!p) return;
    struct err_at old = check_enter(c, slot);
    int kinds = (p->exec != NULL) + (p->http_get != NULL) + (p->tcp_socket != NULL) + (p->grpc != NULL);
    if (kinds != 1) check_error(c, slot, "%s: exactly one of exec, httpGet, tcpSocket and grpc is needed", path);
    if (p->exec && p->exec->n_command == 0) check_error(c, &p->exec, "%s.exec.command is missing", path);
    const IntOrString *port = p->http_get ? p->http_get->port : p->tcp_socket ? p->tcp_socket->port : NULL;
    if ((p->http_get || p->tcp_socket) && (!port || (port->type == 0 && (port->int_val < 1 || port->int_val > 65535))))
        check_error(c, NULL, "%s: port must be a number from 1 to 65535 or the name of one", path);
    if (p->grpc && (p->grpc->port < 1 || p->grpc->port > 65535))
        check_error(c, NULL, "%s.grpc.port must be a number from 1 to 65535", path);
    if (p->timeout_seconds < 1 || p->period_seconds < 1 || p->success_threshold < 1 || p->failure_threshold < 1 ||
        p->initial_delay_seconds < 0)
        check_error(c, NULL, "%s: seconds and thresholds must be 1 or more", path);
    check_leave(c, old);
}

static void check_container(struct check *c, K8sContainer **list, size_t i, const char *path)
{
    static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };
    const K8sContainer *k = list[i];
    char at[160];
    struct err_at old = check_enter(c, &list[i]);
    if (!k->name || !*k->name)
        check_error(c, NULL, "%s[%zu].name is missing", path, i);
    else if (!is_dns_label(str_of(k->name)))
        check_error(c, &k->name, "%s[%zu].name: \"%.80s\" is no valid name", path, i, k->name);
    for (size_t o = 0; k->name && o < i && o < 1000; o++)
        if (list[o]->name && strcmp(list[o]->name, k->name) == 0)
            check_error(c, &k->name, "%s[%zu].name: \"%.80s\" is there already", path, i, k->name);
    if (!k->image || !*k->image) check_error(c, &k->image, "%s[%zu].image is missing", path, i);
    for (size_t p = 0; p < k->n_ports; p++) {
        snprintf(at, sizeof at, "%s[%zu].ports[%zu].containerPort", path, i, p);
        check_port(c, &k->ports[p]->container_port, k->ports[p]->container_port, at);
        if (!one_of(k->ports[p]->protocol, protocols))
            check_error(c, &k->ports[p]->protocol, "%s[%zu].ports[%zu].protocol: \"%.60s\" is not one of TCP, UDP, SCTP", path, i, p,
                        k->ports[p]->protocol);
        if (k->ports[p]->name && !is_port_name(str_of(k->ports[p]->name)))
            err_hint(check_error(c, &k->ports[p]->name, "%s[%zu].ports[%zu].name: \"%.60s\" is no valid port name", path, i, p,
                                 k->ports[p]->name),
                     "at most 15 lower-case letters, digits and '-'");
    }
    for (size_t e = 0; e < k->n_env; e++)
        if (!k->env[e]->name || !*k->env[e]->name || strchr(k->env[e]->name, '='))
            check_error(c, &k->env[e], "%s[%zu].env[%zu].name is missing or has '='", path, i, e);
    snprintf(at, sizeof at, "%s[%zu].readinessProbe", path, i);
    check_probe(c, (K8sProbe *const *)&k->readiness_probe, at);
    snprintf(at, sizeof at, "%s[%zu].livenessProbe", path, i);
    check_probe(c, (K8sProbe *const *)&k->liveness_probe, at);
    snprintf(at, sizeof at, "%s[%zu].startupProbe", path, i);
    check_probe(c, (K8sProbe *const *)&k->startup_probe, at);
    check_leave(c, old);
}

static void pod_spec(struct check *c, const K8sPodSpec *s, const char *path, bool template)
{
    static const char *const policies[] = { "Always", "OnFailure", "Never", NULL };
    char at[100];
    snprintf(at, sizeof at, "%s.containers", path);
    if (s->n_containers == 0) check_error(c, &s->containers, "%s: at least one container is needed", at);
    for (size_t i = 0; i < s->n_containers; i++) check_container(c, s->containers, i, at);
    snprintf(at, sizeof at, "%s.initContainers", path);
    for (size_t i = 0; i < s->n_init_containers; i++) check_container(c, s->init_containers, i, at);
    if (template && strcmp(s->restart_policy, "Always") != 0)
        check_error(c, &s->restart_policy, "%s.restartPolicy: \"%.60s\" is not Always, the only one that a template may have", path,
                    s->restart_policy);
    else if (!one_of(s->restart_policy, policies))
        check_error(c, &s->restart_policy, "%s.restartPolicy: \"%.60s\" is not one of Always, OnFailure, Never", path, s->restart_policy);
    if (s->termination_grace_period_seconds < 0)
        check_error(c, &s->termination_grace_period_seconds, "%s.terminationGracePeriodSeconds is negative", path);
}

void validate_pod(struct check *c)
{
    K8sPod *p = as_pod(c->r);
    struct err_at old = check_enter(c, &p->spec);
    pod_spec(c, p->spec, "spec", false);
    check_leave(c, old);
}

/* "25%" or a whole number; *zero: it is 0. */
static void check_share(struct check *c, IntOrString *const *slot, const char *path, bool *zero)
{
    const IntOrString *v = *slot;
    uint64_t n = 0;
    struct str s = str_of(v->str_val);
    bool ok = v->type == 0 ? v->int_val >= 0 : str_ends(s, STR("%")) && str_u64(str_first(s, s.n - 1), &n);
    if (!ok) check_error(c, slot, "%s: expected a whole number or a percentage like 25%%", path);
    *zero = v->type == 0 ? v->int_val == 0 : n == 0;
}

void validate_deployment(struct check *c)
{
    K8sDeployment *d = as_deployment(c->r);
    struct err_at old = check_enter(c, &d->spec);
    if (d->spec->replicas < 0) check_error(c, &d->spec->replicas, "spec.replicas: %d is negative", d->spec->replicas);
    const K8sLabelSelector *sel = d->spec->selector;
    if (!sel || (sel->n_match_labels == 0 && sel->n_match_expressions == 0))
        check_error(c, &d->spec->selector, "spec.selector: matchLabels are needed");
    else
        check_labels(c, &d->spec->selector, sel->match_labels, sel->n_match_labels, "spec.selector.matchLabels");
    const K8s__Io__Api__Core__V1__PodTemplateSpec *t = d->spec->template_;
    if (!t || !t->spec) {
        check_error(c, &d->spec->template_, "spec.template.spec is missing");
    } else {
        const ObjectMeta *m = t->metadata;
        if (m) check_labels(c, &m->labels, m->labels, m->n_labels, "spec.template.metadata.labels");
        bool some = sel && (sel->n_match_labels || sel->n_match_expressions);
        if (some && !label_selector_match(sel, m ? STRING_ENTRIES(m->labels) : NULL, m ? m->n_labels : 0))
            check_error(c, m ? (const void *)&m->labels : &d->spec->template_,
                        "spec.template.metadata.labels: spec.selector does not match them");
        struct err_at in = check_enter(c, &t->spec);
        pod_spec(c, t->spec, "spec.template.spec", true);
        check_leave(c, in);
    }
    const K8s__Io__Api__Apps__V1__DeploymentStrategy *st = d->spec->strategy;
    bool recreate = strcmp(st->type, "Recreate") == 0, zero_u = false, zero_s = false;
    if (!recreate && strcmp(st->type, "RollingUpdate") != 0)
        check_error(c, &st->type, "spec.strategy.type: \"%.60s\" is not one of RollingUpdate, Recreate", st->type);
    if (recreate && st->rolling_update) check_error(c, &st->rolling_update, "spec.strategy.rollingUpdate: not with type Recreate");
    if (!recreate && st->rolling_update) {
        check_share(c, &st->rolling_update->max_unavailable, "spec.strategy.rollingUpdate.maxUnavailable", &zero_u);
        check_share(c, &st->rolling_update->max_surge, "spec.strategy.rollingUpdate.maxSurge", &zero_s);
        if (zero_u && zero_s)
            check_error(c, &st->rolling_update, "spec.strategy.rollingUpdate: maxUnavailable and maxSurge cannot both be 0");
    }
    check_leave(c, old);
}

void validate_secret(struct check *c)
{
    const K8sSecret *s = as_secret(c->r);
    for (size_t i = 0; i < s->n_data; i++)
        if (!is_label_value(str_of(s->data[i]->key)) && !is_dns_subdomain(str_of(s->data[i]->key)) && s->data[i]->key[0] != '.')
            check_error(c, &s->data[i], "data: \"%.100s\" is no valid key", s->data[i]->key);
    if (strcmp(s->type, "kubernetes.io/tls") != 0) return;
    static const char *const keys[] = { "tls.crt", "tls.key" };
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        bool have = false;
        for (size_t i = 0; i < s->n_data; i++) have |= strcmp(s->data[i]->key, keys[k]) == 0;
        if (!have) check_error(c, &s->data, "data[%s] is missing in a Secret of type kubernetes.io/tls", keys[k]);
    }
}
