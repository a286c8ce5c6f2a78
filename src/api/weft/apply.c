/* POST /weft/v1/apply: manifests become objects, all or none, and the answer waits for the proxies that the change concerns. */
#include "api/handlers.h"
#include "api/merge.h"
#include "api/platform/call_commit.h"
#include "api/resources/status.h"
#include "api/weft/findings.h"
#include "api/weft/proxies.h"
#include "base/clock.h"
#include "base/log.h"

#define TIMEOUT_MS     10000
#define TIMEOUT_MS_MAX 600000

struct apply {
    struct call *call;
    json_t *answer;
    struct xds_wait *wait;
};

static json_t *object_line(const struct resource *r, const char *action)
{
    char version[80];
    json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "apiVersion", kind_api_version(r->kind, version, sizeof version), "kind", r->kind->kind,
                          "name", r->name, "action", action);
    if (r->kind->namespaced) json_object_set_new(j, "namespace", json_string(r->ns));
    return j;
}

/* What each manifest does to the world, as writes and as lines of the answer; what it may not do becomes an error. */
static json_t *plan(const struct controller *ctl, struct manifests *m, const struct world *w, struct batch *b)
{
    json_t *lines = json_array();
    vec_foreach (p, &m->set.resources) {
        controller_check(ctl, *p, &m->set.errors);
        struct resource *r = *p, *old = world_get(w, r->kind->id, r->ns, r->name), *next = old ? merge_apply(old, r) : merge_new(r);
        bool same = old && resource_spec_hash(old) == resource_spec_hash(next);
        if (!same && (!old || merge_allowed(old, next, r->at, &m->set.errors))) batch_put(b, next, 0);
        json_array_append_new(lines, object_line(r, same ? "unchanged" : old ? "configured" : "created"));
        resource_unref(next);
    }
    return lines;
}

static void finish(struct apply *a, const struct xds_outcome *o)
{
    struct call *c = a->call;
    json_t *answer = a->answer;
    json_object_set_new(answer, "proxies", proxies_json(controller_world(c->ctl), o));
    free(a);
    findings_answer(c, 200, answer);
}

static void waited(void *arg, const struct xds_outcome *o) { finish(arg, o); }

static void peer_gone(struct call *c)
{
    struct apply *a = c->user;
    if (a->wait) xds_wait_cancel(a->wait);
    json_decref(a->answer);
    free(a);
}

/* The change is in the store; the answer comes when the proxies have it. */
static void wait_for_proxies(struct call *c, json_t *answer)
{
    struct controller *ctl = c->ctl;
    uint64_t timeout = TIMEOUT_MS, epoch = controller_settle(ctl);
    struct apply *a = xcalloc(1, sizeof *a);
    struct xds_outcome nobody = { 0 };
    *a = (struct apply){ .call = c, .answer = answer };
    if (!str_u64(call_query(c, "timeoutMs"), &timeout)) timeout = TIMEOUT_MS;
    if (epoch == 0) return finish(a, &nobody);
    c->user = a;
    c->gone = peer_gone;
    struct xds_wait *w = xds_server_wait(controller_xds(ctl), epoch, MIN(timeout, (uint64_t)TIMEOUT_MS_MAX), clock_ms(), waited, a);
    if (w) a->wait = w; /* NULL: answered already, a is gone */
    controller_tick(ctl);
}

static json_t *refusal(struct manifests *m, const struct err *e)
{
    json_t *answer = json_pack("{s:[], s:o, s:o, s:[]}", "resources", "errors", findings_lines(&m->set.errors, "error"), "warnings",
                               findings_lines(&m->set.warnings, "warning"), "analysis");
    if (e) {
        struct buf b = { 0 };
        buf_printf(&b, "error: %s%s%s", e->what, e->hint[0] ? "; " : "", e->hint);
        json_array_append_new(json_object_get(answer, "errors"), findings_text(buf_str(&b)));
        buf_free(&b);
    }
    return answer;
}

void weft_apply(struct call *c)
{
    struct manifests m;
    struct batch b = { 0 };
    struct err e = { 0 };
    if (!manifests_read(c, &m)) return;
    const struct world *w = controller_world(c->ctl);
    manifests_check_namespaces(&m, w);
    json_t *lines = plan(c->ctl, &m, w, &b);
    if (errs_count(&m.set.errors)) {
        findings_answer(c, 422, refusal(&m, NULL));
        json_decref(lines);
        batch_free(&b);
        return manifests_free(&m);
    }
    json_t *analysis = findings_analysis(&m, w);
    bool dry = str_eqc(call_query(c, "dryRun"), "All");
    int r = dry ? 0 : call_commit(c, &b, &e);
    json_t *answer = r < 0 ? refusal(&m, &e)
                           : json_pack("{s:O, s:[], s:o, s:O}", "resources", lines, "errors", "warnings",
                                       findings_lines(&m.set.warnings, "warning"), "analysis", analysis);
    json_decref(lines);
    json_decref(analysis);
    batch_free(&b);
    manifests_free(&m);
    if (r < 0) {
        log_error("apply: %s", e.what);
        findings_answer(c, r == -E2BIG || r == -EINVAL || r == -EPERM || r == -EBUSY ? 422 : 500, answer);
    } else if (dry) {
        struct xds_outcome nobody = { 0 };
        json_object_set_new(answer, "proxies", proxies_json(controller_world(c->ctl), &nobody));
        findings_answer(c, 200, answer);
    } else {
        wait_for_proxies(c, answer);
    }
}
