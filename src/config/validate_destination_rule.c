/* Admission rules of DestinationRule. */
#include "config/internal.h"

#include "config/labels.h"
#include "config/syntax.h"

#include "google.protobuf.pb-c.h"

#define N(x) Istio__Networking__V1alpha3__##x

static bool prime(uint64_t n)
{
    for (uint64_t d = 2; d * d <= n; d++)
        if (n % d == 0) return false;
    return n > 1;
}

static void not_negative(struct check *c, const int32_t *slot, const char *path, const char *field)
{
    if (*slot < 0) check_error(c, slot, "%s.%s: %d is negative", path, field, *slot);
}

static void load_balancer(struct check *c, N(LoadBalancerSettings) *const *slot, const char *base)
{
    const N(LoadBalancerSettings) *lb = *slot;
    char path[120];
    if (!lb) return;
    snprintf(path, sizeof path, "%s.loadBalancer", base);
    struct err_at old = check_enter(c, slot);
    if (lb->locality_lb_setting && lb->zone_aware_lb_setting)
        check_error(c, &lb->zone_aware_lb_setting, "%s: localityLbSetting and zoneAwareLbSetting cannot both be set", path);
    if (lb->lb_policy_case == ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__LB_POLICY_CONSISTENT_HASH) {
        const N(LoadBalancerSettings__ConsistentHashLB) *h = lb->consistent_hash;
        if (!h->hash_key_case)
            check_error(c, &lb->consistent_hash,
                        "%s.consistentHash: one of httpHeaderName, httpCookie, useSourceIp and httpQueryParameterName is needed", path);
        if (h->hash_key_case == ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__CONSISTENT_HASH_LB__HASH_KEY_HTTP_COOKIE &&
            (!h->http_cookie->name || !*h->http_cookie->name))
            check_error(c, &h->http_cookie, "%s.consistentHash.httpCookie.name is missing", path);
        if (h->hash_algorithm_case == ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__CONSISTENT_HASH_LB__HASH_ALGORITHM_MAGLEV &&
            h->maglev->has_table_size && (!prime(h->maglev->table_size) || h->maglev->table_size >= 5000011))
            check_error(c, &h->maglev->table_size, "%s.consistentHash.maglev.tableSize: expected a prime below 5000011", path);
        if (h->has_minimum_ring_size)
            check_warn(c, &h->minimum_ring_size, "%s.consistentHash.minimumRingSize is deprecated, use ringHash", path);
    }
    if (lb->warmup && !lb->warmup->duration) check_error(c, &lb->warmup, "%s.warmup.duration is missing", path);
    check_leave(c, old);
}

static void connection_pool(struct check *c, N(ConnectionPoolSettings) *const *slot, const char *base)
{
    const N(ConnectionPoolSettings) *p = *slot;
    char path[120], at[160];
    if (!p) return;
    struct err_at old = check_enter(c, slot);
    snprintf(path, sizeof path, "%s.connectionPool", base);
    if (!p->tcp && !p->http) check_error(c, slot, "%s: tcp or http is needed", path);
    if (p->tcp) {
        snprintf(at, sizeof at, "%s.tcp", path);
        not_negative(c, &p->tcp->max_connections, at, "maxConnections");
        snprintf(at, sizeof at, "%s.tcp.connectTimeout", path);
        check_duration(c, &p->tcp->connect_timeout, p->tcp->connect_timeout, false, at);
        snprintf(at, sizeof at, "%s.tcp.idleTimeout", path);
        check_duration(c, &p->tcp->idle_timeout, p->tcp->idle_timeout, true, at);
    }
    if (p->http) {
        snprintf(at, sizeof at, "%s.http", path);
        not_negative(c, &p->http->http1_max_pending_requests, at, "http1MaxPendingRequests");
        not_negative(c, &p->http->http2_max_requests, at, "http2MaxRequests");
        not_negative(c, &p->http->max_requests_per_connection, at, "maxRequestsPerConnection");
        not_negative(c, &p->http->max_retries, at, "maxRetries");
        not_negative(c, &p->http->max_concurrent_streams, at, "maxConcurrentStreams");
        snprintf(at, sizeof at, "%s.http.idleTimeout", path);
        check_duration(c, &p->http->idle_timeout, p->http->idle_timeout, true, at);
        if (p->http->use_client_protocol &&
            p->http->h2_upgrade_policy == ISTIO__NETWORKING__V1ALPHA3__CONNECTION_POOL_SETTINGS__HTTPSETTINGS__H2_UPGRADE_POLICY__UPGRADE)
            check_error(c, &p->http->use_client_protocol, "%s.http: useClientProtocol and h2UpgradePolicy UPGRADE cannot both be set",
                        path);
    }
    check_leave(c, old);
}

static void outlier(struct check *c, N(OutlierDetection) *const *slot, const char *base)
{
    const N(OutlierDetection) *o = *slot;
    char path[120], at[160];
    if (!o) return;
    struct err_at old = check_enter(c, slot);
    snprintf(path, sizeof path, "%s.outlierDetection", base);
    if (o->has_consecutive_errors)
        check_warn(c, &o->consecutive_errors, "%s.consecutiveErrors is deprecated, use consecutive5xxErrors or consecutiveGatewayErrors",
                   path);
    if (!o->split_external_local_origin_errors && o->consecutive_local_origin_failures)
        check_error(c, &o->consecutive_local_origin_failures, "%s.consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors",
                    path);
    snprintf(at, sizeof at, "%s.interval", path);
    check_duration(c, &o->interval, o->interval, false, at);
    snprintf(at, sizeof at, "%s.baseEjectionTime", path);
    check_duration(c, &o->base_ejection_time, o->base_ejection_time, false, at);
    if (o->max_ejection_percent < 0 || o->max_ejection_percent > 100)
        check_error(c, &o->max_ejection_percent, "%s.maxEjectionPercent: expected 0 to 100", path);
    if (o->min_health_percent < 0 || o->min_health_percent > 100)
        check_error(c, &o->min_health_percent, "%s.minHealthPercent: expected 0 to 100", path);
    check_leave(c, old);
}

static void tls(struct check *c, N(ClientTLSSettings) *const *slot, const char *base)
{
    const N(ClientTLSSettings) *t = *slot;
    if (!t) return;
    struct err_at old = check_enter(c, slot);
    bool cert = t->client_certificate && *t->client_certificate, key = t->private_key && *t->private_key,
         ca = t->ca_certificates && *t->ca_certificates;
    bool name = t->credential_name && *t->credential_name;
    if (name && (cert || key || ca))
        check_error(c, &t->credential_name, "%s.tls: credentialName and certificate files cannot both be set", base);
    if (t->mode == ISTIO__NETWORKING__V1ALPHA3__CLIENT_TLSSETTINGS__TLSMODE__MUTUAL && !name && !(cert && key))
        check_error(c, slot, "%s.tls: mode MUTUAL needs clientCertificate and privateKey, or credentialName", base);
    if (t->mode == ISTIO__NETWORKING__V1ALPHA3__CLIENT_TLSSETTINGS__TLSMODE__ISTIO_MUTUAL && (cert || key || ca || name))
        check_error(c, slot, "%s.tls: mode ISTIO_MUTUAL takes no certificates", base);
    if (t->mode == ISTIO__NETWORKING__V1ALPHA3__CLIENT_TLSSETTINGS__TLSMODE__ISTIO_MUTUAL)
        check_warn(c, &t->mode, "%s.tls.mode: ISTIO_MUTUAL is not carried out yet: connections are not encrypted", base);
    check_leave(c, old);
}

static void traffic_policy(struct check *c, TrafficPolicy *const *slot, const char *path)
{
    const TrafficPolicy *p = *slot;
    char at[100];
    if (!p) return;
    struct err_at old = check_enter(c, slot);
    if (!p->load_balancer && !p->connection_pool && !p->outlier_detection && !p->tls && !p->n_port_level_settings && !p->tunnel &&
        !p->proxy_protocol && !p->retry_budget)
        check_error(c, slot, "%s is empty", path);
    load_balancer(c, (N(LoadBalancerSettings) *const *)&p->load_balancer, path);
    connection_pool(c, (N(ConnectionPoolSettings) *const *)&p->connection_pool, path);
    outlier(c, (N(OutlierDetection) *const *)&p->outlier_detection, path);
    tls(c, (N(ClientTLSSettings) *const *)&p->tls, path);
    if (p->tunnel && p->proxy_protocol) check_error(c, &p->tunnel, "%s: tunnel and proxyProtocol cannot both be set", path);
    for (size_t i = 0; i < p->n_port_level_settings; i++) {
        const N(TrafficPolicy__PortTrafficPolicy) *q = p->port_level_settings[i];
        struct err_at in = check_enter(c, &p->port_level_settings[i]);
        snprintf(at, sizeof at, "%s.portLevelSettings[%zu]", path, i);
        if (!q->port || !q->port->number) check_error(c, NULL, "%s.port.number is missing", at);
        load_balancer(c, (N(LoadBalancerSettings) *const *)&q->load_balancer, at);
        connection_pool(c, (N(ConnectionPoolSettings) *const *)&q->connection_pool, at);
        outlier(c, (N(OutlierDetection) *const *)&q->outlier_detection, at);
        tls(c, (N(ClientTLSSettings) *const *)&q->tls, at);
        check_leave(c, in);
    }
    check_leave(c, old);
}

void validate_destination_rule(struct check *c)
{
    DestinationRuleObject *o = as_destination_rule(c->r);
    const DestinationRule *d = o->spec;
    char at[80];
    struct err_at old = check_enter(c, &o->spec);
    if (!d->host || !*d->host)
        check_error(c, &d->host, "spec.host is missing");
    else if (!is_host(str_of(d->host)))
        check_error(c, &d->host, "spec.host: \"%.100s\" is no host name", d->host);
    traffic_policy(c, (TrafficPolicy *const *)&d->traffic_policy, "spec.trafficPolicy");
    for (size_t i = 0; i < d->n_subsets; i++) {
        const Subset *s = d->subsets[i];
        struct err_at in = check_enter(c, &d->subsets[i]);
        if (!s->name || !*s->name)
            check_error(c, NULL, "spec.subsets[%zu].name is missing", i);
        else if (!is_dns_label(str_of(s->name)))
            check_error(c, &s->name, "spec.subsets[%zu].name: \"%.80s\" is no valid subset name", i, s->name);
        for (size_t k = 0; k < i && s->name && i < 1000; k++)
            if (d->subsets[k]->name && strcmp(d->subsets[k]->name, s->name) == 0)
                check_error(c, &s->name, "spec.subsets[%zu].name: \"%.80s\" is there already", i, s->name);
        snprintf(at, sizeof at, "spec.subsets[%zu].labels", i);
        check_labels(c, &s->labels, s->labels, s->n_labels, at);
        snprintf(at, sizeof at, "spec.subsets[%zu].trafficPolicy", i);
        traffic_policy(c, (TrafficPolicy *const *)&s->traffic_policy, at);
        check_leave(c, in);
    }
    for (size_t i = 0; d->workload_selector && i < d->n_export_to; i++)
        if (strcmp(d->export_to[i], ".") != 0)
            check_error(c, &d->export_to[i], "spec.exportTo: with workloadSelector only \".\" is allowed");
    check_leave(c, old);
}
