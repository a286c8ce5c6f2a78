/* Message -> tree (and so JSON and YAML text). */
#include "pb/internal.h"

struct node *enc_double(struct arena *a, double v)
{
    if (v != v) return tree_string(a, STR("NaN"));
    if (v > 1.7976931348623157e308) return tree_string(a, STR("Infinity"));
    if (v < -1.7976931348623157e308) return tree_string(a, STR("-Infinity"));
    if (v == (double)(int64_t)v && v < 1e15 && v > -1e15) return tree_number(a, "%" PRId64, (int64_t)v);
    char buf[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, v);
        if (strtod(buf, NULL) == v) break;
    }
    return tree_number(a, "%s", buf);
}

/* The shortest text that reads back as the same float. */
static struct node *enc_float(struct arena *a, float v)
{
    char buf[40];
    if (v != v || v > 3.4e38f || v < -3.4e38f) return enc_double(a, (double)v);
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, (double)v);
        if (strtof(buf, NULL) == v) break;
    }
    return tree_number(a, "%s", buf);
}

static struct node *enc_enum(struct pb_enc *e, const ProtobufCEnumDescriptor *ed, int v)
{
    if (!e->f->enum_numbers)
        for (unsigned i = 0; i < ed->n_values; i++)
            if (ed->values[i].value == v) return tree_string(e->a, str_of(ed->values[i].name));
    return tree_number(e->a, "%d", v);
}

/* 64-bit numbers are strings in protobuf's JSON, numbers in Kubernetes'. */
static struct node *enc_int64(struct pb_enc *e, const ProtobufCMessageDescriptor *d, const char *text)
{
    return pb_is_k8s(d) ? tree_number(e->a, "%s", text) : tree_string(e->a, arena_str(e->a, str_of(text)));
}

struct node *enc_scalar(struct pb_enc *e, const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f, const void *slot)
{
    char buf[32];
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32: return tree_number(e->a, "%" PRId32, *(const int32_t *)slot);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32: return tree_number(e->a, "%" PRIu32, *(const uint32_t *)slot);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64: snprintf(buf, sizeof buf, "%" PRId64, *(const int64_t *)slot); return enc_int64(e, d, buf);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: snprintf(buf, sizeof buf, "%" PRIu64, *(const uint64_t *)slot); return enc_int64(e, d, buf);
    case PROTOBUF_C_TYPE_FLOAT: return enc_float(e->a, *(const float *)slot);
    case PROTOBUF_C_TYPE_DOUBLE: return enc_double(e->a, *(const double *)slot);
    case PROTOBUF_C_TYPE_BOOL: return tree_bool(e->a, *(const protobuf_c_boolean *)slot);
    case PROTOBUF_C_TYPE_ENUM: return enc_enum(e, f->descriptor, *(const int *)slot);
    case PROTOBUF_C_TYPE_STRING: return tree_string(e->a, str_of(*(char *const *)slot));
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *b = slot;
        return tree_string(e->a, str_of(base64_encode(e->a, b->data, b->len)));
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *m = *(ProtobufCMessage *const *)slot;
        return m ? enc_message(e, m) : tree_new(e->a, NODE_MAP);
    }
    }
    return tree_new(e->a, NODE_NULL);
}

static struct str map_key_text(struct pb_enc *e, const ProtobufCMessage *entry)
{
    const ProtobufCFieldDescriptor *f = &entry->descriptor->fields[0];
    if (f->type == PROTOBUF_C_TYPE_STRING) return str_of(*(char **)pb_slot(entry, f));
    return enc_scalar(e, entry->descriptor, f, pb_slot(entry, f))->text;
}

static struct node *enc_map(struct pb_enc *e, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    struct node *n = tree_new(e->a, NODE_MAP);
    ProtobufCMessage *const *entries = *(ProtobufCMessage ***)pb_slot(m, f);
    size_t count = *(size_t *)pb_quant(m, f);
    for (size_t i = 0; i < count; i++) {
        const ProtobufCFieldDescriptor *vf = &entries[i]->descriptor->fields[1];
        tree_add(e->a, n, map_key_text(e, entries[i]), enc_scalar(e, m->descriptor, vf, pb_slot(entries[i], vf)));
    }
    return n;
}

static struct node *enc_list(struct pb_enc *e, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    struct node *n = tree_new(e->a, NODE_SEQ);
    const char *array = *(char **)pb_slot(m, f);
    size_t count = *(size_t *)pb_quant(m, f), size = pb_element_size(f);
    for (size_t i = 0; i < count; i++) tree_push(e->a, n, enc_scalar(e, m->descriptor, f, array + i * size));
    return n;
}

static struct node *enc_field(struct pb_enc *e, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (e->f->redact && e->f->redact(m->descriptor, f)) return tree_string(e->a, STR("[redacted]"));
    if (pb_map_entry(m->descriptor, f)) return enc_map(e, m, f);
    if (f->label == PROTOBUF_C_LABEL_REPEATED) return enc_list(e, m, f);
    return enc_scalar(e, m->descriptor, f, pb_slot(m, f));
}

struct node *enc_message(struct pb_enc *e, const ProtobufCMessage *m)
{
    const struct pb_special *s = pb_special(m->descriptor);
    if (s) return s->encode(e, m);
    struct node *n = tree_new(e->a, NODE_MAP);
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        if (!pb_is_set(m, f)) continue;
        char buf[PB_NAME_MAX];
        struct str name = e->f->snake ? str_of(f->name) : arena_str(e->a, str_of(pb_json_name(m->descriptor, f, buf)));
        tree_add(e->a, n, name, enc_field(e, m, f));
    }
    return n;
}

struct node *pb_to_tree(const ProtobufCMessage *m, const struct pb_format *f, struct arena *a)
{
    static const struct pb_format plain;
    struct pb_enc e = { f ? f : &plain, a };
    return enc_message(&e, m);
}

void pb_to_json(const ProtobufCMessage *m, const struct pb_format *f, unsigned indent, struct buf *out)
{
    struct arena a;
    arena_init(&a, 4096, 0);
    tree_json(pb_to_tree(m, f, &a), indent, out);
    arena_free(&a);
}

void pb_to_yaml(const ProtobufCMessage *m, const struct pb_format *f, struct buf *out)
{
    struct arena a;
    arena_init(&a, 4096, 0);
    tree_yaml(pb_to_tree(m, f, &a), out);
    arena_free(&a);
}
