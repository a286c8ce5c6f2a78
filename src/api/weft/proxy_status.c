/* GET /weft/v1/proxy-status: every connected proxy and what it acknowledged. */
#include "api/handlers.h"
#include "api/weft/findings.h"
#include "base/clock.h"

static json_t *time_of(int64_t wall_ms)
{
    char text[40];
    return wall_ms ? json_string(clock_rfc3339(wall_ms, text, sizeof text)) : json_null();
}

static void add_proxy(void *arg, const struct xds_proxy_status *p)
{
    json_t *types = json_object(), *proxy = json_object();
    for (int t = 0; t < XDS__N; t++) {
        const struct xds_type_status *s = &p->type[t];
        if (!s->subscribed) continue;
        json_t *j = json_pack("{s:s, s:o, s:o, s:i}", "state", xds_sync_names[s->state], "version", findings_text(str_of(s->version)),
                              "ackedAt", time_of(s->acked_wall_ms), "resources", (int)s->resources);
        if (s->nack && s->nack[0]) json_object_set_new(j, "error", findings_text(str_of(s->nack)));
        json_object_set_new(types, xds_types[t].name, j);
    }
    json_object_set_new(proxy, "node", findings_text(str_of(p->node)));
    json_object_set_new(proxy, "client", findings_text(str_of(p->user_agent)));
    json_object_set_new(proxy, "connectedAt", time_of(p->since_wall_ms));
    json_object_set_new(proxy, "types", types);
    json_array_append_new(arg, proxy);
}

void weft_proxy_status(struct call *c)
{
    json_t *list = json_array();
    xds_server_status(controller_xds(c->ctl), add_proxy, list);
    findings_answer(c, 200, json_pack("{s:o}", "proxies", list));
}
