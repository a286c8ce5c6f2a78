/* /config_dump: every resource as it came, with version and what was refused; keys redacted. */
#include "proxy/admin_internal.h"

#include "base/clock.h"
#include "proxy/build.h"
#include "route/regex.h"

#include "envoy.config.bootstrap.v3.pb-c.h"
#include "envoy.config.endpoint.v3.pb-c.h"

/* What never leaves the process. */
static bool redact(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
    (void)d;
    static const char *const secret[] = { "private_key", "password", "session_ticket_keys", "keys" };
    for (size_t i = 0; i < ARRAY_LEN(secret); i++)
        if (str_eqc(str_of(f->name), secret[i])) return true;
    return false;
}

static const struct pb_format format = { .snake = true, .registry = xdsmsg_descriptor, .redact = redact };

struct dump {
    struct page *p;
    struct regex *names;   /* NULL: all */
    struct str resource;   /* only this list; n 0: all */
    struct node *lists[4]; /* of the type being dumped */
};

static struct str when(struct arena *a, int64_t wall_ms)
{
    char text[40];
    clock_rfc3339(wall_ms, text, sizeof text); /* "...:00Z" */
    return str_of(arena_printf(a, "%.*s.%03dZ", (int)strlen(text) - 1, text, (int)(wall_ms % 1000)));
}

/* The message with its type in front, as an Any is printed. */
static struct node *any_node(struct arena *a, const ProtobufCMessageDescriptor *d, struct str bytes)
{
    struct node *n = tree_new(a, NODE_MAP);
    ProtobufCMessage *m = pb_unpack(d, bytes, a);
    struct node *fields = m ? pb_to_tree(m, &format, a) : NULL;
    tree_add(a, n, STR("@type"), tree_string(a, str_of(arena_printf(a, XDSMSG_URL_PREFIX "%s", d->name))));
    for (size_t i = 0; fields && i < fields->n; i++) tree_add(a, n, fields->pairs[i].key, fields->pairs[i].value);
    return n;
}

static const struct kind {
    enum config_type type;
    const char *dump;                     /* message of envoy.admin.v3 */
    const char *element;                  /* its entries are StaticX and DynamicX */
    const char *field;                    /* name of the resource in its entries */
    const char *fixed, *active, *warming; /* names of the lists; active == warming: entries have states (listeners) */
    const ProtobufCMessageDescriptor *d;
} kinds[] = {
    { CONFIG_CLUSTER, "ClustersConfigDump", "Cluster", "cluster", "static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters",
      &envoy__config__cluster__v3__cluster__descriptor },
    { CONFIG_LISTENER, "ListenersConfigDump", "Listener", "listener", "static_listeners", "dynamic_listeners", "dynamic_listeners",
      &envoy__config__listener__v3__listener__descriptor },
    { CONFIG_ROUTE, "RoutesConfigDump", "RouteConfig", "route_config", "static_route_configs", "dynamic_route_configs", NULL,
      &envoy__config__route__v3__route_configuration__descriptor },
    { CONFIG_SECRET, "SecretsConfigDump", "Secret", "secret", "static_secrets", "dynamic_active_secrets", NULL,
      &envoy__extensions__transport_sockets__tls__v3__secret__descriptor },
    { CONFIG_ENDPOINT, "EndpointsConfigDump", "EndpointConfig", "endpoint_config", "static_endpoint_configs", "dynamic_endpoint_configs",
      NULL, &envoy__config__endpoint__v3__cluster_load_assignment__descriptor },
};

struct each {
    struct dump *d;
    const struct kind *k;
    struct node *fixed, *active, *warming;
};

static struct node *state_node(struct arena *a, const struct kind *k, struct str bytes, struct str version, int64_t at_ms)
{
    struct node *n = tree_new(a, NODE_MAP);
    if (version.n) tree_add(a, n, STR("version_info"), tree_string(a, version));
    tree_add(a, n, str_of(k->field), any_node(a, k->d, bytes));
    tree_add(a, n, STR("last_updated"), tree_string(a, when(a, at_ms)));
    return n;
}

static void add_error(struct arena *a, struct node *n, const struct config_entry *e)
{
    if (!e->error.n) return;
    struct node *s = tree_new(a, NODE_MAP);
    tree_add(a, s, STR("last_update_attempt"), tree_string(a, when(a, e->error_ms)));
    tree_add(a, s, STR("details"), tree_string(a, e->error));
    if (e->error_version.n) tree_add(a, s, STR("version_info"), tree_string(a, e->error_version));
    tree_add(a, n, STR("error_state"), s);
}

static struct str client_status(const struct config_entry *e)
{
    if (e->missing) return STR("DOES_NOT_EXIST");
    if (e->error.n) return STR("NACKED");
    return e->bytes.n || e->warming.n ? STR("ACKED") : STR("REQUESTED");
}

/* Listeners: one entry with its states. */
static void listener_entry(struct each *x, struct arena *a, const struct config_entry *e)
{
    struct node *n = tree_new(a, NODE_MAP);
    tree_add(a, n, STR("name"), tree_string(a, e->name));
    if (e->bytes.n) tree_add(a, n, STR("active_state"), state_node(a, x->k, e->bytes, e->version, e->updated_ms));
    if (e->warming.n) tree_add(a, n, STR("warming_state"), state_node(a, x->k, e->warming, e->warming_version, e->warming_ms));
    add_error(a, n, e);
    tree_add(a, n, STR("client_status"), tree_string(a, client_status(e)));
    tree_push(a, x->active, n);
}

static void entry(void *ctx, const struct config_entry *e)
{
    struct each *x = ctx;
    struct arena *a = &x->d->p->arena;
    if (x->d->names && !regex_full(x->d->names, e->name)) return;
    if (e->is_static) {
        tree_push(a, x->fixed,
                  state_node(a, x->k, e->bytes.n ? e->bytes : e->warming, STR(""), e->bytes.n ? e->updated_ms : e->warming_ms));
        return;
    }
    if (x->k->type == CONFIG_LISTENER) {
        listener_entry(x, a, e);
        return;
    }
    if (e->bytes.n || e->error.n || e->missing) {
        struct node *n = e->bytes.n ? state_node(a, x->k, e->bytes, e->version, e->updated_ms) : tree_new(a, NODE_MAP);
        if (x->k->type == CONFIG_SECRET || !e->bytes.n) tree_add(a, n, STR("name"), tree_string(a, e->name));
        add_error(a, n, e);
        tree_add(a, n, STR("client_status"), tree_string(a, client_status(e)));
        tree_push(a, x->active, n);
    }
    if (e->warming.n && x->warming) tree_push(a, x->warming, state_node(a, x->k, e->warming, e->warming_version, e->warming_ms));
}

static void add_list(struct arena *a, struct node *dump, const char *name, struct node *list)
{
    if (name && list && list->n) tree_add(a, dump, str_of(name), list);
}

/* resource=dynamic_listeners: the elements themselves, without what is around them. */
static void push_elements(struct arena *a, struct node *configs, const struct kind *k, bool fixed, struct node *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct node *n = tree_new(a, NODE_MAP);
        tree_add(a, n, STR("@type"),
                 tree_string(a, str_of(arena_printf(a, XDSMSG_URL_PREFIX "envoy.admin.v3.%s.%s%s", k->dump, fixed ? "Static" : "Dynamic",
                                                    k->element))));
        for (size_t f = 0; f < list->items[i]->n; f++) tree_add(a, n, list->items[i]->pairs[f].key, list->items[i]->pairs[f].value);
        tree_push(a, configs, n);
    }
}

static void dump_kind(struct dump *d, const struct kind *k, struct node *configs)
{
    struct arena *a = &d->p->arena;
    struct each x = { d, k, tree_new(a, NODE_SEQ), tree_new(a, NODE_SEQ), NULL };
    x.warming = k->warming && strcmp(k->warming, k->active) != 0 ? tree_new(a, NODE_SEQ) : NULL;
    config_each(d->p->a->config, k->type, entry, &x);
    if (d->resource.n) {
        if (str_eqc(d->resource, k->fixed)) push_elements(a, configs, k, true, x.fixed);
        if (str_eqc(d->resource, k->active)) push_elements(a, configs, k, false, x.active);
        if (x.warming && str_eqc(d->resource, k->warming)) push_elements(a, configs, k, false, x.warming);
        return;
    }
    struct node *dump = tree_new(a, NODE_MAP);
    tree_add(a, dump, STR("@type"), tree_string(a, str_of(arena_printf(a, XDSMSG_URL_PREFIX "envoy.admin.v3.%s", k->dump))));
    add_list(a, dump, k->fixed, x.fixed);
    add_list(a, dump, k->active, x.active);
    add_list(a, dump, k->warming, x.warming);
    tree_push(a, configs, dump);
}

static void dump_bootstrap(struct dump *d, struct node *configs)
{
    struct arena *a = &d->p->arena;
    struct node *n = tree_new(a, NODE_MAP);
    tree_add(a, n, STR("@type"), tree_string(a, STR(XDSMSG_URL_PREFIX "envoy.admin.v3.BootstrapConfigDump")));
    tree_add(a, n, STR("bootstrap"), pb_to_tree(&config_bootstrap(d->p->a->config)->msg->base, &format, a));
    tree_add(a, n, STR("last_updated"), tree_string(a, when(a, d->p->a->started_wall_ms)));
    tree_push(a, configs, n);
}

static bool known_resource(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *lists[] = { kinds[i].fixed, kinds[i].active, kinds[i].warming };
        for (size_t k = 0; k < ARRAY_LEN(lists); k++)
            if (lists[k] && str_eqc(name, lists[k])) return true;
    }
    return false;
}

int page_config_dump(struct page *p)
{
    struct dump d = { .p = p, .resource = page_param(p, "resource") };
    struct str names = page_param(p, "name_regex");
    struct err e = { 0 };
    if (page_flag(p, "mask")) {
        buf_puts(p->out, "mask is not supported: use resource and name_regex\n");
        return 400;
    }
    if (d.resource.n && !known_resource(d.resource)) {
        buf_printf(p->out, "%.*s not found in config dump\n", STR_ARG(str_first(d.resource, 100)));
        return 404;
    }
    if (names.n && !(d.names = regex_new(names, &e))) {
        buf_printf(p->out, "Error while parsing name_regex: %s\n", e.what);
        return 400;
    }
    struct node *root = tree_new(&p->arena, NODE_MAP), *configs = tree_new(&p->arena, NODE_SEQ);
    if (!d.resource.n) dump_bootstrap(&d, configs);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].type != CONFIG_ENDPOINT || d.resource.n || page_flag(p, "include_eds")) dump_kind(&d, &kinds[i], configs);
    tree_add(&p->arena, root, STR("configs"), configs);
    p->type = "application/json";
    tree_json(root, 1, p->out);
    buf_puts(p->out, "\n");
    regex_free(d.names);
    return 200;
}

static void unready(void *ctx, const struct config_entry *e)
{
    static const char *const names[CONFIG__N] = { "cluster", "endpoints", "listener", "routes", "secret" };
    struct each *x = ctx;
    struct arena *a = &x->d->p->arena;
    if (!e->warming.n) return;
    struct node *n = tree_new(a, NODE_MAP), *targets = tree_new(a, NODE_SEQ);
    tree_add(a, n, STR("name"), tree_string(a, str_of(arena_printf(a, "%s %.*s", names[e->type], STR_ARG(e->name)))));
    tree_push(a, targets, tree_string(a, e->type == CONFIG_CLUSTER ? STR("endpoints") : STR("routes")));
    tree_add(a, n, STR("target_names"), targets);
    tree_push(a, x->active, n);
}

int page_init_dump(struct page *p)
{
    struct dump d = { .p = p };
    struct each x = { .d = &d, .active = tree_new(&p->arena, NODE_SEQ) };
    config_each(p->a->config, CONFIG_CLUSTER, unready, &x);
    config_each(p->a->config, CONFIG_LISTENER, unready, &x);
    struct node *root = tree_new(&p->arena, NODE_MAP);
    if (x.active->n) tree_add(&p->arena, root, STR("unready_targets_dumps"), x.active);
    p->type = "application/json";
    tree_json(root, 1, p->out);
    buf_puts(p->out, "\n");
    return 200;
}
