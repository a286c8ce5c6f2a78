/* Resource <-> text in the store, and the stamps that the store adds. */
#include "api/object.h"
#include "base/clock.h"
#include "config/read.h"

static struct str names[KIND__N];

struct str object_kind_name(const struct kind *k)
{
    struct str *s = &names[k->id];
    if (!s->p) *s = str_of(k->group[0] ? xasprintf("%s.%s", k->plural, k->group) : xstrdup(k->plural));
    return *s;
}

const struct kind *object_kind(struct str name)
{
    struct str group = name, plural = str_cut(&group, '.');
    return kind_by_plural(group.p ? group : STR(""), plural);
}

/* Kept by the store beside the text, or not kept at all. */
static const char *const not_stored[] = { "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink" };

/* Behind apiVersion and kind, where object_write looks for it: the fields of ConfigMaps and Secrets would stand before it. */
static void metadata_first(struct node *tree)
{
    size_t i = 0;
    while (i < tree->n && !str_eqc(tree->pairs[i].key, "metadata")) i++;
    if (i == tree->n || i < 2) return;
    struct node_pair meta = tree->pairs[i];
    memmove(&tree->pairs[3], &tree->pairs[2], (i - 2) * sizeof *tree->pairs);
    tree->pairs[2] = meta;
}

int object_text(const struct resource *r, struct buf *out, struct err *e)
{
    struct arena a;
    size_t before = out->len;
    arena_init(&a, 8192, 0);
    struct node *tree = resource_to_tree(r, NULL, &a), *meta = tree_get(tree, "metadata");
    for (size_t i = 0; meta && i < ARRAY_LEN(not_stored); i++) tree_remove(meta, not_stored[i]);
    metadata_first(tree);
    tree_json(tree, 0, out);
    arena_free(&a);
    if (out->len - before <= TREE_DOC_MAX - 1024) return 0; /* room for the stamps */
    char title[400];
    return err_set(e, -E2BIG, "%s is larger than 1 MiB", resource_title(r, title, sizeof title));
}

static void put(struct arena *a, struct node *meta, const char *key, const char *text)
{
    tree_remove(meta, key);
    tree_add(a, meta, str_of(key), tree_string(a, str_of(text)));
}

struct resource *object_read(const struct store_object *o, struct err *e)
{
    struct arena a;
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    struct config_options opt = { .no_defaults = true, .no_checks = true };
    struct resource *r = NULL;
    char time[40], version[24];
    arena_init(&a, 8192, 0);
    if (tree_read_json(o->json, "<store>", &a, &docs, &errs) == 0 && docs.n == 1 && tree_get(docs.v[0], "metadata")) {
        struct node *meta = tree_get(docs.v[0], "metadata");
        snprintf(version, sizeof version, "%" PRIu64, o->version);
        put(&a, meta, "uid", o->uid);
        put(&a, meta, "resourceVersion", version);
        put(&a, meta, "creationTimestamp", clock_rfc3339(o->created_ms, time, sizeof time));
        tree_remove(meta, "generation");
        tree_add(&a, meta, STR("generation"), tree_number(&a, "%" PRId64, o->generation));
        r = config_read_tree(docs.v[0], "<store>", &opt, &errs, NULL);
    }
    if (!r)
        err_set(e, -EBADMSG, "%.*s %.*s/%.*s in the store cannot be read: %s", STR_ARG(o->kind), STR_ARG(o->ns), STR_ARG(o->name),
                errs.n ? errs.v[0].what : "no object");
    vec_free(&docs);
    errs_free(&errs);
    arena_free(&a);
    return r;
}

ProtobufCMessage **object_part(ProtobufCMessage *msg, const char *name)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(msg->descriptor, name);
    if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE || f->label == PROTOBUF_C_LABEL_REPEATED) return NULL;
    return (ProtobufCMessage **)(void *)((char *)msg + f->offset);
}

struct object_shell object_shell(const struct resource *r, struct arena *a)
{
    struct object_shell s = { arena_alloc(a, r->msg->descriptor->sizeof_message), arena_new(a, ObjectMeta) };
    memcpy(s.msg, r->msg, r->msg->descriptor->sizeof_message);
    *s.meta = *r->meta;
    *object_part(s.msg, "metadata") = &s.meta->base;
    return s;
}

K8sTime object_time(int64_t wall_ms)
{
    K8sTime t = K8S__IO__APIMACHINERY__PKG__APIS__META__V1__TIME__INIT;
    t.has_seconds = true;
    t.seconds = wall_ms / 1000;
    return t;
}

struct resource *object_stamp(const struct resource *r, const struct store_object *o)
{
    struct arena a;
    arena_init(&a, 2048, 0);
    struct object_shell s = object_shell(r, &a);
    K8sTime created = object_time(o->created_ms);
    s.meta->uid = (char *)o->uid;
    s.meta->resource_version = arena_printf(&a, "%" PRIu64, o->version);
    s.meta->has_generation = true;
    s.meta->generation = o->generation;
    s.meta->creation_timestamp = &created;
    s.meta->n_managed_fields = 0;
    struct resource *stamped = resource_make(r->kind->id, s.msg, r->api_version);
    arena_free(&a);
    return stamped;
}

void object_write(struct buf *out, const struct store_object *o, const char *api_version, uint64_t version)
{
    static const struct str key = STR_INIT("\"metadata\":{");
    ssize_t at = str_find(o->json, key); /* what stands before it are apiVersion and kind, which cannot hold it */
    char time[40];
    if (oops(at < 0)) return;
    const struct kind *k = object_kind(o->kind);
    if (api_version && k)
        buf_printf(out, "{\"apiVersion\":\"%s\",\"kind\":\"%s\",", api_version, k->kind);
    else
        buf_append(out, o->json.p, (size_t)at);
    buf_printf(out,
               "\"metadata\":{\"uid\":\"%s\",\"resourceVersion\":\"%" PRIu64 "\",\"generation\":%" PRId64 ",\"creationTimestamp\":\"%s\",",
               o->uid, version ? version : o->version, o->generation, clock_rfc3339(o->created_ms, time, sizeof time));
    buf_str_append(out, str_skip(o->json, (size_t)at + key.n));
}
