/* JSON Schema of shapes and of protobuf messages. */
#include "api/platform/shape.h"

#include <protobuf-c/protobuf-c.h>

/* ---- shapes ---- */

static json_t *words(const char *of)
{
    json_t *list = json_array();
    for (struct str rest = str_of(of); rest.p;) {
        struct str w = str_cut(&rest, '|');
        json_array_append_new(list, json_stringn(w.p, w.n));
    }
    return list;
}

static json_t *ref(const char *prefix, const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s%s", prefix, name));
}

static const char *last_part(const char *full)
{
    const char *dot = strrchr(full, '.');
    return dot ? dot + 1 : full;
}

static json_t *text_schema(const struct shape_field *f)
{
    json_t *s = json_pack("{s:s}", "type", "string");
    if (f->of) json_object_set_new(s, "enum", words(f->of));
    if (f->lo > 0) json_object_set_new(s, "minLength", json_integer((json_int_t)f->lo));
    if (f->hi > 0) json_object_set_new(s, "maxLength", json_integer((json_int_t)f->hi));
    return s;
}

static json_t *number_schema(const struct shape_field *f)
{
    json_t *s = json_pack("{s:s}", "type", f->type == SHAPE_INTEGER ? "integer" : "number");
    if (f->lo < f->hi) {
        json_object_set_new(s, "minimum", json_real(f->lo));
        json_object_set_new(s, "maximum", json_real(f->hi));
    }
    return s;
}

static json_t *value_schema(const struct shape_field *f)
{
    switch (f->type) {
    case SHAPE_TEXT: return text_schema(f);
    case SHAPE_NUMBER:
    case SHAPE_INTEGER: return number_schema(f);
    case SHAPE_BOOL: return json_pack("{s:s}", "type", "boolean");
    case SHAPE_DURATION: return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9.]+(ns|us|ms|s|m|h)([0-9.]+(ms|s|m))*$");
    case SHAPE_TIME: return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
    case SHAPE_OBJECT: return ref("", f->of);
    case SHAPE_MESSAGE: return ref("weft.", last_part(f->of));
    case SHAPE_MAP:
        return json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "type",
                         strcmp(f->of, "number") == 0 ? "number" : "string");
    case SHAPE_ANY: break;
    }
    return json_object();
}

static json_t *field_schema(const struct shape_field *f)
{
    json_t *s = value_schema(f);
    if (f->flags & SHAPE_LIST) s = json_pack("{s:s, s:o}", "type", "array", "items", s);
    if (f->flags & SHAPE_NULL && f->type != SHAPE_ANY) s = json_pack("{s:[o, {s:s}]}", "anyOf", s, "type", "null");
    if (f->doc && f->doc[0]) json_object_set_new(s, "description", json_string(f->doc));
    if (f->flags & SHAPE_SECRET) json_object_set_new(s, "format", json_string("password"));
    return s;
}

json_t *shape_schema(const struct shape *shape)
{
    json_t *properties = json_object(), *required = json_array();
    for (const struct shape_field *f = shape->fields; f->name; f++) {
        json_object_set_new(properties, f->name, field_schema(f));
        if (f->flags & SHAPE_REQUIRED) json_array_append_new(required, json_string(f->name));
    }
    json_t *s = json_pack("{s:s, s:s, s:o, s:b}", "type", "object", "description", shape->doc, "properties", properties,
                          "additionalProperties", shape->open);
    if (json_array_size(required)) json_object_set(s, "required", required);
    json_decref(required);
    json_t *example = shape->example ? json_loads(shape->example, 0, NULL) : NULL;
    if (example) json_object_set_new(s, "example", example);
    return s;
}

/* ---- messages ---- */

static char *camel(const char *snake, char *out, size_t n)
{
    size_t w = 0;
    bool up = false;
    for (const char *p = snake; *p && w + 1 < n; p++) {
        if (*p == '_') {
            up = true;
            continue;
        }
        out[w++] = up && *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
        up = false;
    }
    out[w] = 0;
    return out;
}

static bool is_map(const ProtobufCMessageDescriptor *d)
{
    size_t n = strlen(d->short_name);
    return d->n_fields == 2 && n > 5 && strcmp(d->short_name + n - 5, "Entry") == 0 && strcmp(d->fields[0].name, "key") == 0;
}

static json_t *scalar_schema(ProtobufCType t)
{
    switch (t) {
    case PROTOBUF_C_TYPE_BOOL: return json_pack("{s:s}", "type", "boolean");
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT: return json_pack("{s:s}", "type", "number");
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_ENUM: return json_pack("{s:s}", "type", "string");
    default: return json_pack("{s:s}", "type", "integer");
    }
}

static json_t *message_value(const ProtobufCMessageDescriptor *d, json_t *into);

static json_t *proto_field(const ProtobufCFieldDescriptor *f, json_t *into)
{
    const ProtobufCMessageDescriptor *d = f->type == PROTOBUF_C_TYPE_MESSAGE ? f->descriptor : NULL;
    if (d && is_map(d)) return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", proto_field(&d->fields[1], into));
    json_t *s = d ? message_value(d, into) : scalar_schema(f->type);
    return f->label == PROTOBUF_C_LABEL_REPEATED ? json_pack("{s:s, s:o}", "type", "array", "items", s) : s;
}

/* A reference to the message's own schema, which is added to `into` when it is not there yet. */
static json_t *message_value(const ProtobufCMessageDescriptor *d, json_t *into)
{
    char key[128], name[128];
    if (strcmp(d->name, "google.protobuf.Duration") == 0) return json_pack("{s:s, s:[s]}", "type", "string", "examples", "90s");
    if (strcmp(d->name, "google.protobuf.Timestamp") == 0) return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
    if (strncmp(d->name, "google.protobuf.", 16) == 0) return json_object();
    snprintf(key, sizeof key, "weft.%s", d->short_name);
    if (!json_object_get(into, key)) {
        json_t *properties = json_object();
        json_object_set_new(into, key, json_pack("{s:s, s:b, s:O}", "type", "object", "additionalProperties", 0, "properties", properties));
        for (unsigned i = 0; i < d->n_fields; i++)
            json_object_set_new(properties, camel(d->fields[i].name, name, sizeof name), proto_field(&d->fields[i], into));
        json_decref(properties);
    }
    return ref("weft.", d->short_name);
}

void shape_message_schemas(json_t *into)
{
    static const char *const roots[] = { "TrafficSpec", "ReleaseSpec", "ProjectSpec", "GuardRails", "Limits" };
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        char name[96];
        snprintf(name, sizeof name, "weft.dev.v1alpha1.%s", roots[i]);
        const ProtobufCMessageDescriptor *d = shape_message(name);
        if (d) json_decref(message_value(d, into));
    }
}
