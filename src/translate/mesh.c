/* Making and freeing the index of a world; small look-ups that everybody uses. */
#include "translate/mesh.h"

#include "config/world.h"
#include "translate/names.h"

struct mesh *mesh_new(const struct world *w, const struct mesh_options *opt)
{
    static const struct mesh_options none = { 0 };
    if (!opt) opt = &none;
    struct mesh *m = xcalloc(1, sizeof *m);
    arena_init(&m->arena, 16384, 0);
    m->refs = 1;
    m->world = world_ref(w);
    m->domain = arena_strndup(&m->arena, opt->domain ? opt->domain : "cluster.local", strlen(opt->domain ? opt->domain : "cluster.local"));
    const char *id = opt->cluster_id ? opt->cluster_id : "Kubernetes";
    m->cluster_id = arena_strndup(&m->arena, id, strlen(id));
    m->access_log = opt->access_log ? arena_strndup(&m->arena, opt->access_log, strlen(opt->access_log)) : NULL;
    m->registry_only = opt->registry_only;
    index_pods(m);
    index_services(m);
    index_rules(m);
    index_routes(m);
    index_gateways(m);
    index_classes(m);
    return m;
}

struct mesh *mesh_ref(struct mesh *m)
{
    m->refs++;
    return m;
}

static void free_vec(void *p)
{
    struct ptr_vec *v = p;
    vec_free(&v->v);
    free(v);
}

static void free_host_index(void *p)
{
    host_index_free(p);
    free(p);
}

void mesh_unref(struct mesh *m)
{
    if (!m || --m->refs) return;
    for (size_t i = 0; i < m->n_pods; i++) vec_free(&m->pods[i].services);
    for (size_t i = 0; i < m->n_services; i++) vec_free(&m->services[i]->pods);
    map_free(&m->pod_by_name, NULL);
    map_free(&m->service_by_host, NULL);
    map_free(&m->services_by_port, free_vec);
    map_free(&m->rules_by_ns, free_host_index);
    host_index_free(&m->vs_by_host);
    map_free(&m->vs_by_gateway, free_vec);
    piece_cache_free(m->pieces);
    map_free(&m->rule_ns, NULL);
    map_free(&m->label_keys, NULL);
    for (size_t i = 0; i < m->n_rules; i++) vec_free(&m->rules[i]->subsets);
    vec_free(&m->foreign);
    free(m->rules);
    free(m->services);
    world_unref(m->world);
    arena_free(&m->arena);
    free(m);
}

struct ptr_vec *map_vec(struct map *m, struct str key)
{
    struct ptr_vec *v = map_get(m, key);
    if (v) return v;
    v = xcalloc(1, sizeof *v);
    map_put(m, key, v);
    return v;
}

void host_index_add(struct host_index *ix, const char *host, void *p)
{
    struct ptr_vec *v = map_get(&ix->exact, str_of(host));
    if (!v) {
        v = map_vec(&ix->exact, str_of(host));
        if (host_is_wildcard(host)) vec_push(&ix->wildcards, host);
    }
    vec_push(&v->v, p);
}

static int longest_first(const void *x, const void *y)
{
    const char *a = *(const char *const *)x, *b = *(const char *const *)y;
    size_t na = strlen(a), nb = strlen(b);
    return na != nb ? (na < nb) - (na > nb) : strcmp(a, b);
}

void host_index_done(struct host_index *ix)
{
    if (ix->wildcards.n) qsort(ix->wildcards.v, ix->wildcards.n, sizeof *ix->wildcards.v, longest_first);
}

void host_index_free(struct host_index *ix)
{
    map_free(&ix->exact, free_vec);
    vec_free(&ix->wildcards);
}

const struct service *mesh_service(const struct mesh *m, const char *host) { return map_get(&m->service_by_host, str_of(host)); }

const struct workload *mesh_pod(const struct mesh *m, const char *ns, const char *name)
{
    char key[400];
    snprintf(key, sizeof key, "%s/%s", ns, name);
    return map_get(&m->pod_by_name, str_of(key));
}

bool visible(const char *const *export_to, size_t n, const char *own_ns, const char *client_ns)
{
    if (n == 0) return true;
    bool ret = false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(export_to[i], "*") == 0) return true;
        if (strcmp(export_to[i], "~") == 0) return false;
        if (strcmp(strcmp(export_to[i], ".") == 0 ? own_ns : export_to[i], client_ns) == 0) ret = true;
    }
    return ret;
}

static int by_label_key(const void *x, const void *y) { return strcmp(((const struct label *)x)->key, ((const struct label *)y)->key); }

void labels_sort(struct labels *l)
{
    if (l->n > 1) qsort(l->v, l->n, sizeof *l->v, by_label_key);
}

const char *label_get(const struct labels *l, const char *key)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].key, key) == 0) return l->v[i].value;
    return NULL;
}

bool label_match_all(const struct labels *want, const struct labels *have)
{
    for (size_t i = 0; i < want->n; i++) {
        const char *v = label_get(have, want->v[i].key);
        if (!v || strcmp(v, want->v[i].value) != 0) return false;
    }
    return true;
}

/* Protocols */

static const struct {
    const char *name;
    enum protocol p;
} protocol_names[] = {
    { "http", PROTO_HTTP },
    { "http2", PROTO_HTTP2 },
    { "grpc", PROTO_GRPC },
    { "grpc-web", PROTO_GRPC_WEB },
    { "http_proxy", PROTO_HTTP_PROXY },
    { "tcp", PROTO_TCP },
    { "https", PROTO_HTTPS },
    { "tls", PROTO_TLS },
    { "mongo", PROTO_MONGO },
    { "redis", PROTO_REDIS },
    { "mysql", PROTO_MYSQL },
    { "udp", PROTO_UDP },
    { "kubernetes.io/h2c", PROTO_HTTP2 },
    { "kubernetes.io/ws", PROTO_HTTP },
    { "kubernetes.io/wss", PROTO_HTTPS },
};

static enum protocol protocol_named(struct str s)
{
    for (size_t i = 0; i < ARRAY_LEN(protocol_names); i++)
        if (str_ieq(s, str_of(protocol_names[i].name))) return protocol_names[i].p;
    return PROTO_SNIFF;
}

enum protocol protocol_parse(const char *name) { return protocol_named(str_of(name)); }

enum protocol protocol_of(const char *app_protocol, const char *port_name, uint32_t port, const char *transport)
{
    if (transport && strcmp(transport, "UDP") == 0) return PROTO_UDP;
    enum protocol p = PROTO_SNIFF;
    if (app_protocol && *app_protocol) {
        p = protocol_named(str_of(app_protocol));
    } else if (port_name) {
        struct str rest = str_of(port_name);
        p = strncasecmp(port_name, "grpc-web", 8) == 0 ? PROTO_GRPC_WEB : protocol_named(str_cut(&rest, '-'));
    }
    if (p != PROTO_SNIFF) return p;
    return port == 25 || port == 53 || port == 3306 || port == 27017 ? PROTO_TCP : PROTO_SNIFF;
}

const struct port *service_port(const struct service *s, uint32_t number)
{
    for (size_t i = 0; i < s->n_ports; i++)
        if (s->ports[i].number == number) return &s->ports[i];
    return NULL;
}
