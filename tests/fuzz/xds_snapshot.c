/* Fuzz target: bytes as a series of xDS answers to one proxy's configuration. Each piece is a type byte, a length (two
 * bytes, little endian) and a packed resource; bit 7 of the type takes the resource away, bit 6 says that it does not
 * exist. Whatever comes, the configuration must stay consistent: what is served has no dangling part. */
#include "base/hash.h"
#include "base/log.h"
#include "proxy/config.h"

#include "envoy.config.cluster.v3.pb-c.h"
#include "envoy.config.endpoint.v3.pb-c.h"
#include "envoy.config.listener.v3.pb-c.h"
#include "envoy.config.route.v3.pb-c.h"
#include "envoy.extensions.transport_sockets.tls.v3.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const ProtobufCMessageDescriptor *const descriptors[CONFIG__N] = {
    &envoy__config__cluster__v3__cluster__descriptor,
    &envoy__config__endpoint__v3__cluster_load_assignment__descriptor,
    &envoy__config__listener__v3__listener__descriptor,
    &envoy__config__route__v3__route_configuration__descriptor,
    &envoy__extensions__transport_sockets__tls__v3__secret__descriptor,
};

static void subscribe(void *ctx, enum config_type t, struct str name) { (void)ctx, (void)t, (void)name; }

/* What workers do with a snapshot: look everything up, choose chains and routes. */
static void look_at(const struct snapshot *s)
{
    struct addr at;
    must(addr_ip(&at, STR("10.0.0.1"), 80));
    const struct chain_input in = { .dst = &at, .src = &at, .direct_src = &at, .server_name = STR("a.b"), .transport = STR("tls") };
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct filter_chain *c = listener_chain(s->listeners[i], &in);
        if (c && c->kind == CHAIN_HTTP) (void)snapshot_routes(s, c->hcm);
        for (size_t k = 0; k < s->listeners[i]->n_filters; k++) listener_filter_on(&s->listeners[i]->filters[k], 80);
    }
    for (size_t i = 0; i < s->n_clusters; i++) {
        const struct cluster *c = s->clusters[i];
        size_t hosts = 0;
        must(snapshot_cluster(s, c->name) == c && c->warm);
        for (size_t k = 0; k < c->n_priorities; k++) hosts += c->priorities[k].n_hosts;
        must(hosts == c->n_hosts);
        for (size_t k = 0; k < c->n_hosts; k++) must(c->hosts[k].locality < c->n_localities && c->hosts[k].shared && c->hosts[k].tls);
    }
    for (size_t i = 0; i < s->n_routes; i++) must(route_vhost(s->routes[i], STR("a.b")) == NULL || s->routes[i]->n > 0);
}

static void publish(void *ctx, struct snapshot *s)
{
    (void)ctx;
    look_at(s);
}

static struct str name_of(enum config_type t, struct str bytes, struct arena *a)
{
    ProtobufCMessage *m = pb_unpack(descriptors[t], bytes, a);
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(descriptors[t], t == CONFIG_ENDPOINT ? "cluster_name" : "name");
    const char *name = m ? *(char **)((char *)m + f->offset) : NULL;
    return str_of(name && *name ? name : "unnamed");
}

static void piece(struct config *c, uint8_t head, struct str bytes)
{
    enum config_type t = (enum config_type)((head & 7) % CONFIG__N);
    struct arena a;
    struct err refuse = { 0 };
    arena_init(&a, 4096, 0);
    struct str name = name_of(t, bytes, &a);
    struct config_update u = { name, bytes, STR("1"), hash_str(bytes), &refuse };
    if (head & 0x80)
        config_apply(c, t, NULL, 0, &name, 1);
    else if (head & 0x40)
        config_missing(c, t, name);
    else
        config_apply(c, t, &u, 1, NULL, 0);
    if (refuse.code) must(refuse.what[0]);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char text[] =
        "{node: {id: n, cluster: c}, dynamic_resources: {ads_config: {api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: x}}]}, "
        "cds_config: {ads: {}}, lds_config: {ads: {}}}, static_resources: {clusters: [{name: x}]}}";
    static const struct config_ops ops = { .subscribe = subscribe, .unsubscribe = subscribe, .publish = publish };
    struct errs errs = { 0 };
    struct bootstrap *b = bootstrap_parse(str_of(text), "fuzz", NULL, &errs);
    must(b);
    struct config *c = config_new(b, &ops, NULL, &errs);
    config_start(c);
    log_set_level(LOG_OFF);
    for (size_t at = 0; at + 3 <= n;) {
        size_t len = MIN((size_t)data[at + 1] | (size_t)data[at + 2] << 8, n - at - 3);
        piece(c, data[at], str_make(data + at + 3, len));
        at += 3 + len;
    }
    config_free(c);
    bootstrap_free(b);
    return 0;
}
