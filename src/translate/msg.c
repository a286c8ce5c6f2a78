/* Builder of protobuf-c messages in an arena. */
#include "translate/msg.h"

void *msg_new(struct arena *a, const ProtobufCMessageDescriptor *d)
{
    void *m = arena_alloc(a, d->sizeof_message);
    protobuf_c_message_init(d, m);
    return m;
}

/* Capacity is not stored: it is 4, 8, 16, ... for as many elements, so growth happens exactly at these counts. */
void msg_grow(struct arena *a, void *field, size_t n, size_t size)
{
    if (n != 0 && (n < 4 || (n & (n - 1)) != 0)) return;
    void **at = field;
    void *bigger = arena_alloc(a, (n ? n * 2 : 4) * size);
    if (n) memcpy(bigger, *at, n * size);
    *at = bigger;
}

struct str msg_pack(struct arena *a, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p = arena_alloc(a, n ? n : 1);
    size_t packed = protobuf_c_message_pack(m, p);
    must(packed == n);
    return str_make(p, n);
}

e_any *msg_any(struct arena *a, const ProtobufCMessage *m)
{
    e_any *any = new_any(a);
    struct str data = msg_pack(a, m);
    any->type_url = arena_printf(a, "type.googleapis.com/%s", m->descriptor->name);
    SET(any, value, (ProtobufCBinaryData){ data.n, (uint8_t *)(uintptr_t)data.p });
    return any;
}

e_duration *msg_duration(struct arena *a, int64_t seconds, int32_t nanos)
{
    e_duration *d = new_duration(a);
    if (seconds) SET(d, seconds, seconds);
    if (nanos) SET(d, nanos, nanos);
    return d;
}

Google__Protobuf__UInt32Value *msg_u32(struct arena *a, uint32_t v)
{
    Google__Protobuf__UInt32Value *m = msg_new(a, &google__protobuf__uint32_value__descriptor);
    if (v) SET(m, value, v);
    return m;
}

Google__Protobuf__UInt64Value *msg_u64(struct arena *a, uint64_t v)
{
    Google__Protobuf__UInt64Value *m = msg_new(a, &google__protobuf__uint64_value__descriptor);
    if (v) SET(m, value, v);
    return m;
}

Google__Protobuf__BoolValue *msg_bool(struct arena *a, bool v)
{
    Google__Protobuf__BoolValue *m = msg_new(a, &google__protobuf__bool_value__descriptor);
    if (v) SET(m, value, v);
    return m;
}

e_address *msg_address(struct arena *a, const char *ip, uint32_t port)
{
    e_socket_address *s = new_socket_address(a);
    s->address = msg_str(ip);
    s->port_specifier_case = ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE;
    s->port_value = port;
    e_address *addr = new_address(a);
    addr->address_case = ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS;
    addr->socket_address = s;
    return addr;
}

e_config_source *msg_ads(struct arena *a)
{
    e_config_source *c = new_config_source(a);
    c->config_source_specifier_case = ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS;
    c->ads = msg_new(a, &envoy__config__core__v3__aggregated_config_source__descriptor);
    c->initial_fetch_timeout = msg_duration(a, 0, 0);
    SET(c, resource_api_version, ENVOY__CONFIG__CORE__V3__API_VERSION__V3);
    return c;
}

e_string_matcher *msg_exact(struct arena *a, const char *value)
{
    e_string_matcher *m = new_string_matcher(a);
    m->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_EXACT;
    m->exact = msg_str(value);
    return m;
}

e_duration *msg_duration_copy(struct arena *a, const e_duration *d) { return d ? msg_duration(a, d->seconds, d->nanos) : NULL; }

/* Parts of a million, as Istio does for fractions of a percent. */
e_percent *msg_percent(struct arena *a, double percent)
{
    e_percent *p = new_percent(a);
    double v = percent < 0 ? 0 : percent > 100 ? 100 : percent;
    uint32_t numerator = (uint32_t)(v * 10000 + 0.5);
    if (numerator) SET(p, numerator, numerator);
    SET(p, denominator, ENVOY__TYPE__V3__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION);
    return p;
}

e_runtime_percent *msg_runtime_percent(struct arena *a, double percent)
{
    e_runtime_percent *r = new_runtime_percent(a);
    r->default_value = msg_percent(a, percent);
    return r;
}

void msg_struct_value(struct arena *a, e_struct *s, const char *key, e_value *v)
{
    Google__Protobuf__Struct__FieldsEntry *f = msg_new(a, &google__protobuf__struct__fields_entry__descriptor);
    f->key = msg_str(key);
    f->value = v;
    PUSH(a, s, fields, f);
}

void msg_struct_string(struct arena *a, e_struct *s, const char *key, const char *value)
{
    e_value *v = new_value(a);
    v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    v->string_value = msg_str(value);
    msg_struct_value(a, s, key, v);
}

e_value *msg_value_struct(struct arena *a, e_struct *s)
{
    e_value *v = new_value(a);
    v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE;
    v->struct_value = s;
    return v;
}

e_metadata *msg_metadata_istio(struct arena *a, e_struct *s)
{
    e_metadata *m = new_metadata(a);
    Envoy__Config__Core__V3__Metadata__FilterMetadataEntry *f =
        msg_new(a, &envoy__config__core__v3__metadata__filter_metadata_entry__descriptor);
    f->key = msg_str("istio");
    f->value = s;
    PUSH(a, m, filter_metadata, f);
    return m;
}
