#include "proxy/identity.h"

#include "envoy.config.core.v3.pb-c.h"
#include "google.protobuf.pb-c.h"

typedef Google__Protobuf__Struct Struct;

static const Google__Protobuf__Value *field(const Struct *s, const char *name)
{
    for (size_t i = 0; s && i < s->n_fields; i++)
        if (s->fields[i]->key && strcmp(s->fields[i]->key, name) == 0) return s->fields[i]->value;
    return NULL;
}
static struct str text(const Struct *s, const char *name)
{
    const Google__Protobuf__Value *v = field(s, name);
    return v && v->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE ? str_of(v->string_value) : STR("");
}
static const Struct *object(const Struct *s, const char *name)
{
    const Google__Protobuf__Value *v = field(s, name);
    return v && v->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE ? v->struct_value : NULL;
}
static struct str first(struct str a, struct str b) { return a.n ? a : b; }

void identity_from(const struct bootstrap *b, struct identity *ret)
{
    const Envoy__Config__Core__V3__Node *n = b->node;
    const Struct *m = n->metadata, *labels = object(m, "LABELS");
    *ret = (struct identity){ .id = str_of(n->id), .cluster = str_of(n->cluster) };
    ret->workload = text(m, "WORKLOAD_NAME");
    ret->namespace = text(m, "NAMESPACE");
    ret->app = text(labels, "app");
    ret->version = text(labels, "version");
    ret->canonical_name = first(text(labels, "service.istio.io/canonical-name"),
                                first(text(labels, "app.kubernetes.io/name"), first(ret->app, ret->workload)));
    ret->canonical_revision = first(text(labels, "service.istio.io/canonical-revision"),
                                    first(text(labels, "app.kubernetes.io/version"), first(ret->version, STR("latest"))));
    ret->mesh_cluster = text(m, "CLUSTER_ID");
    ret->listeners_by_xds = b->lds;
    ret->gateway = str_starts(ret->id, STR("router~"));
}
