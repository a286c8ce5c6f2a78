/* Resources: making, sharing, printing. Reading them from text is read.c. */
#include "config/internal.h"

#include "base/hash.h"
#include "config/labels.h"

struct resource *resource_alloc(void)
{
    struct resource *r = xcalloc(1, sizeof *r);
    atomic_init(&r->refs, 1);
    arena_init(&r->arena, 1024, 0);
    r->ns = r->name = r->uid = r->version = r->api_version = "";
    r->at.file = "";
    return r;
}

/* The metadata of any kind is field 1 of its message. */
static ObjectMeta **meta_slot(ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f = &m->descriptor->fields[0];
    must(f->id == 1 && strcmp(f->name, "metadata") == 0);
    return (ObjectMeta **)(void *)((char *)m + f->offset);
}

/* Specs are never NULL: whoever reads a resource may follow them. */
static void fill_spec(struct resource *r)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(r->msg->descriptor, "spec");
    if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE) return;
    ProtobufCMessage **spec = (void *)((char *)r->msg + f->offset);
    if (!*spec) *spec = pb_new(f->descriptor, &r->arena);
}

void resource_index(struct resource *r, ProtobufCMessage *msg)
{
    r->msg = msg;
    ObjectMeta **meta = meta_slot(msg);
    if (!*meta) *meta = (ObjectMeta *)pb_new(&k8s__io__apimachinery__pkg__apis__meta__v1__object_meta__descriptor, &r->arena);
    ObjectMeta *m = r->meta = *meta;
    fill_spec(r);
    r->name = m->name ? m->name : "";
    r->ns = m->namespace_ && r->kind->namespaced ? m->namespace_ : "";
    r->uid = m->uid ? m->uid : "";
    r->version = m->resource_version ? m->resource_version : "";
    r->generation = m->generation;
    if (m->creation_timestamp) r->created_ms = m->creation_timestamp->seconds * 1000 + m->creation_timestamp->nanos / 1000000;
}

struct resource *resource_make(enum kind_id kind, const ProtobufCMessage *msg, const char *api_version)
{
    struct resource *r = resource_alloc();
    char buf[80];
    r->kind = kind_of(kind);
    must(msg->descriptor == r->kind->desc);
    if (!api_version) api_version = kind_api_version(r->kind, buf, sizeof buf);
    r->api_version = arena_strndup(&r->arena, api_version, strlen(api_version));
    resource_index(r, pb_copy(msg, &r->arena));
    return r;
}

struct resource *resource_ref(const struct resource *r)
{
    struct resource *m = (struct resource *)(uintptr_t)r;
    if (m) atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void resource_unref(const struct resource *r)
{
    struct resource *m = (struct resource *)(uintptr_t)r;
    if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1) return;
    if (m->pos) {
        pb_positions_free(m->pos);
        free(m->pos);
    }
    arena_free(&m->arena);
    free(m);
}

const char *labels_get(const ObjectMeta *m, const char *key) { return entries_get(STRING_ENTRIES(m->labels), m->n_labels, key); }
const char *resource_label(const struct resource *r, const char *key) { return labels_get(r->meta, key); }
const char *resource_annotation(const struct resource *r, const char *key)
{
    return entries_get(STRING_ENTRIES(r->meta->annotations), r->meta->n_annotations, key);
}

struct node *resource_to_tree(const struct resource *r, const char *api_version, struct arena *a)
{
    struct node *n = tree_new(a, NODE_MAP), *body = pb_to_tree(r->msg, NULL, a);
    tree_add(a, n, STR("apiVersion"), tree_string(a, str_of(api_version ? api_version : r->api_version)));
    tree_add(a, n, STR("kind"), tree_string(a, str_of(r->kind->kind)));
    tree_sort(body);
    for (size_t i = 0; i < body->n; i++) tree_add(a, n, body->pairs[i].key, body->pairs[i].value);
    return n;
}

void resource_to_json(const struct resource *r, const char *api_version, unsigned indent, struct buf *out)
{
    struct arena a;
    arena_init(&a, 4096, 0);
    tree_json(resource_to_tree(r, api_version, &a), indent, out);
    arena_free(&a);
}

void resource_to_yaml(const struct resource *r, const char *api_version, struct buf *out)
{
    struct arena a;
    arena_init(&a, 4096, 0);
    tree_yaml(resource_to_tree(r, api_version, &a), out);
    arena_free(&a);
}

uint64_t resource_spec_hash(const struct resource *r)
{
    static const char *const not_a_persons[] = { "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink" };
    struct arena a;
    struct buf out = { 0 };
    arena_init(&a, 4096, 0);
    struct node *n = resource_to_tree(r, NULL, &a), *meta = tree_get(n, "metadata");
    tree_remove(n, "status");
    tree_remove(n, "apiVersion");
    for (size_t i = 0; meta && i < ARRAY_LEN(not_a_persons); i++) tree_remove(meta, not_a_persons[i]);
    tree_json(n, 0, &out);
    uint64_t h = hash_str(buf_str(&out));
    buf_free(&out);
    arena_free(&a);
    return h;
}

char *resource_title(const struct resource *r, char *buf, size_t n)
{
    snprintf(buf, n, "%s %s%s%s", r->kind->kind, r->ns, r->ns[0] ? "/" : "", r->name);
    return buf;
}
