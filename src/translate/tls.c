/* Transport sockets: TLS that a destination rule asks for towards a service, and TLS that a gateway's server ends. */
#include "translate/resources.h"

#define TLS_(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__##name

static e_transport_socket *socket_new(struct arena *a, const ProtobufCMessage *config)
{
    e_transport_socket *t = new_transport_socket(a);
    t->name = msg_str("envoy.transport_sockets.tls");
    t->config_type_case = ENVOY__CONFIG__CORE__V3__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG;
    t->typed_config = msg_any(a, config);
    return t;
}

static e_data_source *file(struct arena *a, char *path)
{
    e_data_source *d = new_data_source(a);
    d->specifier_case = ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_FILENAME;
    d->filename = path;
    return d;
}

static e_tls_sds *sds(struct arena *a, const char *name)
{
    e_tls_sds *s = new_tls_sds(a);
    s->name = msg_str(name);
    s->sds_config = msg_ads(a);
    return s;
}

static void push_sans(struct arena *a, e_tls_validation *v, char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool uri = strstr(names[i], "://") != NULL;
        e_san_matcher *m = new_san_matcher(a);
        SET(m, san_type, uri ? TLS_(SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__URI) : TLS_(SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__DNS));
        m->matcher = msg_exact(a, names[i]);
        PUSH(a, v, match_typed_subject_alt_names, m);
    }
}

static void set_files(struct arena *a, e_tls_common *t, char *cert, char *key)
{
    if (!cert || !*cert || !key || !*key) return;
    e_tls_certificate *c = new_tls_certificate(a);
    c->certificate_chain = file(a, cert);
    c->private_key = file(a, key);
    PUSH(a, t, tls_certificates, c);
}

/* Upstream */

static void set_validation(struct arena *a, e_tls_common *t, const i_client_tls *in)
{
    if (in->insecure_skip_verify && in->insecure_skip_verify->value) return;
    e_tls_validation *v = new_tls_validation(a);
    v->trusted_ca =
        file(a, in->ca_certificates && *in->ca_certificates ? in->ca_certificates : msg_str("/etc/ssl/certs/ca-certificates.crt"));
    push_sans(a, v, in->subject_alt_names, in->n_subject_alt_names);
    t->validation_context_type_case = TLS_(COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_VALIDATION_CONTEXT);
    t->validation_context = v;
}

e_transport_socket *tls_to_upstream(struct arena *a, const i_client_tls *in, bool http2)
{
    bool mutual = in->mode == ISTIO__NETWORKING__V1ALPHA3__CLIENT_TLSSETTINGS__TLSMODE__MUTUAL;
    if (!mutual && in->mode != ISTIO__NETWORKING__V1ALPHA3__CLIENT_TLSSETTINGS__TLSMODE__SIMPLE)
        return NULL; /* DISABLE; ISTIO_MUTUAL: not yet */
    e_tls_upstream *u = new_tls_upstream(a);
    u->common_tls_context = new_tls_common(a);
    set_validation(a, u->common_tls_context, in);
    if (mutual) set_files(a, u->common_tls_context, in->client_certificate, in->private_key);
    if (http2) PUSH(a, u->common_tls_context, alpn_protocols, msg_str("h2"));
    if (in->sni && *in->sni)
        u->sni = in->sni;
    else
        SET(u, auto_host_sni, 1);
    return socket_new(a, &u->base);
}

/* Downstream */

const char *server_credential(const i_server *s)
{
    const i_server_tls *t = s->tls;
    if (!t || !server_terminates(s)) return NULL;
    if (t->credential_name && *t->credential_name) return t->credential_name;
    return t->n_credential_names ? t->credential_names[0] : NULL;
}

bool server_terminates(const i_server *s)
{
    if (!s->tls) return false;
    return s->tls->mode == ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__SIMPLE ||
           s->tls->mode == ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__MUTUAL ||
           s->tls->mode == ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__OPTIONAL_MUTUAL;
}

const char *secret_name(struct arena *a, const char *credential) { return arena_printf(a, "kubernetes://%s", credential); }

const char *secret_ca_name(struct arena *a, const i_server_tls *in, const char *credential)
{
    if (in->ca_cert_credential_name && *in->ca_cert_credential_name)
        return arena_printf(a, "kubernetes://%s-cacert", in->ca_cert_credential_name);
    return arena_printf(a, "kubernetes://%s-cacert", credential);
}

static Envoy__Extensions__TransportSockets__Tls__V3__TlsParameters__TlsProtocol version(
    Istio__Networking__V1alpha3__ServerTLSSettings__TLSProtocol p, bool min)
{
    switch (p) {
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSPROTOCOL__TLSV1_0: return TLS_(TLS_PARAMETERS__TLS_PROTOCOL__TLSv1_0);
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSPROTOCOL__TLSV1_1: return TLS_(TLS_PARAMETERS__TLS_PROTOCOL__TLSv1_1);
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSPROTOCOL__TLSV1_2: return TLS_(TLS_PARAMETERS__TLS_PROTOCOL__TLSv1_2);
    case ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSPROTOCOL__TLSV1_3: return TLS_(TLS_PARAMETERS__TLS_PROTOCOL__TLSv1_3);
    default: return min ? TLS_(TLS_PARAMETERS__TLS_PROTOCOL__TLSv1_2) : TLS_(TLS_PARAMETERS__TLS_PROTOCOL__TLS_AUTO);
    }
}

static void set_params(struct arena *a, e_tls_common *t, const i_server_tls *in)
{
    t->tls_params = new_tls_params(a);
    SET(t->tls_params, tls_minimum_protocol_version, version(in->min_protocol_version, true));
    if (in->max_protocol_version) SET(t->tls_params, tls_maximum_protocol_version, version(in->max_protocol_version, false));
    for (size_t i = 0; i < in->n_cipher_suites; i++) PUSH(a, t->tls_params, cipher_suites, in->cipher_suites[i]);
}

/* Client certificates: checked against the CA of a secret or a file, and against the names and hashes of the server. */
static void set_client_validation(struct arena *a, e_tls_common *t, const i_server_tls *in, const char *credential)
{
    e_tls_validation *v = new_tls_validation(a);
    push_sans(a, v, in->subject_alt_names, in->n_subject_alt_names);
    v->verify_certificate_spki = in->verify_certificate_spki;
    v->n_verify_certificate_spki = in->n_verify_certificate_spki;
    v->verify_certificate_hash = in->verify_certificate_hash;
    v->n_verify_certificate_hash = in->n_verify_certificate_hash;
    if (!credential) {
        if (in->ca_certificates && *in->ca_certificates) v->trusted_ca = file(a, in->ca_certificates);
        t->validation_context_type_case = TLS_(COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_VALIDATION_CONTEXT);
        t->validation_context = v;
        return;
    }
    t->validation_context_type_case = TLS_(COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_COMBINED_VALIDATION_CONTEXT);
    t->combined_validation_context = new_tls_combined(a);
    t->combined_validation_context->default_validation_context = v;
    t->combined_validation_context->validation_context_sds_secret_config = sds(a, secret_ca_name(a, in, credential));
}

e_transport_socket *tls_from_downstream(struct arena *a, const i_server *s)
{
    const i_server_tls *in = s->tls;
    const char *credential = server_credential(s);
    bool optional = in->mode == ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__OPTIONAL_MUTUAL;
    bool mutual = in->mode == ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__MUTUAL;
    e_tls_downstream *d = new_tls_downstream(a);
    e_tls_common *t = d->common_tls_context = new_tls_common(a);
    set_params(a, t, in);
    PUSH(a, t, alpn_protocols, msg_str("h2"));
    PUSH(a, t, alpn_protocols, msg_str("http/1.1"));
    if (credential)
        PUSH(a, t, tls_certificate_sds_secret_configs, sds(a, secret_name(a, credential)));
    else
        set_files(a, t, in->server_certificate, in->private_key);
    if (mutual || optional) set_client_validation(a, t, in, credential);
    d->require_client_certificate = msg_bool(a, mutual);
    return socket_new(a, &d->base);
}
