/* What an event made of a release becomes one transaction of the store: the status, and with it Traffic, replicas, the change and the audit
 * entries. All of it or nothing, so at any moment the mesh has what the state says. */
#include "api/platform/engine_inside.h"

#include "api/object.h"
#include "api/platform/audit.h"
#include "api/platform/change.h"
#include "api/platform/preq.h"
#include "base/log.h"
#include "config/labels.h"

json_t *engine_status(const struct live *l, const struct release *r)
{
    json_t *beneath = json_object(), *machine = release_to_json(r);
    vec_foreach (b, &l->beneath) json_object_set_new(beneath, b->title, model_text(b->yaml));
    json_t *j = json_pack("{s:i, s:s, s:s, s:o, s:o}", "number", (int)l->n, "project", l->project, "state", release_state_name(r),
                          "machine", machine, "beneath", beneath);
    json_object_set_new(j, "tiles", release_tiles(l, r));
    return j;
}

struct resource *engine_resource(const struct live *l, const struct resource *old, const struct release *r)
{
    struct arena a;
    struct errs errs = { 0 };
    const struct pb_policy policy = { .file = "status" };
    arena_init(&a, 16384, 0);
    struct object_shell s = object_shell(old, &a);
    json_t *status = engine_status(l, r);
    ProtobufCMessage *m = pb_decode(model_json_tree(status, &a), &google__protobuf__struct__descriptor, &policy, &a, NULL, &errs);
    json_decref(status);
    *object_part(s.msg, "status") = m;
    struct resource *out = oops(!m) ? NULL : resource_make(KIND_RELEASE, s.msg, old->api_version);
    errs_free(&errs);
    arena_free(&a);
    return out;
}

/* ---- orders ---- */

struct take {
    struct live *l;
    const struct release *r;
    struct preq *q;
    struct batch b;
    uint64_t change; /* k of the change of Traffic; 0: none */
    struct resource *keep[2];
    size_t n_keep;
};

static const char *reason_of(const struct release *r)
{
    return r->n_log && r->log[r->n_log - 1].reason ? r->log[r->n_log - 1].reason : r->plan->spec->reason ? r->plan->spec->reason : "";
}

static void put_traffic(struct take *t, bool let_go)
{
    struct live *l = t->l;
    struct arena a;
    const struct world *w = platform_world(l->e->cfg.platform);
    const struct resource *service = world_get(w, KIND_SERVICE, l->ns, l->service);
    struct versions v = { 0 };
    if (!service) return; /* gone with its traffic */
    arena_init(&a, 2048, 0);
    versions_of(w, service, &a, &v);
    TrafficSpec *now = versions_traffic(&v, &a), *next;
    if (v.spec) *now = *v.spec;
    for (size_t i = 0; i < l->r->plan->spec->n_versions; i++) { /* those that the release brought */
        struct version named = { .name = l->r->plan->spec->versions[i]->name,
                                 .labels = STRING_ENTRIES(l->r->plan->spec->versions[i]->labels),
                                 .n_labels = l->r->plan->spec->versions[i]->n_labels };
        const struct versions one = { .v = &named, .n = 1 };
        if (named.name) versions_complete(&one, now, &a);
    }
    versions_complete(&v, now, &a);
    next = let_go ? now : engine_traffic(now, t->r, l->n, &a);
    if (let_go && !v.traffic) {
        arena_free(&a);
        return;
    }
    struct resource *put = engine_traffic_resource(v.traffic, l->ns, l->service, next);
    const struct change c = { .ns = l->ns,
                              .service = l->service,
                              .project = str_of(l->project),
                              .was = v.spec ? NULL : now,
                              .before = v.traffic,
                              .after = put,
                              .actor = t->q ? t->q->who.user : STR("Weft"),
                              .via = VIA_RELEASE,
                              .reason = str_of(reason_of(t->r)),
                              .release = l->n };
    bool same = v.traffic && resource_spec_hash(v.traffic) == resource_spec_hash(put);
    if (!same) t->change = change_add(l->e->cfg.platform, &t->b, &c, v.traffic ? model_version(v.traffic) : STORE_ABSENT);
    resource_unref(put);
    arena_free(&a);
}

static void scale(struct take *t, const struct release_order *o)
{
    struct live *l = t->l;
    struct arena a;
    struct versions v;
    const struct world *w = platform_world(l->e->cfg.platform);
    const struct resource *service = world_get(w, KIND_SERVICE, l->ns, l->service);
    if (!service) return;
    arena_init(&a, 2048, 0);
    versions_of(w, service, &a, &v);
    const struct version *one = versions_get(&v, o->version);
    const K8sDeployment *d = one ? as_deployment(one->deployment) : NULL;
    int64_t now = d && d->spec && d->spec->has_replicas ? d->spec->replicas : 1;
    if (d && d->spec && now < (int64_t)o->replicas) {
        struct object_shell s = object_shell(one->deployment, &a);
        K8sDeployment *copy = (K8sDeployment *)s.msg;
        __typeof__(copy->spec) spec = arena_alloc(&a, sizeof *spec);
        *spec = *copy->spec;
        spec->has_replicas = true;
        spec->replicas = (int32_t)o->replicas;
        copy->spec = spec;
        struct resource *put = resource_make(KIND_DEPLOYMENT, s.msg, one->deployment->api_version);
        batch_put(&t->b, put, 0);
        resource_unref(put);
    }
    arena_free(&a);
}

void engine_audit(struct live *l, const struct release *r, size_t from, struct preq *q, struct batch *b)
{
    char action[64], target[300];
    snprintf(target, sizeof target, "release %s#%u", l->project, l->n);
    for (size_t i = from; i < r->n_log; i++) {
        const struct release_log *e = &r->log[i];
        bool person = strcmp(e->actor, "Weft") != 0;
        json_t *evidence = e->numbers ? json_loads(e->numbers, 0, NULL) : json_object();
        if (!evidence) evidence = json_object();
        json_object_set_new(evidence, "service", json_sprintf("%s.%s", l->service, l->ns));
        json_object_set_new(evidence, "state", json_string(release_state_name(r)));
        json_object_set_new(evidence, "step", json_integer(e->step));
        json_object_set_new(evidence, "attempt", json_integer(e->attempt));
        json_object_set_new(evidence, "order", json_integer(r->ordered.seq));
        json_object_set_new(evidence, "weight", json_real(r->ordered.weight / 100.0));
        snprintf(action, sizeof action, "release:%s", release_code_name(e->code));
        const struct audit a = { .actor = str_of(e->actor),
                                 .via = person && q ? q->who.via : VIA_RELEASE,
                                 .action = action,
                                 .target = target,
                                 .project = str_of(l->project),
                                 .reason = str_of(e->reason),
                                 .request_id = q ? q->id : (struct str){ 0 },
                                 .evidence = evidence };
        audit_add(b, &a);
        json_decref(evidence);
    }
}

/* ---- afterwards ---- */

static void carry_out(struct live *l, const struct release_outcome *out, uint64_t change)
{
    for (size_t i = 0; i < out->n_orders; i++) {
        const struct release_order *o = &out->orders[i];
        if (o->kind == RELEASE_ORDER_ANALYSIS) engine_step_began(l);
        if (o->kind == RELEASE_ORDER_WEBHOOK) webhook_call(l, o);
        if (o->kind == RELEASE_ORDER_TRAFFIC) engine_watch_order(l, change);
    }
}

static bool has(const struct release_outcome *out, enum release_order_kind k)
{
    for (size_t i = 0; i < out->n_orders; i++)
        if (out->orders[i].kind == k) return true;
    return false;
}

int engine_take(struct live *l, struct arena *arena, const struct release_outcome *out, struct preq *q, struct err *e)
{
    struct take t = { .l = l, .r = out->next, .q = q };
    const struct resource *old = live_resource(l);
    int r = 0;
    if (out->changed) {
        if (!old) {
            arena_free(arena);
            return err_set(e, -ENOENT, "release #%u of %s is gone", l->n, l->project);
        }
        if (has(out, RELEASE_ORDER_TRAFFIC)) engine_look_beneath(l, true);
        struct resource *put = engine_resource(l, old, out->next);
        if (put) batch_put(&t.b, put, model_version(old));
        resource_unref(put);
        for (size_t i = 0; i < out->n_orders; i++) {
            if (out->orders[i].kind == RELEASE_ORDER_TRAFFIC) put_traffic(&t, false);
            if (out->orders[i].kind == RELEASE_ORDER_LET_GO) put_traffic(&t, true);
            if (out->orders[i].kind == RELEASE_ORDER_SCALE) scale(&t, &out->orders[i]);
        }
        engine_audit(l, t.r, out->log_from, q, &t.b);
        r = put ? platform_commit(l->e->cfg.platform, &t.b, e) : err_set(e, -EINVAL, "the state cannot be written");
        batch_free(&t.b);
    }
    if (r < 0) {
        arena_free(arena);
        return r;
    }
    struct arena before = l->arena;
    l->arena = *arena;
    l->r = out->next;
    l->ended = release_ended(l->r);
    arena_free(&before);
    if (!out->changed) return 0;
    carry_out(l, out, t.change);
    if (t.change) engine_changed(l->e, l->ns, l->service, t.change);
    releases_publish(l, true);
    return 0;
}
