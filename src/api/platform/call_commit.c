#include "api/platform/call_commit.h"
#include "api/platform/audit.h"
#include "api/platform/inside.h"
#include "api/platform/people.h"
#include "config/types.h"

/* Larger ones are named only. */
#define TEXT_MAX (32u << 10)

static bool audited(const struct kind *k)
{
    switch (k->id) {
    case KIND_TRAFFIC: /* those three have their entries from the gate (admission.h), whoever commits them */
    case KIND_RELEASE:
    case KIND_PROJECT:
    case KIND_POD:
    case KIND_REPLICA_SET:
    case KIND_EVENT:
    case KIND_ENDPOINT_SLICE: return false;
    default: return true;
    }
}

/* What a person controls of it; NULL: secret, or too large to keep with each change. */
static json_t *content(const struct resource *r)
{
    static const char *const noise[] = { "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields" };
    struct arena a;
    struct buf b = { 0 };
    if (!r || r->kind->id == KIND_SECRET) return NULL;
    arena_init(&a, 8192, 0);
    struct node *tree = resource_to_tree(r, NULL, &a), *meta = tree_get(tree, "metadata");
    for (size_t i = 0; meta && i < ARRAY_LEN(noise); i++) tree_remove(meta, noise[i]);
    tree_remove(tree, "status");
    tree_json(tree, 0, &b);
    json_t *j = b.len <= TEXT_MAX ? json_loadb(buf_data(&b), b.len, 0, NULL) : NULL;
    buf_free(&b);
    arena_free(&a);
    return j;
}

/* The first host that it is about: "reviews", "reviews.default.svc.cluster.local"; NULL: none. */
static const char *host_of(const struct resource *r)
{
    const VirtualServiceObject *vs = as_virtual_service(r);
    const DestinationRuleObject *dr = as_destination_rule(r);
    if (vs) return vs->spec && vs->spec->n_hosts ? vs->spec->hosts[0] : NULL;
    if (dr) return dr->spec ? dr->spec->host : NULL;
    return r->kind->id == KIND_SERVICE ? r->name : NULL;
}

static struct str project_of(const struct platform *p, const struct resource *r)
{
    const char *host = host_of(r);
    if (!host) return (struct str){ 0 };
    struct str ns = str_of(host), name = str_cut(&ns, '.');
    if (ns.p) ns = str_cut(&ns, '.');
    const struct resource *owner = platform_owner(p, name, ns.p && ns.n ? ns : str_of(r->ns));
    return owner ? str_of(owner->name) : (struct str){ 0 };
}

static void note(struct call *c, struct batch *b, const struct batch_item *i)
{
    char title[600];
    const struct resource *old = world_get(controller_world(c->ctl), i->kind->id, i->ns, i->name), *any = i->put ? i->put : old;
    if (!audited(i->kind) || !any || (old && i->put && resource_spec_hash(old) == resource_spec_hash(i->put))) return;
    json_t *before = content(old), *after = content(i->put);
    struct audit a = { .actor = platform_actor(c->platform),
                       .via = VIA_CLI,
                       .action = !i->put ? "resource:delete"
                                 : old   ? "resource:change"
                                         : "resource:create",
                       .target = resource_title(any, title, sizeof title),
                       .project = project_of(c->platform, any),
                       .reason = call_header(c, "x-weft-reason"),
                       .before = before,
                       .after = after };
    audit_add(b, &a);
    json_decref(before);
    json_decref(after);
}

int call_commit(struct call *c, struct batch *b, struct err *e)
{
    if (!c->platform) return controller_commit(c->ctl, b, e);
    struct str actor = call_header(c, "x-weft-actor");
    c->platform->actor = people_name_ok(actor) ? actor : STR(LOCAL);
    for (size_t i = 0; i < b->items.n; i++) note(c, b, &b->items.v[i]);
    int r = controller_commit(c->ctl, b, e);
    c->platform->actor = (struct str){ 0 };
    return r;
}
