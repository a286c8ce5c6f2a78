/* TLS settings of listeners and clusters, with secrets laid in (SDS, dataplane.md 4.12). */
#include "proxy/build.h"

#include "envoy.extensions.transport_sockets.raw_buffer.v3.pb-c.h"

typedef Envoy__Extensions__TransportSockets__Tls__V3__DownstreamTlsContext Downstream;
typedef Envoy__Extensions__TransportSockets__Tls__V3__UpstreamTlsContext Upstream;
typedef Envoy__Extensions__TransportSockets__Tls__V3__CommonTlsContext Common;
typedef Envoy__Extensions__TransportSockets__Tls__V3__CertificateValidationContext Validation;
typedef Envoy__Extensions__TransportSockets__Tls__V3__TlsCertificate Certificate;
typedef Envoy__Extensions__TransportSockets__Tls__V3__TlsParameters Parameters;
typedef Envoy__Extensions__TransportSockets__Tls__V3__Secret Secret;
typedef Envoy__Config__Core__V3__TransportSocket Socket;

enum { TLS_1_0 = 0x0301, TLS_1_1, TLS_1_2, TLS_1_3 }; /* as on the wire, and as OpenSSL counts */

static int version(Envoy__Extensions__TransportSockets__Tls__V3__TlsParameters__TlsProtocol p, int otherwise)
{
    static const int versions[] = { 0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 };
    return p > 0 && (size_t)p < ARRAY_LEN(versions) ? versions[p] : otherwise;
}

/* OpenSSL's list form; Envoy writes groups of equal preference as "[A|B]". */
static struct str colon_list(struct build *b, char *const *v, size_t n)
{
    struct buf out = { 0 };
    for (size_t i = 0; i < n; i++) {
        if (i) buf_puts(&out, ":");
        for (const char *c = v[i]; *c; c++)
            if (*c != '[' && *c != ']') buf_append(&out, *c == '|' ? ":" : c, 1);
    }
    struct str s = arena_str(build_arena(b), buf_str(&out));
    buf_free(&out);
    return s;
}

static void parameters(struct tls_config *t, const Parameters *m, struct build *b)
{
    t->min_version = version(m ? m->tls_minimum_protocol_version : 0, TLS_1_2);
    t->max_version = version(m ? m->tls_maximum_protocol_version : 0, t->server ? TLS_1_3 : TLS_1_2);
    t->ciphers = m ? colon_list(b, m->cipher_suites, m->n_cipher_suites) : STR("");
    t->curves = m ? colon_list(b, m->ecdh_curves, m->n_ecdh_curves) : STR("");
}

static int certificate(struct tls_cert *c, const Certificate *m, struct build *b, struct err *e)
{
    int rc = data_source_build(&c->chain_pem, m->certificate_chain, "certificate_chain", b, e);
    return rc ? rc : data_source_build(&c->key_pem, m->private_key, "private_key", b, e);
}

static const Secret *secret_of(struct tls_config *t, const Envoy__Extensions__TransportSockets__Tls__V3__SdsSecretConfig *m,
                               struct build *b)
{
    /* Secrets come by ADS or from the bootstrap; an SDS server of its own (Istio's agent) is not asked: never ready. */
    bool ours = !m->sds_config ||
                m->sds_config->config_source_specifier_case == ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS;
    const Secret *s = ours && m->name && b->secret ? b->secret(b->secret_ctx, str_of(m->name)) : NULL;
    if (!s) t->not_ready = true;
    return s;
}

static int certificates(struct tls_config *t, const Common *m, struct build *b, struct err *e)
{
    size_t n = m->n_tls_certificates + m->n_tls_certificate_sds_secret_configs;
    t->certs = arena_array(build_arena(b), struct tls_cert, n + 1);
    for (size_t i = 0; i < m->n_tls_certificates; i++)
        if (certificate(&t->certs[t->n_certs++], m->tls_certificates[i], b, e)) return -EINVAL;
    for (size_t i = 0; i < m->n_tls_certificate_sds_secret_configs; i++) {
        const Secret *s = secret_of(t, m->tls_certificate_sds_secret_configs[i], b);
        if (!s) continue;
        if (s->type_case != ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__SECRET__TYPE_TLS_CERTIFICATE)
            return err_set(e, -EINVAL, "secret %s is no certificate", s->name);
        if (certificate(&t->certs[t->n_certs++], s->tls_certificate, b, e)) return -EINVAL;
    }
    return 0;
}

static int sans(struct tls_config *t, const Validation *m, struct build *b, struct err *e)
{
    static const enum san_type types[] = { SAN_ANY, SAN_EMAIL, SAN_DNS, SAN_URI, SAN_IP };
    size_t more = m->n_match_typed_subject_alt_names + m->n_match_subject_alt_names;
    struct san_match *all = arena_array(build_arena(b), struct san_match, t->n_sans + more + 1);
    if (t->n_sans) memcpy(all, t->sans, t->n_sans * sizeof *all);
    t->sans = all;
    for (size_t i = 0; i < m->n_match_typed_subject_alt_names; i++) {
        const Envoy__Extensions__TransportSockets__Tls__V3__SubjectAltNameMatcher *s = m->match_typed_subject_alt_names[i];
        if ((size_t)s->san_type >= ARRAY_LEN(types) || !s->matcher)
            return err_set(e, -EINVAL, "match_typed_subject_alt_names: a kind of name that is not supported");
        t->sans[t->n_sans].type = types[s->san_type];
        if (string_match_compile(&t->sans[t->n_sans++].match, s->matcher, &b->rb, e)) return -EINVAL;
    }
    for (size_t i = 0; i < m->n_match_subject_alt_names; i++)
        if (string_match_compile(&t->sans[t->n_sans++].match, m->match_subject_alt_names[i], &b->rb, e)) return -EINVAL;
    return 0;
}

/* Hex with or without colons, to lower case without. */
static int hash_pin(struct str *ret, const char *text, struct build *b, struct err *e)
{
    char hex[64];
    size_t n = 0;
    for (const char *c = text; *c; c++) {
        char low = (char)(*c >= 'A' && *c <= 'F' ? *c | 0x20 : *c);
        if (low == ':') continue;
        bool digit = (low >= '0' && low <= '9') || (low >= 'a' && low <= 'f');
        if (!digit || n == sizeof hex) return err_set(e, -EINVAL, "verify_certificate_hash %s is no SHA-256 in hex", text);
        hex[n++] = low;
    }
    if (n != sizeof hex) return err_set(e, -EINVAL, "verify_certificate_hash %s is no SHA-256 in hex", text);
    *ret = arena_str(build_arena(b), str_make(hex, n));
    return 0;
}

static int pins(struct tls_config *t, const Validation *m, struct build *b, struct err *e)
{
    if (m->n_verify_certificate_spki)
        t->spki = str_copies(m->verify_certificate_spki, t->n_spki = m->n_verify_certificate_spki, build_arena(b));
    for (size_t i = 0; i < m->n_verify_certificate_spki; i++)
        if (t->spki[i].n != 44)
            return err_set(e, -EINVAL, "verify_certificate_spki %s is no SHA-256 in base64", m->verify_certificate_spki[i]);
    if (!m->n_verify_certificate_hash) return 0;
    t->hashes = arena_array(build_arena(b), struct str, t->n_hashes = m->n_verify_certificate_hash);
    for (size_t i = 0; i < t->n_hashes; i++)
        if (hash_pin(&t->hashes[i], m->verify_certificate_hash[i], b, e)) return -EINVAL;
    return 0;
}

static int validation(struct tls_config *t, const Validation *m, struct build *b, struct err *e)
{
    if (!m) return 0;
    if (m->trusted_ca && data_source_build(&t->ca_pem, m->trusted_ca, "trusted_ca", b, e)) return -EINVAL;
    if (sans(t, m, b, e)) return -EINVAL;
    if (pins(t, m, b, e)) return -EINVAL;
    if (m->has_allow_expired_certificate) t->allow_expired = m->allow_expired_certificate;
    if (m->has_trust_chain_verification)
        t->accept_untrusted =
            m->trust_chain_verification ==
            ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__CERTIFICATE_VALIDATION_CONTEXT__TRUST_CHAIN_VERIFICATION__ACCEPT_UNTRUSTED;
    t->max_depth = xdsmsg_u32(m->max_verify_depth, t->max_depth);
    return 0;
}

/* Envoy's rule too: names in a certificate that nobody vouches for prove nothing. */
static int checked(const struct tls_config *t, struct err *e)
{
    if (t->n_sans && !t->ca_pem.n && !t->not_ready) return err_set(e, -EINVAL, "TLS: match_typed_subject_alt_names needs a trusted_ca");
    return 0;
}

static int secret_validation(struct tls_config *t, const Envoy__Extensions__TransportSockets__Tls__V3__SdsSecretConfig *m, struct build *b,
                             struct err *e)
{
    const Secret *s = m ? secret_of(t, m, b) : NULL;
    if (!s) return 0;
    if (s->type_case != ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__SECRET__TYPE_VALIDATION_CONTEXT)
        return err_set(e, -EINVAL, "secret %s is no validation context", s->name);
    return validation(t, s->validation_context, b, e);
}

static int common(struct tls_config *t, const Common *m, struct build *b, struct err *e)
{
    t->max_depth = 100;
    t->ca_pem = STR("");
    parameters(t, m ? m->tls_params : NULL, b);
    if (t->min_version > t->max_version) return err_set(e, -EINVAL, "tls_params: the minimum version is above the maximum");
    if (!m) return 0;
    t->alpn = str_copies(m->alpn_protocols, t->n_alpn = m->n_alpn_protocols, build_arena(b));
    if (certificates(t, m, b, e)) return -EINVAL;
    switch (m->validation_context_type_case) {
    case ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_VALIDATION_CONTEXT:
        return validation(t, m->validation_context, b, e);
    case ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_VALIDATION_CONTEXT_SDS_SECRET_CONFIG:
        return secret_validation(t, m->validation_context_sds_secret_config, b, e);
    case ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_COMBINED_VALIDATION_CONTEXT: {
        int rc = validation(t, m->combined_validation_context->default_validation_context, b, e);
        return rc ? rc : secret_validation(t, m->combined_validation_context->validation_context_sds_secret_config, b, e);
    }
    default: return 0;
    }
}

static int tickets(struct tls_config *t, const Downstream *m, struct build *b, struct err *e)
{
    if (m->session_ticket_keys_type_case ==
        ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__DOWNSTREAM_TLS_CONTEXT__SESSION_TICKET_KEYS_TYPE_DISABLE_STATELESS_SESSION_RESUMPTION)
        t->no_tickets = m->disable_stateless_session_resumption;
    if (m->session_ticket_keys_type_case !=
        ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__DOWNSTREAM_TLS_CONTEXT__SESSION_TICKET_KEYS_TYPE_SESSION_TICKET_KEYS)
        return 0;
    t->n_ticket_keys = m->session_ticket_keys->n_keys;
    t->ticket_keys = arena_array(build_arena(b), struct str, t->n_ticket_keys + 1);
    for (size_t i = 0; i < t->n_ticket_keys; i++) {
        if (data_source_build(&t->ticket_keys[i], m->session_ticket_keys->keys[i], "session_ticket_keys", b, e)) return -EINVAL;
        if (t->ticket_keys[i].n != 80) return err_set(e, -EINVAL, "session_ticket_keys: a key has %zu bytes, not 80", t->ticket_keys[i].n);
    }
    return 0;
}

/* NULL in *any for plaintext. */
static int tls_any(const Google__Protobuf__Any **any, const Socket *m, struct err *e)
{
    *any = NULL;
    if (!m) return 0;
    if (m->config_type_case == ENVOY__CONFIG__CORE__V3__TRANSPORT_SOCKET__CONFIG_TYPE__NOT_SET)
        return str_eqc(str_of(m->name), "envoy.transport_sockets.raw_buffer")
                   ? 0
                   : err_set(e, -EINVAL, "transport_socket %s has no typed_config", m->name);
    if (xdsmsg_is(m->typed_config->type_url, &envoy__extensions__transport_sockets__raw_buffer__v3__raw_buffer__descriptor)) return 0;
    *any = m->typed_config;
    return 0;
}

static int unsupported_socket(const Google__Protobuf__Any *any, struct err *e)
{
    return err_set(e, -EINVAL, "transport socket %.*s is not supported", STR_ARG(xdsmsg_type(str_of(any->type_url))));
}

int downstream_tls_build(struct tls_config **ret, const Socket *m, struct build *b, struct err *e)
{
    const Google__Protobuf__Any *any;
    *ret = NULL;
    int rc = tls_any(&any, m, e);
    if (rc || !any) return rc;
    const ProtobufCMessageDescriptor *d = &envoy__extensions__transport_sockets__tls__v3__downstream_tls_context__descriptor;
    if (!xdsmsg_is(any->type_url, d)) return unsupported_socket(any, e);
    const Downstream *c = (const void *)build_any(b, any, d, e);
    if (!c) return -EINVAL;
    struct tls_config *t = arena_new(build_arena(b), struct tls_config);
    t->server = true;
    if (common(t, c->common_tls_context, b, e) || tickets(t, c, b, e)) return err_prefix(e, "TLS: ");
    if (!t->n_certs && !t->not_ready) return err_set(e, -EINVAL, "TLS: a server needs a certificate");
    t->require_client_cert = xdsmsg_bool(c->require_client_certificate, false);
    t->require_sni = xdsmsg_bool(c->require_sni, false);
    t->no_session_cache = c->disable_stateful_session_resumption;
    t->session_timeout_s = xdsmsg_ms(c->session_timeout, 0) / 1000;
    *ret = t;
    return checked(t, e);
}

int upstream_tls_build(struct tls_config **ret, const Socket *m, struct build *b, struct err *e)
{
    const Google__Protobuf__Any *any;
    *ret = NULL;
    int rc = tls_any(&any, m, e);
    if (rc || !any) return rc;
    const ProtobufCMessageDescriptor *d = &envoy__extensions__transport_sockets__tls__v3__upstream_tls_context__descriptor;
    if (!xdsmsg_is(any->type_url, d)) return unsupported_socket(any, e);
    const Upstream *c = (const void *)build_any(b, any, d, e);
    if (!c) return -EINVAL;
    struct tls_config *t = arena_new(build_arena(b), struct tls_config);
    if (common(t, c->common_tls_context, b, e)) return err_prefix(e, "TLS: ");
    t->sni = build_str(b, c->sni);
    if (t->sni.n > 255) return err_set(e, -EINVAL, "TLS: sni has more than 255 bytes");
    t->auto_host_sni = c->auto_host_sni;
    t->auto_sni_san = c->auto_sni_san_validation;
    *ret = t;
    return checked(t, e);
}

void tls_config_free_ctx(struct tls_config *t)
{
    void *ctx = t ? atomic_exchange(&t->ctx, NULL) : NULL;
    if (ctx && t->free_ctx) t->free_ctx(ctx);
}
