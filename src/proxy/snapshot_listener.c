/* Listeners: addresses, listener filters, filter chains (dataplane.md 4.12, 4.13). */
#include "proxy/build.h"

#include "envoy.extensions.filters.listener.http_inspector.v3.pb-c.h"
#include "envoy.extensions.filters.listener.original_dst.v3.pb-c.h"
#include "envoy.extensions.filters.listener.tls_inspector.v3.pb-c.h"

typedef Envoy__Config__Listener__V3__Listener Listener;
typedef Envoy__Config__Listener__V3__FilterChain FilterChain;
typedef Envoy__Config__Listener__V3__FilterChainMatch ChainMatch;
typedef Envoy__Config__Listener__V3__Filter Filter;
typedef Envoy__Config__Listener__V3__ListenerFilter ListenerFilter;
typedef Envoy__Config__Listener__V3__ListenerFilterChainMatchPredicate Predicate;

/* ---- listener filters ---- */

enum port_match_kind { PORT_ANY, PORT_RANGE, PORT_NOT, PORT_AND, PORT_OR };
struct port_match {
    enum port_match_kind kind;
    bool any;           /* PORT_ANY: its value */
    int32_t start, end; /* PORT_RANGE: [start, end) */
    struct port_match *sub;
    size_t n_sub;
};

static int port_build(struct port_match *p, const Predicate *m, int depth, struct build *b, struct err *e);

static int ports_build(struct port_match *p, enum port_match_kind kind, Predicate *const *m, size_t n, int depth, struct build *b,
                       struct err *e)
{
    p->kind = kind;
    p->n_sub = n;
    p->sub = arena_array(build_arena(b), struct port_match, n + 1);
    for (size_t i = 0; i < n; i++)
        if (port_build(&p->sub[i], m[i], depth + 1, b, e)) return -EINVAL;
    return 0;
}

static int port_build(struct port_match *p, const Predicate *m, int depth, struct build *b, struct err *e)
{
    if (depth > 16) return err_set(e, -EINVAL, "filter_disabled nested more than 16 levels");
    switch (m->rule_case) {
    case ENVOY__CONFIG__LISTENER__V3__LISTENER_FILTER_CHAIN_MATCH_PREDICATE__RULE_OR_MATCH:
        return ports_build(p, PORT_OR, m->or_match->rules, m->or_match->n_rules, depth, b, e);
    case ENVOY__CONFIG__LISTENER__V3__LISTENER_FILTER_CHAIN_MATCH_PREDICATE__RULE_AND_MATCH:
        return ports_build(p, PORT_AND, m->and_match->rules, m->and_match->n_rules, depth, b, e);
    case ENVOY__CONFIG__LISTENER__V3__LISTENER_FILTER_CHAIN_MATCH_PREDICATE__RULE_NOT_MATCH:
        return ports_build(p, PORT_NOT, &m->not_match, 1, depth, b, e);
    case ENVOY__CONFIG__LISTENER__V3__LISTENER_FILTER_CHAIN_MATCH_PREDICATE__RULE_ANY_MATCH: p->any = m->any_match; return 0;
    case ENVOY__CONFIG__LISTENER__V3__LISTENER_FILTER_CHAIN_MATCH_PREDICATE__RULE_DESTINATION_PORT_RANGE:
        *p = (struct port_match){ .kind = PORT_RANGE, .start = m->destination_port_range->start, .end = m->destination_port_range->end };
        return 0;
    default: return err_set(e, -EINVAL, "a kind of filter_disabled rule that is not supported");
    }
}

static bool port_matches(const struct port_match *p, int32_t port)
{
    switch (p->kind) {
    case PORT_ANY: return p->any;
    case PORT_RANGE: return port >= p->start && port < p->end;
    case PORT_NOT: return !port_matches(p->sub, port);
    case PORT_AND:
        for (size_t i = 0; i < p->n_sub; i++)
            if (!port_matches(&p->sub[i], port)) return false;
        return true;
    case PORT_OR:
        for (size_t i = 0; i < p->n_sub; i++)
            if (port_matches(&p->sub[i], port)) return true;
        return false;
    }
    return false;
}

bool listener_filter_on(const struct listener_filter *f, uint16_t dst_port) { return !f->disabled || !port_matches(f->disabled, dst_port); }

static const struct {
    const char *type;
    enum listener_filter_type kind;
} listener_filter_kinds[] = {
    { "envoy.extensions.filters.listener.original_dst.v3.OriginalDst", LF_ORIGINAL_DST },
    { "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", LF_TLS_INSPECTOR },
    { "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector", LF_HTTP_INSPECTOR },
};

static int listener_filter(struct listener *l, struct listener_filter *f, const ListenerFilter *m, struct build *b, struct err *e)
{
    const Google__Protobuf__Any *any = m->config_type_case ? m->typed_config : NULL;
    struct str type = build_any_type(b, any);
    size_t k = 0;
    while (k < ARRAY_LEN(listener_filter_kinds) && !str_eqc(type, listener_filter_kinds[k].type)) k++;
    if (k == ARRAY_LEN(listener_filter_kinds))
        return err_set(e, -EINVAL, "listener filter %s: %.*s is not supported", m->name ? m->name : "", STR_ARG(type));
    f->type = listener_filter_kinds[k].kind;
    l->needs_tls_info |= f->type == LF_TLS_INSPECTOR;
    l->needs_http_info |= f->type == LF_HTTP_INSPECTOR;
    if (!m->filter_disabled) return 0;
    struct port_match *p = arena_new(build_arena(b), struct port_match);
    f->disabled = p;
    return port_build(p, m->filter_disabled, 0, b, e);
}

/* ---- filter chains ---- */

static int chain_match(struct filter_chain *c, const ChainMatch *m, struct build *b, struct err *e)
{
    if (!m) return 0;
    if (xdsmsg_has_unknown(&m->base))
        return err_set(e, -EINVAL, "filter_chain_match holds a condition (field %u) that is not supported", m->base.unknown_fields[0].tag);
    if ((m->address_suffix && *m->address_suffix) || m->suffix_len) return err_set(e, -EINVAL, "address_suffix is not supported");
    uint32_t port = xdsmsg_u32(m->destination_port, 0);
    if (port > 65535) return err_set(e, -EINVAL, "destination_port %u is no port", port);
    c->dst_port = (uint16_t)port;
    if (cidrs_build(&c->dst, &c->n_dst, m->prefix_ranges, m->n_prefix_ranges, b, e) ||
        cidrs_build(&c->direct_src, &c->n_direct_src, m->direct_source_prefix_ranges, m->n_direct_source_prefix_ranges, b, e) ||
        cidrs_build(&c->src, &c->n_src, m->source_prefix_ranges, m->n_source_prefix_ranges, b, e))
        return -EINVAL;
    c->n_server_names = m->n_server_names;
    c->server_names = arena_array(build_arena(b), struct str, c->n_server_names + 1);
    for (size_t i = 0; i < c->n_server_names; i++) {
        struct str s = c->server_names[i] = route_lower(build_arena(b), m->server_names[i]);
        if (str_index(s, '*') >= 0 && (!str_starts(s, STR("*.")) || str_rindex(s, '*') > 0))
            return err_set(e, -EINVAL, "server name %.*s: only *.DOMAIN is a wildcard", STR_ARG(s));
    }
    c->transport = build_str(b, m->transport_protocol);
    c->alpn = str_copies(m->application_protocols, c->n_alpn = m->n_application_protocols, build_arena(b));
    c->source = (enum chain_source)m->source_type;
    c->n_src_ports = m->n_source_ports;
    c->src_ports = arena_array(build_arena(b), uint16_t, c->n_src_ports + 1);
    for (size_t i = 0; i < c->n_src_ports; i++) c->src_ports[i] = (uint16_t)m->source_ports[i];
    return 0;
}

/* Filters in front of the last one that change nothing for us. */
static const char *const ignored_network_filters[] = {
    "envoy.tcp.metadataexchange.config.MetadataExchange", /* peers are known from endpoint metadata */
    "io.istio.tcp.metadata_exchange.config.MetadataExchange",
};

static bool is_ignored(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(ignored_network_filters); i++)
        if (str_eqc(type, ignored_network_filters[i])) return true;
    return false;
}

static int last_filter(struct filter_chain *c, const Google__Protobuf__Any *any, struct str type, struct build *b, struct err *e)
{
    const ProtobufCMessageDescriptor *http =
        &envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor;
    const ProtobufCMessageDescriptor *tcp = &envoy__extensions__filters__network__tcp_proxy__v3__tcp_proxy__descriptor;
    bool is_http = str_eqc(type, http->name);
    if (!is_http && !str_eqc(type, tcp->name)) return err_set(e, -EINVAL, "%.*s is not supported", STR_ARG(type));
    const ProtobufCMessage *m = build_any(b, any, is_http ? http : tcp, e);
    if (!m) return -EINVAL;
    c->kind = is_http ? CHAIN_HTTP : CHAIN_TCP;
    return is_http ? hcm_build(&c->hcm, (const void *)m, b, e) : tcp_proxy_build(&c->tcp, (const void *)m, b, e);
}

static int chain_filters(struct filter_chain *c, const FilterChain *m, struct build *b, struct err *e)
{
    bool stats = false, done = false;
    for (size_t i = 0; i < m->n_filters; i++) {
        const Google__Protobuf__Any *any = m->filters[i]->config_type_case ? m->filters[i]->typed_config : NULL;
        struct str type = build_any_type(b, any);
        stats |= str_eq(type, STR("stats.PluginConfig"));
        if (is_ignored(type) || str_eq(type, STR("stats.PluginConfig"))) continue;
        if (done) return err_set(e, -EINVAL, "filter %s stands behind the terminal one", m->filters[i]->name);
        if (last_filter(c, any, type, b, e)) return err_prefix(e, "filter %s: ", m->filters[i]->name ? m->filters[i]->name : "");
        done = true;
    }
    if (!done) return err_set(e, -EINVAL, "the chain has no http_connection_manager and no tcp_proxy");
    if (c->kind == CHAIN_TCP) c->tcp->istio_stats = stats;
    return 0;
}

static int chain_build(struct filter_chain *c, const FilterChain *m, struct build *b, struct err *e)
{
    c->name = build_str(b, m->name);
    int rc = chain_match(c, m->filter_chain_match, b, e);
    if (!rc) rc = downstream_tls_build(&c->tls, m->transport_socket, b, e);
    c->tls_timeout_ms = xdsmsg_ms(m->transport_socket_connect_timeout, 15000);
    if (!rc) rc = chain_filters(c, m, b, e);
    return rc ? err_prefix(e, "filter chain %s: ", m->name ? m->name : "") : 0;
}

/* Two chains that match the same make the second one dead: refused, as Envoy does. */
static int check_duplicates(const Listener *m, struct build *b, struct err *e)
{
    struct map seen = { 0 };
    int rc = 0;
    for (size_t i = 0; !rc && i < m->n_filter_chains; i++) {
        const ChainMatch *cm = m->filter_chains[i]->filter_chain_match;
        struct str key = cm ? pb_pack(&cm->base, &b->scratch) : STR("");
        if (map_put(&seen, key, (void *)1))
            rc = err_set(e, -EINVAL, "filter chain %s matches the same as another one",
                         m->filter_chains[i]->name ? m->filter_chains[i]->name : "");
    }
    map_free(&seen, NULL);
    return rc;
}

/* ---- the listener ---- */

static int listen_addresses(struct listener *l, const Listener *m, struct build *b, struct err *e)
{
    if (!m->address) {
        if (!m->api_listener) return err_set(e, -EINVAL, "address is missing");
        l->unready = true; /* a proxyless gRPC listener: nothing to bind */
        return 0;
    }
    l->n_addrs = 1 + m->n_additional_addresses;
    l->addrs = arena_array(build_arena(b), struct addr, l->n_addrs);
    if (address_build(&l->addrs[0], m->address, e)) return -EINVAL;
    for (size_t i = 0; i < m->n_additional_addresses; i++)
        if (address_build(&l->addrs[i + 1], m->additional_addresses[i]->address, e)) return -EINVAL;
    return 0;
}

static int unsupported(const Listener *m, struct err *e)
{
    if (xdsmsg_bool(m->transparent, false)) return err_set(e, -EINVAL, "transparent is not supported");
    if (xdsmsg_bool(m->freebind, false)) return err_set(e, -EINVAL, "freebind is not supported");
    if (m->enable_mptcp) return err_set(e, -EINVAL, "enable_mptcp is not supported");
    if (m->tcp_fast_open_queue_length) return err_set(e, -EINVAL, "tcp_fast_open_queue_length is not supported");
    if (m->n_socket_options) return err_set(e, -EINVAL, "socket_options of a listener are not supported");
    if (m->connection_balance_config && m->connection_balance_config->balance_type_case ==
                                            ENVOY__CONFIG__LISTENER__V3__LISTENER__CONNECTION_BALANCE_CONFIG__BALANCE_TYPE_EXTEND_BALANCE)
        return err_set(e, -EINVAL, "connection_balance_config: extend_balance is not supported");
    return 0;
}

static void simple_fields(struct listener *l, const Listener *m, struct build *b)
{
    l->stat_prefix = build_str(b, m->stat_prefix);
    l->bind_to_port = xdsmsg_bool(m->bind_to_port, true);
    l->use_original_dst = xdsmsg_bool(m->use_original_dst, false);
    l->reuse_port = xdsmsg_bool(m->enable_reuse_port, true);
    l->direction = (enum traffic_direction)m->traffic_direction;
    l->buffer_limit = xdsmsg_u32(m->per_connection_buffer_limit_bytes, 0);
    l->backlog = xdsmsg_u32(m->tcp_backlog_size, 0);
    l->max_accepts = xdsmsg_u32(m->max_connections_to_accept_per_socket_event, 0);
    l->filters_timeout_ms = xdsmsg_ms(m->listener_filters_timeout, 15000);
    l->continue_on_timeout = m->continue_on_listener_filters_timeout;
}

static int fill(struct listener *l, const Listener *m, struct build *b, struct err *e)
{
    l->name = build_str(b, m->name);
    if (!l->name.n && m->address) {
        struct addr a;
        char text[ADDR_TEXT];
        if (address_build(&a, m->address, NULL) == 0) l->name = build_str(b, addr_text(&a, text, sizeof text));
    }
    if (unsupported(m, e)) return -EINVAL;
    simple_fields(l, m, b);
    if (listen_addresses(l, m, b, e)) return -EINVAL;
    l->n_filters = m->n_listener_filters;
    l->filters = arena_array(build_arena(b), struct listener_filter, l->n_filters + 1);
    for (size_t i = 0; i < l->n_filters; i++)
        if (listener_filter(l, &l->filters[i], m->listener_filters[i], b, e)) return -EINVAL;
    if (check_duplicates(m, b, e)) return -EINVAL;
    l->chains = arena_array(build_arena(b), struct filter_chain, m->n_filter_chains + 1);
    for (size_t i = 0; i < m->n_filter_chains; i++) {
        l->n_chains++; /* first, so that a failed chain is freed too */
        if (chain_build(&l->chains[i], m->filter_chains[i], b, e)) return -EINVAL;
    }
    if (m->default_filter_chain) {
        l->default_chain = arena_new(build_arena(b), struct filter_chain);
        if (chain_build(l->default_chain, m->default_filter_chain, b, e)) return -EINVAL;
    }
    if (!l->n_chains && !l->default_chain && !l->unready) return err_set(e, -EINVAL, "no filter chains");
    return access_logs_build(&l->logs, &l->n_logs, m->access_log, m->n_access_log, b, e);
}

int listener_build(struct listener **ret, const Listener *m, uint64_t hash, secret_fn *secret, void *secret_ctx, struct err *e)
{
    struct listener *l = xcalloc(1, sizeof *l);
    atomic_store(&l->refs, 1);
    arena_init(&l->arena, 2048, 0);
    l->hash = hash;
    struct build b = { .rb = { .arena = &l->arena }, .secret = secret, .secret_ctx = secret_ctx };
    arena_init(&b.scratch, 4096, 0);
    int rc = fill(l, m, &b, e);
    l->regexes = b.rb.regexes;
    arena_free(&b.scratch);
    if (rc) {
        listener_unref(l);
        l = NULL;
        err_prefix(e, "listener %s: ", m->name ? m->name : "");
    }
    *ret = l;
    return rc;
}

struct listener *listener_ref(struct listener *l)
{
    if (l) atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
    return l;
}

static void chain_free(struct filter_chain *c)
{
    tls_config_free_ctx(c->tls);
    if (c->kind == CHAIN_HTTP && c->hcm) route_table_unref(c->hcm->routes);
}

void listener_unref(struct listener *l)
{
    if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < l->n_chains; i++) chain_free(&l->chains[i]);
    if (l->default_chain) chain_free(l->default_chain);
    regex_list_free(l->regexes);
    arena_free(&l->arena);
    free(l);
}
