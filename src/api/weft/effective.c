/* GET /weft/v1/effective?kind=VirtualService|DestinationRule|Service&namespace=NS&name=NAME: the object as it is carried out, with where
 * each of its routes comes from (effective.h). Of a Service: every route that leads to it.
 *
 *   VirtualService, DestinationRule: {"object", "changed": by Traffic?, "routes", "problems"}
 *   Service: {"host", "traffic": {"namespace", "name"} or null, "routes", "problems"} */
#include "api/weft/effective.h"
#include "api/handlers.h"
#include "api/resources/status.h"
#include "api/weft/findings.h"

static json_t *object_json(const struct resource *r)
{
    struct buf b = { 0 };
    resource_to_json(r, NULL, 0, &b);
    json_t *j = json_loadb(buf_data(&b), b.len, 0, NULL);
    buf_free(&b);
    return j;
}

static void answer_object(struct call *c, const struct overlay *o, enum kind_id kind, const char *ns, const char *name)
{
    const struct resource *now = world_get(o->world, kind, ns, name), *old = world_get(controller_world(c->ctl), kind, ns, name);
    const struct overlay_view *v = kind == KIND_VIRTUAL_SERVICE ? overlay_view(o, ns, name) : NULL;
    if (!now) {
        findings_answer(c, 404, json_pack("{s:s}", "message", "there is no such object, written or made"));
        return;
    }
    findings_answer(c, 200,
                    json_pack("{s:o, s:b, s:o, s:o}", "object", object_json(now), "changed", now != old, "routes",
                              v ? effective_routes(v, NULL) : json_array(), "problems", effective_problems(o, NULL)));
}

static void answer_service(struct call *c, const struct overlay *o, const char *ns, const char *name)
{
    char host[400];
    const char *domain = controller_settings(c->ctl)->mesh.domain;
    snprintf(host, sizeof host, strchr(name, '.') ? "%s" : "%s.%s.svc.%s", name, ns, domain ? domain : "cluster.local");
    const struct resource *t = overlay_traffic(controller_world(c->ctl), domain, host);
    findings_answer(c, 200,
                    json_pack("{s:s, s:o, s:o, s:o}", "host", host, "traffic",
                              t ? json_pack("{s:s, s:s}", "namespace", t->ns, "name", t->name) : json_null(), "routes",
                              effective_host(o, host), "problems", effective_problems(o, host)));
}

void weft_effective(struct call *c)
{
    struct str ns = call_query(c, "namespace"), name = call_query(c, "name"), kind = call_query(c, "kind");
    const struct kind *k = kind_by_name(kind);
    char n[254], s[64];
    if (!name.n || name.n >= sizeof n || ns.n >= sizeof s || !k ||
        (k->id != KIND_SERVICE && k->id != KIND_VIRTUAL_SERVICE && k->id != KIND_DESTINATION_RULE)) {
        findings_answer(c, 400,
                        json_pack("{s:s}", "message", "asked for is kind=VirtualService, DestinationRule or Service, namespace and name"));
        return;
    }
    snprintf(n, sizeof n, "%.*s", STR_ARG(name));
    snprintf(s, sizeof s, "%.*s", ns.n ? (int)ns.n : 7, ns.n ? ns.p : "default");
    struct overlay *o = overlay_new(controller_world(c->ctl), controller_settings(c->ctl)->mesh.domain);
    if (k->id == KIND_SERVICE)
        answer_service(c, o, s, n);
    else
        answer_object(c, o, k->id, s, n);
    overlay_free(o);
}
