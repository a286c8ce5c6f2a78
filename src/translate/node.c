/* Who asks: the parts of an xDS node id. Nothing that a client claims is believed beyond the name of its pod, and that
 * only from the pod's address (tr_node_verify); labels come from the world. */
#include "translate/translate.h"

static bool copy(char *to, size_t cap, struct str s)
{
    if (s.n >= cap || (s.n && memchr(s.p, '\0', s.n))) return false;
    if (s.n) memcpy(to, s.p, s.n);
    to[s.n] = '\0';
    return true;
}

static int bad_id(struct err *e, struct str id)
{
    err_set(e, -EINVAL, "node id \"%.*s\" is not TYPE~IP~POD.NAMESPACE~DOMAIN", (int)MIN(id.n, (size_t)120), id.p);
    return err_hint(e, "sidecars send sidecar~IP~POD.NS~NS.svc.cluster.local, gateways router~...");
}

/* False when the id has not the four parts. The pod's name ends at the last dot: names of pods hold dots, of namespaces not. */
static bool parse_id(struct tr_node *n, struct str id, struct str *type)
{
    struct str rest = id;
    *type = str_cut(&rest, '~');
    struct str ip = str_cut(&rest, '~'), pod = str_cut(&rest, '~');
    if (!rest.p || !ip.n) return false;
    ssize_t dot = str_rindex(pod, '.');
    if (dot <= 0) return false;
    return copy(n->ip, sizeof n->ip, ip) && copy(n->pod, sizeof n->pod, str_first(pod, (size_t)dot)) &&
           copy(n->ns, sizeof n->ns, str_skip(pod, (size_t)dot + 1));
}

int tr_node_init(struct tr_node *n, const struct tr_node_claim *c, struct err *e)
{
    *n = (struct tr_node){ 0 };
    struct str type;
    bool parsed = parse_id(n, c->id, &type);
    if (str_eqc(c->generator, "grpc") || (c->user_agent.n >= 4 && strncasecmp(c->user_agent.p, "grpc", 4) == 0)) {
        struct tr_node grpc = { .kind = TR_GRPC };
        if (parsed) grpc = *n, grpc.kind = TR_GRPC;
        if (!grpc.ns[0] && !copy(grpc.ns, sizeof grpc.ns, c->ns.n ? c->ns : STR("default"))) return bad_id(e, c->ns);
        *n = grpc;
        return 0;
    }
    if (!parsed) return bad_id(e, c->id);
    if (str_eqc(type, "sidecar"))
        n->kind = TR_SIDECAR;
    else if (str_eqc(type, "router"))
        n->kind = TR_ROUTER;
    else
        return bad_id(e, c->id);
    return 0;
}
