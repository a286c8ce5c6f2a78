/* What the server serves: /version, /api, /apis and below, from the table of kinds. Enough for kubectl's discovery. */
#include "api/handlers.h"
#include "api/resources/status.h"
#include "api/resources/target.h"

/* Kubernetes' minor version whose dialect this is; kubectl warns when it is far from its own. */
void discovery_version(struct call *c)
{
    static const char text[] =
        "{\"major\":\"1\",\"minor\":\"31\",\"gitVersion\":\"v1.31.0+weft\",\"gitCommit\":\"\",\"gitTreeState\":\"clean\",\"buildDate\":\"1970-01-01T00:00:00Z\","
        "\"goVersion\":\"none\",\"compiler\":\"cc\",\"platform\":\"linux\"}\n";
    call_respond(c, 200, "application/json", str_of(text));
}

void discovery_core(struct call *c)
{
    call_respond(c, 200, "application/json", STR("{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":[]}\n"));
}

/* All versions that a group's kinds are served in, the preferred of the first kind first. */
static size_t versions_of(struct str group, const char *out[16])
{
    size_t n = 0;
    for (int i = 0; i < KIND__N; i++) {
        const struct kind *k = kind_of((enum kind_id)i);
        for (size_t v = 0; str_eqc(group, k->group) && v < ARRAY_LEN(k->versions) && k->versions[v]; v++) {
            bool known = n == 16;
            for (size_t j = 0; j < n; j++) known = known || strcmp(out[j], k->versions[v]) == 0;
            if (!known) out[n++] = k->versions[v];
        }
    }
    return n;
}

static bool group_write(struct buf *b, struct str group, bool with_type)
{
    const char *versions[16];
    size_t n = versions_of(group, versions);
    if (!n || !group.n) return false;
    buf_printf(b, "{%s\"name\":\"%.*s\",\"versions\":[", with_type ? "\"kind\":\"APIGroup\",\"apiVersion\":\"v1\"," : "", STR_ARG(group));
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "%s{\"groupVersion\":\"%.*s/%s\",\"version\":\"%s\"}", i ? "," : "", STR_ARG(group), versions[i], versions[i]);
    buf_printf(b, "],\"preferredVersion\":{\"groupVersion\":\"%.*s/%s\",\"version\":\"%s\"}}", STR_ARG(group), versions[0], versions[0]);
    return true;
}

void discovery_groups(struct call *c)
{
    struct buf b = { 0 };
    const char *seen = "";
    buf_puts(&b, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
    size_t begin = b.len;
    for (int i = 0; i < KIND__N; i++) {
        const char *group = kind_of((enum kind_id)i)->group;
        bool first = group[0] && strcmp(group, seen) != 0;
        for (int j = 0; j < i && first; j++) first = strcmp(kind_of((enum kind_id)j)->group, group) != 0;
        if (!first) continue;
        if (b.len > begin) buf_puts(&b, ",");
        group_write(&b, str_of(group), false);
        seen = group;
    }
    buf_puts(&b, "]}\n");
    call_json(c, 200, &b);
}

void discovery_group(struct call *c, struct str group)
{
    struct buf b = { 0 };
    if (group_write(&b, group, true)) return call_json(c, 200, &b);
    status_unknown_path(c);
}

static void kind_write(struct buf *b, const struct kind *k, bool first)
{
    static const char verbs[] = "[\"create\",\"delete\",\"deletecollection\",\"get\",\"list\",\"patch\",\"update\",\"watch\"]";
    const char *yes = k->namespaced ? "true" : "false";
    buf_printf(b, "%s{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\",\"verbs\":%s", first ? "" : ",", k->plural,
               k->singular, yes, k->kind, verbs);
    for (size_t i = 0; i < ARRAY_LEN(k->shorts) && k->shorts[i]; i++)
        buf_printf(b, "%s\"%s\"", i ? "," : ",\"shortNames\":[", k->shorts[i]);
    buf_printf(b, "%s},", k->shorts[0] ? "]" : "");
    buf_printf(b,
               "{\"name\":\"%s/status\",\"singularName\":\"\",\"namespaced\":%s,\"kind\":\"%s\",\"verbs\":[\"get\",\"patch\",\"update\"]}",
               k->plural, yes, k->kind);
    if (k->id == KIND_DEPLOYMENT || k->id == KIND_REPLICA_SET)
        buf_printf(
            b,
            ",{\"name\":\"%s/scale\",\"singularName\":\"\",\"namespaced\":true,\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\",\"verbs\":[\"get\",\"patch\",\"update\"]}",
            k->plural);
}

void discovery_resources(struct call *c, struct str group, struct str version)
{
    struct buf b = { 0 };
    bool any = false;
    buf_printf(&b, "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%.*s%s%.*s\",\"resources\":[",
               STR_ARG(str_first(group, 200)), group.n ? "/" : "", STR_ARG(str_first(version, 40)));
    for (int i = 0; i < KIND__N; i++) {
        const struct kind *k = kind_of((enum kind_id)i);
        if (!str_eqc(group, k->group) || !kind_serves(k, version)) continue;
        kind_write(&b, k, !any);
        any = true;
    }
    buf_puts(&b, "]}\n");
    if (any) return call_json(c, 200, &b);
    buf_free(&b);
    status_unknown_path(c);
}
