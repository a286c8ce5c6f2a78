/* Names of fields in JSON, from the names in the .proto files, and the layout of generated structs. */
#include "pb/internal.h"

bool pb_is_k8s(const ProtobufCMessageDescriptor *d) { return strncmp(d->package_name, "k8s.io.", 7) == 0; }

/* Kubernetes writes these words in capitals, except at the start of a name. */
static const struct {
    const char *word, *json;
} k8s_words[] = {
    { "ip", "IP" },   { "ips", "IPs" },   { "id", "ID" },   { "pid", "PID" },
    { "ipc", "IPC" }, { "fqdn", "FQDN" }, { "api", "API" }, { "io", "IO" },
};

static const char *k8s_word(const char *w, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(k8s_words); i++)
        if (strlen(k8s_words[i].word) == n && memcmp(k8s_words[i].word, w, n) == 0) return k8s_words[i].json;
    return NULL;
}

char *pb_json_name(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f, char *buf)
{
    bool k8s = pb_is_k8s(d);
    size_t o = 0;
    for (const char *p = f->name; *p && o < PB_NAME_MAX - 1;) {
        size_t n = strcspn(p, "_");
        const char *word = k8s && p != f->name ? k8s_word(p, n) : NULL;
        for (size_t i = 0; i < n && o < PB_NAME_MAX - 1; i++) buf[o++] = word ? word[i] : p[i];
        if (!word && p != f->name && o >= n && p[0] >= 'a' && p[0] <= 'z') buf[o - n] = (char)(p[0] - 32);
        p += n;
        while (*p == '_') p++;
    }
    buf[o] = 0;
    return buf;
}

const ProtobufCFieldDescriptor *pb_field(const ProtobufCMessageDescriptor *d, struct str name, bool camel_only)
{
    char buf[PB_NAME_MAX];
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        if (name.n == 0 || f->name[0] != name.p[0]) continue;
        if (str_eqc(name, pb_json_name(d, f, buf)) || (!camel_only && str_eqc(name, f->name))) return f;
    }
    return NULL;
}

/* protoc makes message Parent.FieldNameEntry { key = 1; value = 2; } for map<> fields. */
const ProtobufCMessageDescriptor *pb_map_entry(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
    if (f->label != PROTOBUF_C_LABEL_REPEATED || f->type != PROTOBUF_C_TYPE_MESSAGE) return NULL;
    const ProtobufCMessageDescriptor *e = f->descriptor;
    size_t n = strlen(d->name), en = strlen(e->name);
    if (e->n_fields != 2 || e->fields[0].id != 1 || e->fields[1].id != 2 || strcmp(e->fields[0].name, "key") != 0 ||
        strcmp(e->fields[1].name, "value") != 0)
        return NULL;
    return en > n + 6 && memcmp(e->name, d->name, n) == 0 && e->name[n] == '.' && strcmp(e->name + en - 5, "Entry") == 0 ? e : NULL;
}

size_t pb_element_size(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return 4;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return 8;
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM: return sizeof(int);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    }
    return 0;
}

bool pb_is_set(const void *msg, const ProtobufCFieldDescriptor *f)
{
    if (f->label == PROTOBUF_C_LABEL_REPEATED) return *(size_t *)pb_quant(msg, f) != 0;
    if (pb_in_oneof(f)) return *(uint32_t *)pb_quant(msg, f) == f->id;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE || f->type == PROTOBUF_C_TYPE_STRING) {
        const void *p = *(void **)pb_slot(msg, f);
        return p && p != f->default_value;
    }
    if (f->label == PROTOBUF_C_LABEL_REQUIRED || f->quantifier_offset == 0) return true;
    return *(protobuf_c_boolean *)pb_quant(msg, f) != 0;
}
