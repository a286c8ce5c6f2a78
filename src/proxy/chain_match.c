/* Which filter chain takes a connection: step by step over the kinds of condition, each step keeps the most specific
 * match and drops the rest for good (no backtracking; dataplane.md 4.12). */
#include "proxy/snapshot.h"

/* How well a chain fits one kind of condition: -1 not, 0 it has no such condition, more is more specific. */
typedef int rank_fn(const struct filter_chain *c, const struct chain_input *in);

static int rank_port(const struct filter_chain *c, const struct chain_input *in)
{
    if (!c->dst_port) return 0;
    return in->dst && addr_port(in->dst) == c->dst_port ? 1 : -1;
}

static int rank_cidr(const struct cidr *v, size_t n, const struct addr *a)
{
    int best = n ? -1 : 0;
    for (size_t i = 0; a && i < n; i++)
        if (cidr_contains(&v[i], a)) best = MAX(best, (int)v[i].bits + 1);
    return best;
}
static int rank_dst(const struct filter_chain *c, const struct chain_input *in) { return rank_cidr(c->dst, c->n_dst, in->dst); }
static int rank_direct_src(const struct filter_chain *c, const struct chain_input *in)
{
    return rank_cidr(c->direct_src, c->n_direct_src, in->direct_src);
}
static int rank_src(const struct filter_chain *c, const struct chain_input *in) { return rank_cidr(c->src, c->n_src, in->src); }

static int rank_server_name(const struct filter_chain *c, const struct chain_input *in)
{
    int best = c->n_server_names ? -1 : 0;
    for (size_t i = 0; i < c->n_server_names; i++) {
        struct str want = c->server_names[i];
        if (str_ieq(want, in->server_name)) return INT_MAX;
        struct str suffix = str_skip(want, 1); /* ".example.com" */
        if (want.n > 2 && want.p[0] == '*' && in->server_name.n > suffix.n &&
            str_ieq(str_skip(in->server_name, in->server_name.n - suffix.n), suffix))
            best = MAX(best, (int)suffix.n);
    }
    return best;
}

static int rank_transport(const struct filter_chain *c, const struct chain_input *in)
{
    if (!c->transport.n) return 0;
    struct str seen = in->transport.n ? in->transport : STR("raw_buffer");
    return str_eq(c->transport, seen) ? 1 : -1;
}

/* The connection's protocols in its order of preference: the first one that any chain names decides. */
static int rank_alpn(const struct filter_chain *c, const struct chain_input *in)
{
    if (!c->n_alpn) return 0;
    for (size_t k = 0; k < in->n_alpn; k++)
        for (size_t i = 0; i < c->n_alpn; i++)
            if (str_eq(c->alpn[i], in->alpn[k])) return (int)(in->n_alpn - k);
    return -1;
}

static bool same_ip(const struct addr *a, const struct addr *b)
{
    if (!a || !b) return false;
    struct addr x = *a, y = *b;
    if (x.sa.sa_family == AF_UNIX || y.sa.sa_family == AF_UNIX) return x.sa.sa_family == y.sa.sa_family;
    addr_set_port(&x, 0);
    addr_set_port(&y, 0);
    return addr_eq(&x, &y);
}

static int rank_source(const struct filter_chain *c, const struct chain_input *in)
{
    if (c->source == SOURCE_ANY) return 0;
    bool local = in->src && (addr_is_loopback(in->src) || same_ip(in->src, in->dst));
    return local == (c->source == SOURCE_LOCAL) ? 1 : -1;
}

static int rank_src_port(const struct filter_chain *c, const struct chain_input *in)
{
    if (!c->n_src_ports) return 0;
    for (size_t i = 0; in->src && i < c->n_src_ports; i++)
        if (c->src_ports[i] == addr_port(in->src)) return 1;
    return -1;
}

static rank_fn *const steps[] = { rank_port,       rank_dst,    rank_server_name, rank_transport, rank_alpn,
                                  rank_direct_src, rank_source, rank_src,         rank_src_port };

const struct filter_chain *listener_chain(const struct listener *l, const struct chain_input *in)
{
    /* alive[i]: still a candidate. Listeners have few chains; big ones pay one allocation per connection. */
    bool small[128], *alive = l->n_chains <= sizeof small ? small : xcalloc(l->n_chains, 1);
    memset(alive, true, l->n_chains);
    size_t left = l->n_chains;
    for (size_t s = 0; left && s < ARRAY_LEN(steps); s++) {
        int best = -1;
        for (size_t i = 0; i < l->n_chains; i++)
            if (alive[i]) best = MAX(best, steps[s](&l->chains[i], in));
        for (size_t i = 0; i < l->n_chains; i++)
            if (alive[i] && (best < 0 || steps[s](&l->chains[i], in) != best)) {
                alive[i] = false;
                left--;
            }
    }
    const struct filter_chain *found = l->default_chain;
    for (size_t i = 0; left && i < l->n_chains; i++)
        if (alive[i]) {
            found = &l->chains[i];
            break;
        }
    if (alive != small) free(alive);
    return found;
}
