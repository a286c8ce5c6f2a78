/* What a change of Traffic would do, before anybody applies it: in words, in requests per second, as a difference of YAML, and what speaks
 * against it. */
#include "api/platform/traffic.h"

#include "api/platform/diff.h"
#include "api/platform/engine.h"
#include "api/platform/figures.h"
#include "api/platform/sentence.h"
#include "translate/overlay.h"

#include <math.h>

/* Requests per second now, and after the weights moved: what a rule sends to a version stays where it is. */
static json_t *effect(struct edit *e)
{
    json_t *out = json_array();
    const struct versions *v = &e->now;
    const TrafficSpec *after = e->removes ? NULL : model_traffic(e->after);
    struct figures *each = arena_array(e->q->arena, struct figures, v->n + 1), all;
    figures_of(engine_series(platform_engine(e->q->p)), v, 60, each, &all);
    double total = figures_rate(&all);
    for (size_t i = 0; i < v->n; i++) {
        double now = figures_rate(&each[i]), weight = after ? versions_weight(after, v->v[i].name) : NAN;
        double then = isnan(now) || isnan(weight) ? NAN : now + total * (weight - v->v[i].ordered) / 100;
        json_array_append_new(out, json_pack("{s:s, s:o, s:o, s:o, s:o}", "version", v->v[i].name, "now", model_real(now), "after",
                                             model_real(then < 0 ? 0 : then), "orderedNow", model_real(v->v[i].ordered), "orderedAfter",
                                             model_real(weight)));
    }
    return out;
}

static void touch_view(struct edit *e, const struct overlay_view *v, json_t *out)
{
    for (size_t i = 0; i < v->n_http; i++) {
        const struct overlay_origin *o = &v->http[i];
        if (o->kind != OVERLAY_PINNED || !o->host || strcmp(o->host, e->now.host) != 0 || !v->vs) continue;
        const VirtualService *vs = as_virtual_service(v->vs)->spec;
        const char *name = o->route >= 0 && (size_t)o->route < vs->n_http && vs->http[o->route]->name ? vs->http[o->route]->name : NULL;
        json_array_append_new(out, name ? json_sprintf("VirtualService %s/%s: route %s stays pinned", v->vs->ns, v->vs->name, name)
                                        : json_sprintf("VirtualService %s/%s: route %d stays pinned", v->vs->ns, v->vs->name, o->route));
    }
}

/* The routes of people that stand beside it. */
static json_t *touches(struct edit *e)
{
    json_t *out = json_array();
    if (!e->after) return out;
    struct resource *put[] = { e->after };
    struct world *next = world_put(e->w, put, 1);
    struct overlay *o = overlay_new(next, NULL);
    for (size_t i = 0; i < o->n_views; i++) touch_view(e, &o->views[i], out);
    overlay_free(o);
    world_unref(next);
    return out;
}

json_t *edit_preview(struct edit *e)
{
    json_t *facts = json_array(), *sentences = json_array();
    struct buf text = { 0 };
    bool wrong = json_array_size(e->errors) > 0;
    /* Beside nothing, what would be said is compared with what is so now. */
    const TrafficSpec *before = e->now.spec ? e->now.spec : versions_traffic(&e->now, e->q->arena);
    if (!wrong) sentence_change(e->removes && !e->before ? NULL : before, model_traffic(e->after), facts, sentences);
    sentence_join(sentences, &text);
    json_t *j =
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "sentence", json_stringn(text.p ? buf_data(&text) : "", text.len), "sentences", sentences,
                  "facts", facts, "effect", effect(e), "diff", wrong ? json_array() : diff_manifests(e->before, e->after));
    json_object_set(j, "errors", e->errors);
    json_object_set(j, "warnings", e->warnings);
    json_object_set(j, "guardRails", e->guards);
    json_object_set_new(j, "touches", touches(e));
    json_object_set_new(j, "spec", model_json(e->after ? &model_traffic(e->after)->base : NULL));
    buf_free(&text);
    return j;
}
