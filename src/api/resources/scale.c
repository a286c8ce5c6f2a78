/* /scale of deployments and replica sets: autoscaling/v1 Scale over spec.replicas. */
#include "api/object.h"
#include "api/platform/call_commit.h"
#include "api/resources/status.h"
#include "api/resources/target.h"
#include "base/clock.h"
#include "config/types.h"

static int64_t replicas_of(const struct resource *r, bool wanted)
{
    const K8sDeployment *d = as_deployment(r);
    const K8sReplicaSet *s = as_replica_set(r);
    if (wanted)
        return d ? (d->spec && d->spec->has_replicas ? d->spec->replicas : 1) : s->spec && s->spec->has_replicas ? s->spec->replicas : 1;
    return d ? (d->status ? d->status->replicas : 0) : s->status ? s->status->replicas : 0;
}

static void answer(struct call *c, const struct resource *r)
{
    struct buf b = { 0 };
    char time[40];
    const K8sLabelSelector *sel = as_deployment(r) ? as_deployment(r)->spec->selector : as_replica_set(r)->spec->selector;
    struct buf text = { 0 };
    for (size_t i = 0; sel && i < sel->n_match_labels; i++)
        buf_printf(&text, "%s%s=%s", i ? "," : "", sel->match_labels[i]->key, sel->match_labels[i]->value);
    buf_printf(
        &b,
        "{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"%s\",\"resourceVersion\":\"%s\"",
        r->name, r->ns, r->uid, r->version);
    buf_printf(&b, ",\"creationTimestamp\":\"%s\"},\"spec\":{\"replicas\":%" PRId64 "},\"status\":{\"replicas\":%" PRId64 ",\"selector\":",
               clock_rfc3339(r->created_ms, time, sizeof time), replicas_of(r, true), replicas_of(r, false));
    tree_json_string(buf_str(&text), &b);
    buf_puts(&b, "}}");
    buf_free(&text);
    call_json(c, 200, &b);
}

static struct resource *scaled(const struct resource *r, int32_t n)
{
    struct arena a;
    arena_init(&a, 1024, 0);
    struct object_shell s = object_shell(r, &a);
    if (as_deployment(r)) {
        K8sDeployment *d = (K8sDeployment *)s.msg;
        __typeof__(d->spec) spec = arena_alloc(&a, sizeof *spec);
        *spec = *d->spec;
        spec->has_replicas = true;
        spec->replicas = n;
        d->spec = spec;
    } else {
        K8sReplicaSet *d = (K8sReplicaSet *)s.msg;
        __typeof__(d->spec) spec = arena_alloc(&a, sizeof *spec);
        *spec = *d->spec;
        spec->has_replicas = true;
        spec->replicas = n;
        d->spec = spec;
    }
    struct resource *out = resource_make(r->kind->id, s.msg, r->api_version);
    arena_free(&a);
    return out;
}

void resource_scale(struct call *c, const struct target *t)
{
    const struct resource *r = target_get(c, t);
    bool get = str_eqc(c->method, "GET");
    uint64_t n = 0;
    if (!get && !str_eqc(c->method, "PUT") && !str_eqc(c->method, "PATCH")) return status_method(c);
    if (!r || !*object_part(r->msg, "spec")) return status_not_found(c, t->kind, t->name);
    if (get) return answer(c, r);
    struct node *body = target_body(c, t);
    if (!body) return;
    struct node *want = tree_get(tree_get(body, "spec"), "replicas");
    if (!want || want->type != NODE_NUMBER || !str_u64(want->text, &n) || n > 100000)
        return status_refuse(c, 422, t->kind, t->name, "Scale \"%s\" is invalid: spec.replicas is not a whole number from 0 to 100000",
                             r->name);
    struct batch b = { 0 };
    struct err e = { 0 };
    struct resource *next = scaled(r, (int32_t)n);
    batch_put(&b, next, target_expect(body));
    resource_unref(next);
    int done = str_eqc(call_query(c, "dryRun"), "All") ? 0 : call_commit(c, &b, &e);
    if (done < 0)
        status_commit(c, t->kind, t->name, done, &e);
    else
        answer(c, b.items.v[0].put);
    batch_free(&b);
}
