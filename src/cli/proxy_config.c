/* weft proxy-config: what a pod's proxy holds, from its own admin interface, in istioctl's columns. */
#include "cli/pod_http.h"
#include "cli/resource.h"
#include "cli/table.h"

static struct cli shared;

#define ADMIN_PORT 15000

/* "10.0.0.1:80" of an Envoy address object. */
static void address_text(const json_t *a, char *buf, size_t n)
{
    const char *ip = json_text(a, "socket_address.address"), *pipe = json_text(a, "pipe.path");
    if (ip)
        snprintf(buf, n, "%s:%" PRId64, ip, json_number(a, "socket_address.port_value", 0));
    else
        snprintf(buf, n, "%s", pipe ? pipe : "-");
}

/* The resources of a kind in the dump: the inner object of each element of `list` in the section whose @type ends so. */
static json_t *resources(const json_t *dump, const char *section, const char *list, const char *inner)
{
    size_t i, j;
    json_t *config, *item, *found = json_array();
    json_array_foreach (json_object_get(dump, "configs"), i, config) {
        const char *type = json_text(config, "@type");
        if (!type || !str_ends(str_of(type), str_of(section))) continue;
        json_array_foreach (json_object_get(config, list), j, item) {
            json_t *r = json_path(item, inner);
            if (r) json_array_append(found, r);
        }
    }
    return found;
}

/* ---- listeners ---- */

static void chain_match(const json_t *chain, char *buf, size_t n)
{
    const json_t *m = json_object_get(chain, "filter_chain_match");
    size_t at = 0, i;
    json_t *v;
    buf[0] = 0;
    json_array_foreach (json_object_get(m, "server_names"), i, v)
        at += (size_t)snprintf(buf + at, n - at, "%sSNI: %s", at ? "; " : "", json_string_value(v));
    const char *transport = json_text(m, "transport_protocol");
    if (transport && at < n) at += (size_t)snprintf(buf + at, n - at, "%sTrans: %s", at ? "; " : "", transport);
    json_t *alpn = json_object_get(m, "application_protocols");
    json_array_foreach (alpn, i, v) {
        if (at < n) at += (size_t)snprintf(buf + at, n - at, "%s%s", i ? "," : at ? "; App: " : "App: ", json_string_value(v));
    }
    json_array_foreach (json_object_get(m, "prefix_ranges"), i, v) {
        if (at < n)
            at += (size_t)snprintf(buf + at, n - at, "%sAddr: %s/%" PRId64, at ? "; " : "", json_text(v, "address_prefix"),
                                   json_number(v, "prefix_len", 32));
    }
    int64_t port = json_number(m, "destination_port", 0);
    if (port && at < n) at += (size_t)snprintf(buf + at, n - at, "%sAddr: *:%" PRId64, at ? "; " : "", port);
    if (at == 0) snprintf(buf, n, "ALL");
}

static void chain_destination(const json_t *chain, char *buf, size_t n)
{
    size_t i;
    json_t *f;
    snprintf(buf, n, "-");
    json_array_foreach (json_object_get(chain, "filters"), i, f) {
        const json_t *config = json_object_get(f, "typed_config");
        const char *rds = json_text(config, "rds.route_config_name"), *inline_name = json_text(config, "route_config.name");
        const char *cluster = json_text(config, "cluster");
        if (rds)
            snprintf(buf, n, "Route: %s", rds);
        else if (inline_name)
            snprintf(buf, n, "Inline Route: %s", inline_name);
        else if (json_object_get(config, "route_config"))
            snprintf(buf, n, "Inline Route");
        else if (cluster)
            snprintf(buf, n, strncmp(cluster, "outbound|", 9) == 0 || strncmp(cluster, "inbound|", 8) == 0 ? "Cluster: %s" : "%s", cluster);
        else if (json_object_get(config, "weighted_clusters"))
            snprintf(buf, n, "Weighted Clusters");
    }
}

static void listener_chain(struct table *t, const json_t *listener, const json_t *chain)
{
    char match[512], destination[300];
    const char *ip = json_text(listener, "address.socket_address.address");
    chain_match(chain, match, sizeof match);
    chain_destination(chain, destination, sizeof destination);
    table_cell(t, ip ? ip : "-");
    table_cellf(t, "%" PRId64, json_number(listener, "address.socket_address.port_value", 0));
    table_cell(t, match);
    table_cell(t, destination);
    table_row(t);
}

static void print_listeners(const json_t *all)
{
    static const char *const headers[] = { "ADDRESSES", "PORT", "MATCH", "DESTINATION", NULL };
    struct table *t = table_new(headers);
    size_t i, j;
    json_t *l, *chain;
    json_array_foreach (all, i, l) {
        json_array_foreach (json_object_get(l, "filter_chains"), j, chain) listener_chain(t, l, chain);
        chain = json_object_get(l, "default_filter_chain");
        if (chain) listener_chain(t, l, chain);
    }
    table_print(t, stdout);
    table_free(t);
}

/* ---- routes ---- */

static void match_text(const json_t *m, char *buf, size_t n)
{
    const char *path = json_text(m, "path"), *prefix = json_text(m, "prefix"), *regex = json_text(m, "safe_regex.regex");
    const char *separated = json_text(m, "path_separated_prefix");
    size_t at = (size_t)(path     ? snprintf(buf, n, "%s", path)
                         : prefix ? snprintf(buf, n, "%s*", prefix)
                         : regex  ? snprintf(buf, n, "regex %s", regex)
                                  : snprintf(buf, n, "%s/*", separated ? separated : ""));
    size_t i;
    json_t *h;
    json_array_foreach (json_object_get(m, "headers"), i, h) {
        const char *exact = json_text(h, "string_match.exact");
        if (at < n) at += (size_t)snprintf(buf + at, n - at, exact ? " %s=%s" : " %s", json_text(h, "name"), exact);
    }
}

/* "reviews.default" from the path of the VirtualService in the route's metadata. */
static void virtual_service(const json_t *route, char *buf, size_t n)
{
    const char *config = json_text(route, "metadata.filter_metadata.istio.config");
    struct str rest = str_of(config ? config : ""), ns = { 0 }, name = { 0 };
    while (rest.p && rest.n) {
        struct str part = str_cut(&rest, '/');
        if (str_eqc(part, "namespaces"))
            ns = str_cut(&rest, '/');
        else if (str_eqc(part, "virtual-service"))
            name = rest, rest.n = 0;
    }
    buf[0] = 0;
    if (name.n) snprintf(buf, n, "%.*s.%.*s", STR_ARG(name), STR_ARG(ns));
}

static void print_routes(const json_t *all)
{
    static const char *const headers[] = { "NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE", "TRAFFIC", NULL };
    struct table *t = table_new(headers);
    size_t i, j, k;
    json_t *config, *vhost, *route;
    json_array_foreach (all, i, config)
        json_array_foreach (json_object_get(config, "virtual_hosts"), j, vhost)
            json_array_foreach (json_object_get(vhost, "routes"), k, route) {
                char match[512], vs[300];
                match_text(json_object_get(route, "match"), match, sizeof match);
                virtual_service(route, vs, sizeof vs);
                const char *name = json_text(config, "name"), *first = json_text(vhost, "domains.0");
                size_t domains = json_array_size(json_object_get(vhost, "domains"));
                table_cell(t, name ? name : "");
                table_cell(t, json_text(vhost, "name"));
                if (domains > 1)
                    table_cellf(t, "%s + %zu more", first, domains - 1);
                else
                    table_cell(t, first);
                table_cell(t, match);
                table_cell(t, vs);
                const char *traffic = json_text(route, "metadata.filter_metadata.istio.traffic");
                table_cell(t, traffic ? traffic : "");
                table_row(t);
            }
    table_print(t, stdout);
    table_free(t);
}

/* ---- clusters ---- */

static void print_clusters(const json_t *all)
{
    static const char *const headers[] = { "SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE", NULL };
    struct table *t = table_new(headers);
    size_t i;
    json_t *c;
    json_array_foreach (all, i, c) {
        const char *name = json_text(c, "name"), *type = json_text(c, "type");
        struct str rest = str_of(name ? name : ""), direction = str_cut(&rest, '|');
        bool plain = !rest.p;
        struct str port = plain ? (struct str){ "-", 1 } : str_cut(&rest, '|'),
                   subset = plain ? (struct str){ "-", 1 } : str_cut(&rest, '|');
        const char *config = json_text(c, "metadata.filter_metadata.istio.config");
        const char *slash = config ? strrchr(config, '/') : NULL;
        if (plain)
            table_cell(t, name);
        else
            table_cellf(t, "%.*s", STR_ARG(rest));
        table_cellf(t, "%.*s", STR_ARG(port));
        table_cellf(t, "%.*s", subset.n ? (int)subset.n : 1, subset.n ? subset.p : "-");
        table_cellf(t, "%.*s", plain ? 1 : (int)direction.n, plain ? "-" : direction.p);
        table_cell(t, type ? type : "STATIC");
        table_cell(t, slash ? slash + 1 : "");
        table_row(t);
    }
    table_print(t, stdout);
    table_free(t);
}

/* ---- endpoints ---- */

static void print_endpoints(const json_t *clusters)
{
    static const char *const headers[] = { "ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER", NULL };
    struct table *t = table_new(headers);
    size_t i, j;
    json_t *c, *h;
    json_array_foreach (json_object_get(clusters, "cluster_statuses"), i, c)
        json_array_foreach (json_object_get(c, "host_statuses"), j, h) {
            char address[160];
            const char *eds = json_text(h, "health_status.eds_health_status");
            address_text(json_object_get(h, "address"), address, sizeof address);
            table_cell(t, address);
            table_cell(t, eds ? eds : "HEALTHY");
            table_cell(t, json_is_true(json_path(h, "health_status.failed_outlier_check")) ? "FAILED" : "OK");
            table_cell(t, json_text(c, "name"));
            table_row(t);
        }
    table_print(t, stdout);
    table_free(t);
}

/* Where a kind stands in the dump: its section, and in static and dynamic resources the list and the object in each element. */
static const struct view {
    const char *word, *path, *section; /* section NULL: the whole answer */
    const char *fixed, *dynamic, *fixed_inner, *dynamic_inner;
    void (*print)(const json_t *what);
} views[] = {
    { "listeners", "/config_dump", "ListenersConfigDump", "static_listeners", "dynamic_listeners", "listener", "active_state.listener",
      print_listeners },
    { "routes", "/config_dump", "RoutesConfigDump", "static_route_configs", "dynamic_route_configs", "route_config", "route_config",
      print_routes },
    { "clusters", "/config_dump", "ClustersConfigDump", "static_clusters", "dynamic_active_clusters", "cluster", "cluster",
      print_clusters },
    { "endpoints", "/clusters?format=json", .print = print_endpoints },
};

static json_t *pick(const struct view *v, json_t *answer)
{
    if (!v->section) return json_incref(answer);
    json_t *all = resources(answer, v->section, v->fixed, v->fixed_inner);
    json_t *dynamic = resources(answer, v->section, v->dynamic, v->dynamic_inner);
    json_array_extend(all, dynamic);
    json_decref(dynamic);
    return all;
}

static const struct view *view_of(const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i < ARRAY_LEN(views); i++) { /* "listener", "listeners", "l" as istioctl */
        if (strncmp(views[i].word, word, n) == 0) return &views[i];
    }
    return NULL;
}

/* "NS/POD", "POD.NS" as istioctl, or POD with -n. */
static void split_pod(const struct cli *c, char *word, const char **ns, const char **pod)
{
    char *slash = strchr(word, '/');
    *ns = c->ns;
    *pod = word;
    if (slash && strncmp(word, "pod/", 4) != 0 && strncmp(word, "deploy", 6) != 0) {
        *slash = 0;
        *ns = word;
        *pod = slash + 1;
    }
}

static int run(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    struct buf body = { 0 };
    const char *ns, *pod;
    c->ns = shared.ns ? shared.ns : c->ns;
    c->output = shared.output && strcmp(shared.output, "table") == 0 ? NULL : shared.output;
    const struct view *v = view_of(argv[0]);
    if (!v) return cli_usage(c, "proxy-config shows listeners, routes, clusters or endpoints, not \"%s\"", argv[0]);
    int r = state_require(c);
    if (r) return r;
    split_pod(c, argv[1], &ns, &pod);
    c->ns = ns;
    json_t *object = resource_pod(c, pod, &e);
    if (!object || pod_http_get(c, ns, json_text(object, "metadata.name"), ADMIN_PORT, v->path, &body, &e) < 0) {
        json_decref(object);
        return cli_fail(&e);
    }
    json_decref(object);
    json_t *answer = json_loadb(buf_data(&body), body.len, 0, NULL), *what = pick(v, answer);
    buf_free(&body);
    if (!answer) return cli_failf("the proxy of %s answered with something that is no JSON", pod);
    if (c->output)
        r = resource_print(c, what);
    else
        v->print(what);
    json_decref(what);
    json_decref(answer);
    (void)argc;
    return r;
}

static const struct opt opts[] = {
    OPT_NAMESPACE(shared),
    { "output", 'o', OPT_TEXT, &shared.output, "FORMAT", "table, json or yaml" },
};

const struct command cmd_proxy_config = {
    .name = "proxy-config",
    .args = "listeners|routes|clusters|endpoints POD",
    .brief = "what a pod's proxy holds",
    .examples = "  weft proxy-config routes deploy/k8s-combat-service-v1\n  weft proxy-config clusters POD -o json\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 2,
    .max = 2,
    .run = run,
};
