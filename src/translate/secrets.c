/* SDS: certificates for gateways, "kubernetes://NAME". A secret goes only to a router whose pod matches the selector of a
 * Gateway that names it, and only from the pod's own namespace. */
#include "config/world.h"
#include "translate/gateway.h"

typedef K8s__Io__Api__Core__V1__Secret k_secret;

/* data, else string_data (a secret that was written with it and not yet folded). */
static struct str value(const k_secret *s, const char *key)
{
    for (size_t i = 0; i < s->n_data; i++)
        if (strcmp(s->data[i]->key, key) == 0 && s->data[i]->value.len) return str_make(s->data[i]->value.data, s->data[i]->value.len);
    for (size_t i = 0; i < s->n_string_data; i++)
        if (strcmp(s->string_data[i]->key, key) == 0 && s->string_data[i]->value) return str_of(s->string_data[i]->value);
    return (struct str){ 0 };
}

static struct str first_value(const k_secret *s, const char *key, const char *other)
{
    struct str v = value(s, key);
    return v.n ? v : value(s, other);
}

static e_data_source *bytes(struct arena *a, struct str v)
{
    e_data_source *d = new_data_source(a);
    d->specifier_case = ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES;
    d->inline_bytes = (ProtobufCBinaryData){ v.n, (uint8_t *)(uintptr_t)v.p };
    return d;
}

static const k_secret *find(const struct client *c, const char *name)
{
    const struct resource *r = world_get(c->m->world, KIND_SECRET, c->ns, name);
    return r ? (const k_secret *)r->msg : NULL;
}

static void add_certificate(const struct client *c, struct output *o, const char *credential)
{
    const char *name = secret_name(c->a, credential);
    const k_secret *k = output_wants(o, name) ? find(c, credential) : NULL;
    if (!k) return;
    struct str cert = first_value(k, "tls.crt", "cert"), key = first_value(k, "tls.key", "key");
    if (!cert.n || !key.n) return;
    e_secret *s = new_secret(c->a);
    s->name = msg_str(name);
    s->type_case = ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__SECRET__TYPE_TLS_CERTIFICATE;
    s->tls_certificate = new_tls_certificate(c->a);
    s->tls_certificate->certificate_chain = bytes(c->a, cert);
    s->tls_certificate->private_key = bytes(c->a, key);
    output_add(o, name, &s->base);
}

/* "NAME-cacert" of its own, else the CA beside the certificate. */
static void add_ca(const struct client *c, struct output *o, const i_server_tls *in, const char *credential)
{
    const char *name = secret_ca_name(c->a, in, credential);
    if (!output_wants(o, name)) return;
    const k_secret *k = find(c, name + sizeof "kubernetes://" - 1);
    if (!k) k = find(c, in->ca_cert_credential_name && *in->ca_cert_credential_name ? in->ca_cert_credential_name : credential);
    struct str ca = k ? first_value(k, "ca.crt", "cacert") : (struct str){ 0 };
    if (!ca.n) return;
    e_secret *s = new_secret(c->a);
    s->name = msg_str(name);
    s->type_case = ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__SECRET__TYPE_VALIDATION_CONTEXT;
    s->validation_context = new_tls_validation(c->a);
    s->validation_context->trusted_ca = bytes(c->a, ca);
    output_add(o, name, &s->base);
}

void make_secrets(const struct client *c, struct output *o)
{
    if (!client_is_gateway(c)) return;
    struct gw_server *s;
    size_t n = gateway_servers(c, &s);
    struct map done = { 0 };
    for (size_t i = 0; i < n; i++) {
        const char *credential = server_credential(s[i].server);
        if (!credential) continue;
        if (!map_put(&done, str_of(credential), o)) add_certificate(c, o, credential);
        const i_server_tls *in = s[i].server->tls;
        if (in->mode != ISTIO__NETWORKING__V1ALPHA3__SERVER_TLSSETTINGS__TLSMODE__SIMPLE &&
            !map_put(&done, str_of(secret_ca_name(c->a, in, credential)), o))
            add_ca(c, o, in, credential);
    }
    map_free(&done, NULL);
}
