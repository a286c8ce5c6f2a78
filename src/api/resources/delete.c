/* DELETE of one object or of a selection. A pod that was placed first gets a deletionTimestamp: the node ends it and then
 * deletes it with gracePeriodSeconds=0. A namespace gets one too: the controllers empty it and then remove it, as they remove
 * what an object owned. */
#include "api/object.h"
#include "api/platform/call_commit.h"
#include "api/resources/status.h"
#include "api/resources/target.h"
#include "base/clock.h"
#include "config/types.h"

struct options {
    int64_t grace; /* -1: the pod's own */
    struct str uid;
    uint64_t version; /* 0: any */
};

static bool read_options(struct call *c, const struct target *t, struct options *o)
{
    struct str grace = call_query(c, "gracePeriodSeconds"), policy = call_query(c, "propagationPolicy");
    *o = (struct options){ .grace = -1 };
    if (str_trim(c->body).n) {
        struct node *body = target_body(c, t);
        if (!body) return false;
        struct node *g = tree_get(body, "gracePeriodSeconds");
        if (g && g->type == NODE_NUMBER) grace = g->text;
        if (!policy.n) policy = tree_text(body, "propagationPolicy");
        o->uid = tree_text(tree_get(body, "preconditions"), "uid");
        struct str version = tree_text(tree_get(body, "preconditions"), "resourceVersion");
        if (version.n && !str_u64(version, &o->version)) o->version = STORE_ABSENT - 1;
    }
    struct str no = { 0 };
    if (grace.n && (!str_i64(grace, &o->grace) || o->grace < 0 || o->grace > INT32_MAX))
        return status_refuse(c, 400, t->kind, no, "gracePeriodSeconds is not a whole number of seconds"), false;
    if (str_eqc(policy, "Orphan"))
        return status_refuse(c, 400, t->kind, no, "propagationPolicy Orphan is not supported: what an object owned goes with it"), false;
    return true;
}

static int64_t grace_of(const struct resource *r, const struct options *o)
{
    const K8sPod *p = as_pod(r);
    if (!p) return 0;
    if (o->grace >= 0) return o->grace;
    return p->spec && p->spec->has_termination_grace_period_seconds ? p->spec->termination_grace_period_seconds : 30;
}

static void namespace_ends(ProtobufCMessage *msg, struct arena *a)
{
    K8sNamespace *n = (K8sNamespace *)msg;
    n->status = (void *)pb_new(&k8s__io__api__core__v1__namespace_status__descriptor, a);
    n->status->phase = arena_strndup(a, "Terminating", 11);
}

/* A copy with a deletionTimestamp; NULL: it already ends no later. */
static struct resource *ending(const struct resource *r, const struct options *o)
{
    struct arena a;
    int64_t grace = grace_of(r, o);
    if (r->meta->deletion_timestamp && (!r->meta->has_deletion_grace_period_seconds || r->meta->deletion_grace_period_seconds <= grace))
        return NULL;
    arena_init(&a, 1024, 0);
    struct object_shell s = object_shell(r, &a);
    K8sTime when = object_time(clock_wall_ms() + grace * 1000);
    s.meta->deletion_timestamp = &when;
    s.meta->has_deletion_grace_period_seconds = true;
    s.meta->deletion_grace_period_seconds = grace;
    if (r->kind->id == KIND_NAMESPACE) namespace_ends(s.msg, &a);
    struct resource *out = resource_make(r->kind->id, s.msg, r->api_version);
    arena_free(&a);
    return out;
}

/* A pod that a node may run has to be ended first, a namespace emptied. */
static bool ends_first(const struct resource *r, const struct options *o)
{
    const K8sPod *p = as_pod(r);
    if (r->kind->id == KIND_NAMESPACE) return true;
    return p && o->grace != 0 &&
           ((p->spec && p->spec->node_name && p->spec->node_name[0]) || (p->status && p->status->pod_ip && p->status->pod_ip[0]));
}

static void delete_to(struct batch *b, const struct resource *r, const struct options *o)
{
    if (!ends_first(r, o)) return batch_delete(b, r->kind, r->ns, r->name, o->version);
    struct resource *end = ending(r, o);
    if (end) batch_put(b, end, o->version);
    resource_unref(end);
}

/* The namespaces that the mesh itself lives in. */
static bool protected_ns(const struct resource *r)
{
    static const char *const names[] = { "default", "kube-system", "istio-system" };
    for (size_t i = 0; r->kind->id == KIND_NAMESPACE && i < ARRAY_LEN(names); i++) {
        if (strcmp(r->name, names[i]) == 0) return true;
    }
    return false;
}

static void delete_one(struct call *c, const struct target *t, const struct options *o, const struct resource *r)
{
    struct batch b = { 0 };
    struct err e = { 0 };
    int done = 0;
    if (o->uid.n && !str_eqc(o->uid, r->uid)) return status_conflict(c, t->kind, t->name);
    if (protected_ns(r))
        return status_refuse(c, 403, t->kind, t->name, "%s \"%s\" is forbidden: this namespace may not be deleted",
                             object_kind_name(t->kind).p, r->name);
    struct resource *keep = resource_ref(r);
    bool stays = ends_first(r, o);
    delete_to(&b, r, o);
    if (!str_eqc(call_query(c, "dryRun"), "All")) done = call_commit(c, &b, &e);
    if (done < 0)
        status_commit(c, t->kind, t->name, done, &e);
    else if (stays)
        target_answer(c, t, 200, b.items.n ? b.items.v[0].put : keep);
    else
        status_deleted(c, t->kind, t->name, keep->uid);
    resource_unref(keep);
    batch_free(&b);
}

struct choice {
    const struct selector *s;
    const struct options *o;
    const struct world *world;
    const struct kind *kind;
    struct batch b;
};

static void choose(void *arg, struct store_object *o)
{
    struct choice *ch = arg;
    struct arena a;
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    const struct resource *r = world_get(ch->world, ch->kind->id, o->ns.p, o->name.p);
    arena_init(&a, 8192, 0);
    if (r && !protected_ns(r) && tree_read_json(o->json, "<store>", &a, &docs, &errs) == 0 && docs.n == 1 &&
        selector_match(ch->s, docs.v[0]))
        delete_to(&ch->b, r, ch->o);
    vec_free(&docs);
    errs_free(&errs);
    arena_free(&a);
}

static void delete_many(struct call *c, const struct target *t, const struct options *o)
{
    struct selector s = { 0 };
    struct err e = { 0 };
    struct choice ch = { .s = &s, .o = o, .world = controller_world(c->ctl), .kind = t->kind };
    int done = 0;
    if (t->kind->namespaced && !t->ns) return status_method(c);
    if (!target_selector(c, t, &s)) return;
    store_list(controller_store(c->ctl), object_kind_name(t->kind), t->ns ? str_of(t->ns) : (struct str){ 0 }, choose, &ch);
    if (!str_eqc(call_query(c, "dryRun"), "All")) done = call_commit(c, &ch.b, &e);
    if (done < 0)
        status_commit(c, t->kind, STR(""), done, &e);
    else
        status_deleted(c, t->kind, STR(""), NULL);
    batch_free(&ch.b);
    selector_free(&s);
}

void resource_delete(struct call *c, const struct target *t)
{
    struct options o;
    if (!read_options(c, t, &o)) return;
    if (!t->name.p) return delete_many(c, t, &o);
    const struct resource *r = target_get(c, t);
    if (r)
        delete_one(c, t, &o, r);
    else
        status_not_found(c, t->kind, t->name);
}
