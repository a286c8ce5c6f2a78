/* Admission rules of Gateway and ServiceEntry. */
#include "config/internal.h"

#include "config/labels.h"
#include "config/syntax.h"

#define N(x) Istio__Networking__V1alpha3__##x

static const char *const protocols[] = { "HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "MONGO", "REDIS", "MYSQL", "TLS", "TCP" };

static bool known_protocol(const char *p)
{
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (strcasecmp(p, protocols[i]) == 0) return true;
    return false;
}

static bool set(const char *s) { return s && *s; }

static void server_port(struct check *c, const N(Gateway) * g, size_t i)
{
    const N(Port) *p = g->servers[i]->port;
    char path[64];
    if (!p) {
        check_error(c, NULL, "spec.servers[%zu].port is missing", i);
        return;
    }
    struct err_at old = check_enter(c, &g->servers[i]->port);
    snprintf(path, sizeof path, "spec.servers[%zu].port.number", i);
    check_port(c, &p->number, p->number, path);
    if (!set(p->protocol)) {
        check_error(c, &p->protocol, "spec.servers[%zu].port.protocol is missing", i);
    } else if (!known_protocol(p->protocol)) {
        const char *near = str_nearest(str_of(p->protocol), protocols, ARRAY_LEN(protocols));
        struct err *e = check_error(
            c, &p->protocol,
            "spec.servers[%zu].port.protocol: \"%.60s\" is not one of HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TLS, TCP", i,
            p->protocol);
        if (near) err_hint(e, "did you mean %s?", near);
    }
    if (!set(p->name)) check_error(c, &p->name, "spec.servers[%zu].port.name is missing", i);
    for (size_t k = 0; k < i && i < 1000 && set(p->name); k++)
        if (g->servers[k]->port && set(g->servers[k]->port->name) && strcmp(g->servers[k]->port->name, p->name) == 0)
            check_error(c, &p->name, "spec.servers[%zu].port.name: \"%.60s\" is there already, in spec.servers[%zu]", i, p->name, k);
    check_leave(c, old);
}

static void server_hosts(struct check *c, const GatewayServer *s, size_t i)
{
    if (s->n_hosts == 0) check_error(c, &s->hosts, "spec.servers[%zu].hosts: at least one host is needed", i);
    for (size_t k = 0; k < s->n_hosts; k++) {
        struct str host = str_of(s->hosts[k]), ns;
        ssize_t slash = str_index(host, '/');
        if (slash >= 0) {
            ns = str_first(host, (size_t)slash);
            host = str_skip(host, (size_t)slash + 1);
            if (!str_eqc(ns, "*") && !str_eqc(ns, ".") && !is_dns_label(ns))
                check_error(c, &s->hosts[k], "spec.servers[%zu].hosts[%zu]: \"%.*s\" is no namespace", i, k, (int)MIN(ns.n, (size_t)80),
                            ns.p);
        }
        if (!is_host(host) && !is_ip(host))
            check_error(c, &s->hosts[k], "spec.servers[%zu].hosts[%zu]: \"%.100s\" is no host name", i, k, s->hosts[k]);
    }
}

static void server_tls(struct check *c, const GatewayServer *s, size_t i)
{
    const N(ServerTLSSettings) *t = s->tls;
    const char *proto = s->port && s->port->protocol ? s->port->protocol : "";
    bool secure = strcasecmp(proto, "HTTPS") == 0 || strcasecmp(proto, "TLS") == 0,
         plain = strcasecmp(proto, "HTTP") == 0 || strcasecmp(proto, "HTTP2") == 0 || strcasecmp(proto, "GRPC") == 0;
    if (!t) {
        if (secure) check_error(c, NULL, "spec.servers[%zu].tls is missing: the protocol is %s", i, proto);
        return;
    }
    struct err_at old = check_enter(c, &s->tls);
    if (t->mode == ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__ISTIO_MUTUAL ||
        t->mode == ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__AUTO_PASSTHROUGH)
        check_warn(c, &t->mode, "spec.servers[%zu].tls.mode: ISTIO_MUTUAL and AUTO_PASSTHROUGH are not carried out yet", i);
    bool files = set(t->server_certificate) || set(t->private_key);
    int forms = files + set(t->credential_name) + (t->n_credential_names > 0) + (t->n_tls_certificates > 0);
    if (plain && (t->has_mode || forms || set(t->ca_certificates)))
        check_error(c, &s->tls, "spec.servers[%zu].tls: with protocol %s only httpsRedirect is allowed", i, proto);
    if (secure && t->https_redirect)
        check_warn(c, &t->https_redirect, "spec.servers[%zu].tls.httpsRedirect has no meaning with protocol %s", i, proto);
    if (forms > 1)
        check_error(c, &s->tls,
                    "spec.servers[%zu].tls: only one of credentialName, credentialNames, tlsCertificates and certificate files may be set",
                    i);
    if (t->n_credential_names > 2) check_error(c, &t->credential_names, "spec.servers[%zu].tls.credentialNames: at most 2", i);
    switch (t->mode) {
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__PASSTHROUGH:
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__AUTO_PASSTHROUGH:
        if (forms)
            check_warn(c, &s->tls, "spec.servers[%zu].tls: certificates have no meaning with mode %s", i,
                       t->mode == ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__PASSTHROUGH ? "PASSTHROUGH"
                                                                                                        : "AUTO_PASSTHROUGH");
        break;
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__ISTIO_MUTUAL:
        if (forms) check_error(c, &s->tls, "spec.servers[%zu].tls: mode ISTIO_MUTUAL takes no certificates", i);
        break;
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__SIMPLE:
        if (set(t->ca_crl)) check_error(c, &t->ca_crl, "spec.servers[%zu].tls.caCrl: not with mode SIMPLE", i);
        __attribute__((fallthrough));
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__MUTUAL:
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__OPTIONAL_MUTUAL:
        if (!forms) check_error(c, &s->tls, "spec.servers[%zu].tls: credentialName (or serverCertificate and privateKey) is missing", i);
        if (files && !(set(t->server_certificate) && set(t->private_key)))
            check_error(c, &s->tls, "spec.servers[%zu].tls: serverCertificate and privateKey go together", i);
        if (files && t->mode != ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__SIMPLE && !set(t->ca_certificates))
            check_error(c, &s->tls, "spec.servers[%zu].tls.caCertificates is missing: the mode asks for client certificates", i);
        break;
    default: break;
    }
    check_leave(c, old);
}

void validate_gateway(struct check *c)
{
    GatewayObject *o = as_gateway(c->r);
    struct err_at old = check_enter(c, &o->spec);
    if (o->spec->n_servers == 0) check_error(c, &o->spec->servers, "spec.servers: at least one server is needed");
    check_labels(c, &o->spec->selector, o->spec->selector, o->spec->n_selector, "spec.selector");
    for (size_t i = 0; i < o->spec->n_servers; i++) {
        struct err_at in = check_enter(c, &o->spec->servers[i]);
        server_port(c, o->spec, i);
        server_hosts(c, o->spec->servers[i], i);
        server_tls(c, o->spec->servers[i], i);
        check_leave(c, in);
    }
    check_leave(c, old);
}

/* The rules that hold for every ServiceEntry; those of its resolutions come with the kind being carried out. */
void validate_service_entry(struct check *c)
{
    ServiceEntryObject *o = as_service_entry(c->r);
    const ServiceEntry *s = o->spec;
    char path[80];
    struct err_at old = check_enter(c, &o->spec);
    if (s->n_hosts == 0) check_error(c, &s->hosts, "spec.hosts: at least one host is needed");
    for (size_t i = 0; i < s->n_hosts; i++)
        if (strcmp(s->hosts[i], "*") == 0 || !is_host(str_of(s->hosts[i])))
            check_error(c, &s->hosts[i], "spec.hosts[%zu]: \"%.100s\" is no host name", i, s->hosts[i]);
    if (s->n_endpoints && s->workload_selector) check_error(c, &s->endpoints, "spec: endpoints and workloadSelector cannot both be set");
    if (s->n_endpoints && s->resolution == ISTIO__NETWORKING__V1ALPHA3__SERVICE_ENTRY__RESOLUTION__NONE)
        check_error(c, &s->endpoints, "spec.endpoints: not with resolution NONE");
    for (size_t i = 0; i < s->n_addresses; i++)
        if (!is_ip(str_of(s->addresses[i])) && !is_cidr(str_of(s->addresses[i])))
            check_error(c, &s->addresses[i], "spec.addresses[%zu]: \"%.60s\" is no IP address or CIDR block", i, s->addresses[i]);
    for (size_t i = 0; i < s->n_ports; i++) {
        struct err_at in = check_enter(c, &s->ports[i]);
        snprintf(path, sizeof path, "spec.ports[%zu].number", i);
        check_port(c, &s->ports[i]->number, s->ports[i]->number, path);
        if (!set(s->ports[i]->name)) check_error(c, NULL, "spec.ports[%zu].name is missing", i);
        for (size_t k = 0; k < i && i < 1000; k++) {
            if (s->ports[k]->number == s->ports[i]->number)
                check_error(c, &s->ports[i]->number, "spec.ports[%zu].number: %u is there already", i, s->ports[i]->number);
            if (set(s->ports[i]->name) && set(s->ports[k]->name) && strcmp(s->ports[k]->name, s->ports[i]->name) == 0)
                check_error(c, &s->ports[i]->name, "spec.ports[%zu].name: \"%.60s\" is there already", i, s->ports[i]->name);
        }
        check_leave(c, in);
    }
    check_leave(c, old);
}
