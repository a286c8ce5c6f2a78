/* Messages whose JSON form is not an object of their fields: google.protobuf's well-known types, Kubernetes' Time, Quantity and
 * IntOrString. One row each in the table at the end. */
#include "pb/internal.h"

#include <math.h>

#include "google.protobuf.pb-c.h"

/* Durations and times are {seconds = 1, nanos = 2} in all packages, so one layout serves. */
typedef Google__Protobuf__Duration seconds_nanos;

static void set_seconds(ProtobufCMessage *m, int64_t sec, int32_t nanos)
{
    seconds_nanos *t = (seconds_nanos *)m;
    t->has_seconds = sec != 0;
    t->seconds = sec;
    t->has_nanos = nanos != 0;
    t->nanos = nanos;
}

static void dec_duration(struct pb_dec *d, const struct node *n, ProtobufCMessage *m)
{
    int64_t sec;
    int32_t nanos;
    if (n->type == NODE_STRING && pb_duration(n->text, &sec, &nanos)) {
        set_seconds(m, sec, nanos);
        return;
    }
    if (n->type == NODE_MAP || n->type == NODE_SEQ || n->type == NODE_NULL) {
        dec_error(d, n, "expected a duration like \"5s\", got %s", node_type_name(n->type));
        return;
    }
    struct err *e = dec_error(d, n, "\"%.*s\" is not a duration", (int)MIN(n->text.n, (size_t)60), n->text.p);
    if (n->type == NODE_NUMBER)
        err_hint(e, "give it a unit: %.*ss", (int)MIN(n->text.n, (size_t)60), n->text.p);
    else
        err_hint(e, "write it like 5s, 250ms or 1m30s");
}

static struct node *enc_duration(struct pb_enc *e, const ProtobufCMessage *m)
{
    char buf[48];
    const seconds_nanos *t = (const seconds_nanos *)m;
    return tree_string(e->a, arena_str(e->a, str_of(pb_duration_text(t->seconds, t->nanos, buf, sizeof buf))));
}

static void dec_time(struct pb_dec *d, const struct node *n, ProtobufCMessage *m)
{
    int64_t sec;
    int32_t nanos;
    if (n->type == NODE_STRING && pb_time(n->text, &sec, &nanos))
        set_seconds(m, sec, nanos);
    else
        dec_error(d, n, "expected a time like \"2026-01-02T15:04:05Z\", got \"%.*s\"", (int)MIN(n->text.n, (size_t)60),
                  n->text.p ? n->text.p : "");
}

static struct node *enc_time(struct pb_enc *e, const ProtobufCMessage *m)
{
    char buf[64];
    const seconds_nanos *t = (const seconds_nanos *)m;
    return tree_string(e->a, arena_str(e->a, str_of(pb_time_text(t->seconds, t->nanos, buf, sizeof buf))));
}

/* --- wrappers: the bare value --- */

static void dec_wrapper(struct pb_dec *d, const struct node *n, ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f = &m->descriptor->fields[0];
    if (f->type != PROTOBUF_C_TYPE_STRING) *(protobuf_c_boolean *)pb_quant(m, f) = 1;
    dec_scalar(d, n, m->descriptor, f, pb_slot(m, f));
}

static struct node *enc_wrapper(struct pb_enc *e, const ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f = &m->descriptor->fields[0];
    if (f->type == PROTOBUF_C_TYPE_STRING && !*(char **)pb_slot(m, f)) return tree_string(e->a, STR(""));
    return enc_scalar(e, m->descriptor, f, pb_slot(m, f));
}

/* --- Struct, Value, ListValue: any JSON --- */

static void dec_any_value(struct pb_dec *d, const struct node *n, ProtobufCMessage *m);

static void dec_list_value(struct pb_dec *d, const struct node *n, ProtobufCMessage *m)
{
    Google__Protobuf__ListValue *l = (Google__Protobuf__ListValue *)m;
    if (n->type != NODE_SEQ) {
        dec_error(d, n, "expected a list, got %s", node_type_name(n->type));
        return;
    }
    l->n_values = n->n;
    l->values = arena_array(d->a, Google__Protobuf__Value *, MAX(n->n, (size_t)1));
    for (size_t i = 0; i < n->n; i++) {
        l->values[i] = (Google__Protobuf__Value *)pb_new(&google__protobuf__value__descriptor, d->a);
        dec_any_value(d, n->items[i], &l->values[i]->base);
    }
}

static void dec_struct(struct pb_dec *d, const struct node *n, ProtobufCMessage *m)
{
    Google__Protobuf__Struct *s = (Google__Protobuf__Struct *)m;
    if (n->type != NODE_MAP) {
        dec_error(d, n, "expected an object, got %s", node_type_name(n->type));
        return;
    }
    s->n_fields = n->n;
    s->fields = arena_array(d->a, Google__Protobuf__Struct__FieldsEntry *, MAX(n->n, (size_t)1));
    const struct node_pair **sorted = dec_sorted(d, n);
    for (size_t i = 0; i < n->n; i++) {
        Google__Protobuf__Struct__FieldsEntry *e = (void *)pb_new(&google__protobuf__struct__fields_entry__descriptor, d->a);
        s->fields[i] = e;
        e->key = arena_strndup(d->a, sorted[i]->key.p, sorted[i]->key.n);
        e->value = (Google__Protobuf__Value *)pb_new(&google__protobuf__value__descriptor, d->a);
        dec_any_value(d, sorted[i]->value, &e->value->base);
    }
}

static void dec_any_value(struct pb_dec *d, const struct node *n, ProtobufCMessage *m)
{
    Google__Protobuf__Value *v = (Google__Protobuf__Value *)m;
    switch (n->type) {
    case NODE_NULL: v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE; break;
    case NODE_BOOL:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
        v->bool_value = n->b;
        break;
    case NODE_NUMBER: {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
        const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(&google__protobuf__value__descriptor, 2);
        dec_scalar(d, n, m->descriptor, f, &v->number_value);
        if (!isfinite(v->number_value)) dec_error(d, n, "JSON has no infinity and no NaN");
        break;
    }
    case NODE_STRING:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
        v->string_value = dec_string(d, n);
        if (!v->string_value) v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET;
        break;
    case NODE_SEQ:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE;
        v->list_value = (Google__Protobuf__ListValue *)pb_new(&google__protobuf__list_value__descriptor, d->a);
        dec_list_value(d, n, &v->list_value->base);
        break;
    case NODE_MAP:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE;
        v->struct_value = (Google__Protobuf__Struct *)pb_new(&google__protobuf__struct__descriptor, d->a);
        dec_struct(d, n, &v->struct_value->base);
        break;
    }
}

static struct node *enc_any_value(struct pb_enc *e, const ProtobufCMessage *m);

static struct node *enc_list_value(struct pb_enc *e, const ProtobufCMessage *m)
{
    const Google__Protobuf__ListValue *l = (const Google__Protobuf__ListValue *)m;
    struct node *n = tree_new(e->a, NODE_SEQ);
    for (size_t i = 0; i < l->n_values; i++) tree_push(e->a, n, enc_any_value(e, &l->values[i]->base));
    return n;
}

static struct node *enc_struct(struct pb_enc *e, const ProtobufCMessage *m)
{
    const Google__Protobuf__Struct *s = (const Google__Protobuf__Struct *)m;
    struct node *n = tree_new(e->a, NODE_MAP);
    for (size_t i = 0; i < s->n_fields; i++) {
        const Google__Protobuf__Struct__FieldsEntry *f = s->fields[i];
        tree_add(e->a, n, str_of(f->key), f->value ? enc_any_value(e, &f->value->base) : tree_new(e->a, NODE_NULL));
    }
    return n;
}

static struct node *enc_any_value(struct pb_enc *e, const ProtobufCMessage *m)
{
    const Google__Protobuf__Value *v = (const Google__Protobuf__Value *)m;
    switch (v->kind_case) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE: return enc_double(e->a, v->number_value);
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE: return tree_string(e->a, str_of(v->string_value));
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE: return tree_bool(e->a, v->bool_value);
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE: return enc_struct(e, &v->struct_value->base);
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE: return enc_list_value(e, &v->list_value->base);
    default: return tree_new(e->a, NODE_NULL);
    }
}

/* --- Any: "@type" and the message's own fields (or "value" for the types of this file) --- */

static const ProtobufCMessageDescriptor *any_type(struct str url, pb_registry_fn *registry, void *ctx)
{
    ssize_t slash = str_rindex(url, '/');
    return registry ? registry(str_skip(url, (size_t)(slash + 1)), ctx) : NULL;
}

static void dec_any(struct pb_dec *d, const struct node *n, ProtobufCMessage *m)
{
    static const char *const skip[] = { "@type", NULL };
    Google__Protobuf__Any *any = (Google__Protobuf__Any *)m;
    if (n->type != NODE_MAP) {
        dec_error(d, n, "expected an object with \"@type\", got %s", node_type_name(n->type));
        return;
    }
    struct node_pair *type = tree_pair(n, STR("@type"));
    if (!type || type->value->type != NODE_STRING) {
        if (n->n) dec_error(d, n, "\"@type\" is missing");
        return;
    }
    const ProtobufCMessageDescriptor *desc = any_type(type->value->text, d->policy->registry, d->policy->registry_ctx);
    if (!desc) {
        dec_error(d, type->value, "the type \"%.*s\" is not supported", (int)MIN(type->value->text.n, (size_t)150), type->value->text.p);
        return;
    }
    size_t before = errs_count(d->errs);
    ProtobufCMessage *inner = pb_new(desc, d->a);
    if (pb_special(desc)) {
        const struct node *v = tree_get(n, "value");
        if (v) dec_message(d, v, desc, inner, NULL);
    } else {
        dec_message(d, n, desc, inner, skip);
    }
    if (errs_count(d->errs) != before) return;
    any->type_url = arena_strndup(d->a, type->value->text.p, type->value->text.n);
    struct str bytes = pb_pack(inner, d->a);
    any->has_value = 1;
    any->value = (ProtobufCBinaryData){ bytes.n, (uint8_t *)(uintptr_t)bytes.p };
}

static struct node *enc_any(struct pb_enc *e, const ProtobufCMessage *m)
{
    const Google__Protobuf__Any *any = (const Google__Protobuf__Any *)m;
    struct node *n = tree_new(e->a, NODE_MAP);
    if (!any->type_url) return n;
    tree_add(e->a, n, STR("@type"), tree_string(e->a, str_of(any->type_url)));
    const ProtobufCMessageDescriptor *desc = any_type(str_of(any->type_url), e->f->registry, e->f->registry_ctx);
    ProtobufCMessage *inner = desc ? pb_unpack(desc, str_make(any->value.data, any->value.len), e->a) : NULL;
    if (!inner) {
        if (any->value.len)
            tree_add(e->a, n, STR("value"), tree_string(e->a, str_of(base64_encode(e->a, any->value.data, any->value.len))));
        return n;
    }
    struct node *v = enc_message(e, inner);
    if (pb_special(desc))
        tree_add(e->a, n, STR("value"), v);
    else
        for (size_t i = 0; i < v->n; i++) tree_add(e->a, n, v->pairs[i].key, v->pairs[i].value);
    return n;
}

/* --- Kubernetes --- */

/* {type = 1, int_val = 2, str_val = 3}: found by field number, since this folder knows no Kubernetes header. */
static void *field_slot(const ProtobufCMessage *m, unsigned id, protobuf_c_boolean **has)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(m->descriptor, id);
    must(f);
    if (has) *has = f->quantifier_offset ? pb_quant(m, f) : NULL;
    return pb_slot(m, f);
}

static void dec_int_or_string(struct pb_dec *d, const struct node *n, ProtobufCMessage *m)
{
    protobuf_c_boolean *has_type, *has_int;
    int64_t *type = field_slot(m, 1, &has_type);
    int32_t *num = field_slot(m, 2, &has_int);
    char **text = field_slot(m, 3, NULL);
    uint64_t v;
    *has_type = 1;
    if (n->type == NODE_NUMBER) {
        *has_int = 1;
        if (dec_integer(d, n, false, INT32_MIN, INT32_MAX, &v)) *num = (int32_t)(int64_t)v;
    } else if (n->type == NODE_STRING) {
        *type = 1;
        *text = dec_string(d, n);
    } else {
        dec_error(d, n, "expected a number or a string, got %s", node_type_name(n->type));
    }
}

static struct node *enc_int_or_string(struct pb_enc *e, const ProtobufCMessage *m)
{
    const int64_t *type = field_slot(m, 1, NULL);
    const int32_t *num = field_slot(m, 2, NULL);
    char *const *text = field_slot(m, 3, NULL);
    return *type ? tree_string(e->a, str_of(*text)) : tree_number(e->a, "%d", *num);
}

static void dec_quantity(struct pb_dec *d, const struct node *n, ProtobufCMessage *m)
{
    static const char *const suffixes[] = { "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", NULL };
    char **text = field_slot(m, 1, NULL);
    struct str s = n->text;
    bool ok = n->type == NODE_NUMBER || n->type == NODE_STRING;
    if (ok && s.n && (s.p[0] == '-' || s.p[0] == '+')) s = str_skip(s, 1);
    size_t i = 0, num = 0;
    while (ok && i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.')) num += s.p[i++] != '.';
    bool known = false;
    for (size_t k = 0; suffixes[k]; k++) known |= str_eqc(str_skip(s, i), suffixes[k]);
    if (!known && i < s.n && (s.p[i] | 32) == 'e') { /* 1e3 */
        size_t j = i + 1 + (i + 1 < s.n && (s.p[i + 1] == '-' || s.p[i + 1] == '+'));
        known = j < s.n;
        for (; j < s.n; j++) known &= s.p[j] >= '0' && s.p[j] <= '9';
    }
    if (ok && num && known)
        *text = arena_strndup(d->a, n->text.p, n->text.n);
    else
        err_hint(dec_error(d, n, "\"%.*s\" is not a quantity", (int)MIN(n->text.n, (size_t)60), n->text.p ? n->text.p : ""),
                 "write it like 500m, 0.5 or 100Mi");
}

static struct node *enc_quantity(struct pb_enc *e, const ProtobufCMessage *m)
{
    return tree_string(e->a, str_of(*(char *const *)field_slot(m, 1, NULL)));
}

static const struct pb_special specials[] = {
    { "google.protobuf.Any", dec_any, enc_any },
    { "google.protobuf.BoolValue", dec_wrapper, enc_wrapper },
    { "google.protobuf.BytesValue", dec_wrapper, enc_wrapper },
    { "google.protobuf.DoubleValue", dec_wrapper, enc_wrapper },
    { "google.protobuf.Duration", dec_duration, enc_duration },
    { "google.protobuf.FloatValue", dec_wrapper, enc_wrapper },
    { "google.protobuf.Int32Value", dec_wrapper, enc_wrapper },
    { "google.protobuf.Int64Value", dec_wrapper, enc_wrapper },
    { "google.protobuf.ListValue", dec_list_value, enc_list_value },
    { "google.protobuf.StringValue", dec_wrapper, enc_wrapper },
    { "google.protobuf.Struct", dec_struct, enc_struct },
    { "google.protobuf.Timestamp", dec_time, enc_time },
    { "google.protobuf.UInt32Value", dec_wrapper, enc_wrapper },
    { "google.protobuf.UInt64Value", dec_wrapper, enc_wrapper },
    { "google.protobuf.Value", dec_any_value, enc_any_value },
    { "k8s.io.apimachinery.pkg.api.resource.Quantity", dec_quantity, enc_quantity },
    { "k8s.io.apimachinery.pkg.apis.meta.v1.MicroTime", dec_time, enc_time },
    { "k8s.io.apimachinery.pkg.apis.meta.v1.Time", dec_time, enc_time },
    { "k8s.io.apimachinery.pkg.util.intstr.IntOrString", dec_int_or_string, enc_int_or_string },
};

const struct pb_special *pb_special(const ProtobufCMessageDescriptor *d)
{
    char c = d->name[0];
    if (c != 'g' && c != 'k') return NULL;
    size_t lo = 0, hi = ARRAY_LEN(specials);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int cmp = strcmp(d->name, specials[mid].name);
        if (cmp == 0) return &specials[mid];
        if (cmp < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}
