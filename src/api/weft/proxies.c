#include "api/weft/proxies.h"
#include "api/weft/findings.h"
#include "config/types.h"
#include "translate/translate.h"

/* A pod that ends, or has ended meanwhile: nobody waits for its acknowledgement. */
static bool ending(const struct world *w, const char *node)
{
    struct tr_node n;
    struct tr_node_claim claim = { .id = str_of(node) };
    if (tr_node_init(&n, &claim, NULL) < 0 || !n.pod[0]) return false;
    const struct resource *pod = world_get(w, KIND_POD, n.ns, n.pod);
    return !pod || pod->meta->deletion_timestamp;
}

json_t *proxies_json(const struct world *w, const struct xds_outcome *o)
{
    json_t *missing = json_array(), *refused = json_array();
    unsigned of = o->of;
    for (unsigned i = 0; i < o->n_missing; i++) {
        if (ending(w, o->missing[i]))
            of--;
        else
            json_array_append_new(missing, findings_text(str_of(o->missing[i])));
    }
    for (unsigned i = 0; i < o->n_refused; i++) {
        json_t *r = json_object();
        json_object_set_new(r, "node", findings_text(str_of(o->refused[i].node)));
        json_object_set_new(r, "type", findings_text(str_of(o->refused[i].type)));
        json_object_set_new(r, "why", findings_text(str_of(o->refused[i].why)));
        json_array_append_new(refused, r);
    }
    return json_pack("{s:i, s:i, s:I, s:o, s:o}", "acked", (int)o->acked, "of", (int)of, "ms", (json_int_t)o->ms, "missing", missing,
                     "refused", refused);
}
