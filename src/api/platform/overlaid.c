#include "api/platform/overlaid.h"

#include "config/types.h"
#include "workload/workload.h"

/* One per process is enough: there is one platform. The world is held, so its address is not used again. */
static struct {
    const struct world *world, *counted;
    struct overlay *o;
    size_t proxies;
} kept;

static bool same(const struct world *a, const struct world *b)
{
    static const enum kind_id kinds[] = { KIND_TRAFFIC, KIND_VIRTUAL_SERVICE, KIND_DESTINATION_RULE, KIND_SERVICE };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (!world_same(a, b, kinds[i])) return false;
    return true;
}

const struct overlay *overlaid(struct platform *p)
{
    const struct world *now = platform_world(p);
    if (kept.o && (kept.world == now || same(kept.world, now))) return kept.o;
    overlay_free(kept.o);
    world_unref(kept.world);
    kept.world = world_ref(now);
    kept.o = overlay_new(now, NULL);
    return kept.o;
}

static bool has_proxy(const struct resource *pod)
{
    const char *inject = labels_get(pod->meta, "sidecar.istio.io/inject");
    if (!inject) inject = resource_annotation(pod, "sidecar.istio.io/inject");
    return workload_pod_active(pod) && !(inject && strcmp(inject, "false") == 0);
}

size_t overlaid_proxies(struct platform *p)
{
    const struct world *now = platform_world(p);
    if (kept.counted && (kept.counted == now || world_same(kept.counted, now, KIND_POD))) return kept.proxies;
    struct resource_list l = world_list(now, KIND_POD);
    kept.proxies = 0;
    for (size_t i = 0; i < l.n; i++) kept.proxies += has_proxy(l.v[i]);
    world_unref(kept.counted);
    kept.counted = world_ref(now);
    return kept.proxies;
}

void overlaid_forget(void)
{
    overlay_free(kept.o);
    world_unref(kept.world);
    world_unref(kept.counted);
    memset(&kept, 0, sizeof kept);
}
