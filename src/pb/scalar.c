/* One scalar of a tree into one field: strings, numbers, bools, enums, bytes, each with the message that helps. */
#include "pb/internal.h"

/* "the number 5", "\"abc\"", "a list": what was found, short enough for a message. */
static const char *found(const struct node *n, char *buf, size_t size)
{
    int len = (int)MIN(n->text.n, (size_t)60);
    switch (n->type) {
    case NODE_BOOL: snprintf(buf, size, "the bool %.*s", len, n->text.p); break;
    case NODE_NUMBER: snprintf(buf, size, "the number %.*s", len, n->text.p); break;
    case NODE_STRING: snprintf(buf, size, "\"%.*s\"", len, n->text.p); break;
    case NODE_NULL:
    case NODE_SEQ:
    case NODE_MAP: snprintf(buf, size, "%s", node_type_name(n->type)); break;
    }
    return buf;
}

char *dec_string(struct pb_dec *d, const struct node *n)
{
    char buf[100];
    if (n->type != NODE_STRING) {
        struct err *e = dec_error(d, n, "expected a string, got %s", found(n, buf, sizeof buf));
        if (n->type == NODE_NUMBER || n->type == NODE_BOOL)
            err_hint(e, "write it in quotes: \"%.*s\"", (int)MIN(n->text.n, (size_t)60), n->text.p);
        return NULL;
    }
    if (memchr(n->text.p, 0, n->text.n)) {
        dec_error(d, n, "the string has a NUL character");
        return NULL;
    }
    return arena_strndup(d->a, n->text.p, n->text.n);
}

/* Digits with an optional base prefix, without sign. */
static bool parse_digits(struct str s, uint64_t *ret)
{
    char buf[72];
    if (!s.n || s.n >= sizeof buf) return false;
    memcpy(buf, s.p, s.n);
    buf[s.n] = 0;
    int base = 10;
    const char *p = buf;
    if (str_starts(s, STR("0x")))
        base = 16, p += 2;
    else if (str_starts(s, STR("0o")))
        base = 8, p += 2;
    else if (s.p[0] == '0' && s.n > 1)
        base = 8; /* YAML 1.1, file modes */
    if (!((*p >= '0' && *p <= '9') || (base == 16 && (*p | 32) >= 'a' && (*p | 32) <= 'f'))) return false;
    char *end;
    errno = 0;
    *ret = strtoull(p, &end, base);
    return errno == 0 && *end == 0;
}

/* 1.0 and 1e3 are whole numbers too. */
static bool parse_float_int(struct str s, uint64_t *ret)
{
    char buf[72], *end;
    if (!s.n || s.n >= sizeof buf || !memchr("0123456789.", s.p[0], 11)) return false;
    memcpy(buf, s.p, s.n);
    buf[s.n] = 0;
    double v = strtod(buf, &end);
    if (*end || !(v >= 0 && v <= 9007199254740992.0) || v != (double)(uint64_t)v) return false;
    *ret = (uint64_t)v;
    return true;
}

bool dec_integer(struct pb_dec *d, const struct node *n, bool quoted_ok, int64_t lo, uint64_t hi, uint64_t *ret)
{
    char buf[100];
    if (n->type != NODE_NUMBER && !(n->type == NODE_STRING && quoted_ok && n->text.n)) {
        struct err *e = dec_error(d, n, "expected a whole number, got %s", found(n, buf, sizeof buf));
        bool b;
        if (n->type == NODE_STRING && n->text.n && scalar_resolve(n->text, &b) == NODE_NUMBER) err_hint(e, "write it without quotes");
        return false;
    }
    struct str s = n->text;
    bool neg = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) s = str_skip(s, 1);
    uint64_t v = 0;
    bool ok = parse_digits(s, &v) || parse_float_int(s, &v);
    bool all = s.n > 0;
    for (size_t i = 0; i < s.n; i++) all &= s.p[i] >= '0' && s.p[i] <= '9';
    if (!ok && !all) {
        dec_error(d, n, "expected a whole number, got %s", found(n, buf, sizeof buf));
        return false;
    }
    bool fits = ok && (neg ? v <= (uint64_t) - (lo + 1) + 1 && lo < 0 : v <= hi);
    if (!fits && !(ok && neg && v == 0)) {
        dec_error(d, n, "expected a whole number from %" PRId64 " to %" PRIu64 ", got %.*s", lo, hi, (int)MIN(n->text.n, (size_t)60),
                  n->text.p);
        return false;
    }
    *ret = neg ? (uint64_t) - (int64_t)v : v;
    return true;
}

static void dec_float(struct pb_dec *d, const struct node *n, bool quoted_ok, bool single, void *slot)
{
    char buf[100], text[64], *end = text;
    bool typed = n->type == NODE_NUMBER || (n->type == NODE_STRING && quoted_ok);
    double v = 0;
    if (typed && n->text.n && n->text.n < sizeof text) {
        memcpy(text, n->text.p, n->text.n);
        text[n->text.n] = 0;
        char *p = text[0] == '-' || text[0] == '+' ? text + 1 : text;
        if (strcasecmp(p, ".inf") == 0) memcpy(p, "inf ", 4), p[3] = 0;
        if (strcasecmp(p, ".nan") == 0) memcpy(p, "nan", 4);
        v = strtod(text, &end);
    }
    if (!typed || end == text || *end) {
        dec_error(d, n, "expected a number, got %s", found(n, buf, sizeof buf));
        return;
    }
    if (single)
        *(float *)slot = (float)v;
    else
        *(double *)slot = v;
}

static void dec_enum(struct pb_dec *d, const struct node *n, const ProtobufCEnumDescriptor *ed, int *slot)
{
    char buf[100];
    if (n->type == NODE_NUMBER) {
        uint64_t v;
        if (!dec_integer(d, n, false, INT32_MIN, INT32_MAX, &v)) return;
        for (unsigned i = 0; i < ed->n_values; i++)
            if (ed->values[i].value == (int)v) {
                *slot = (int)v;
                return;
            }
        dec_error(d, n, "%d is no value of %s", (int)v, ed->short_name);
        return;
    }
    if (n->type != NODE_STRING && n->type != NODE_BOOL) {
        dec_error(d, n, "expected one of %s's names, got %s", ed->short_name, found(n, buf, sizeof buf));
        return;
    }
    const char *names[128];
    size_t count = 0;
    char list[200] = "", upper[64];
    for (unsigned i = 0; i < ed->n_values; i++) {
        if (str_eqc(n->text, ed->values[i].name)) {
            *slot = ed->values[i].value;
            return;
        }
        if (count < ARRAY_LEN(names)) names[count++] = ed->values[i].name;
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", ed->values[i].name);
    }
    struct str word = str_first(n->text, sizeof upper);
    for (size_t i = 0; i < word.n; i++)
        upper[i] = word.p[i] >= 'a' && word.p[i] <= 'z' ? (char)(word.p[i] - 32) : word.p[i] == '-' ? '_' : word.p[i];
    const char *near = str_nearest(str_make(upper, word.n), names, count);
    struct err *e = dec_error(d, n, "%s is not one of %s", found(n, buf, sizeof buf), list);
    if (near) err_hint(e, "did you mean %s?", near);
}

static void dec_bytes(struct pb_dec *d, const struct node *n, ProtobufCBinaryData *slot)
{
    char buf[100];
    if (n->type != NODE_STRING) {
        dec_error(d, n, "expected a string in base64, got %s", found(n, buf, sizeof buf));
        return;
    }
    slot->data = base64_decode(d->a, n->text, &slot->len);
    if (!slot->data) {
        slot->len = 0;
        dec_error(d, n, "the string is not base64"); /* its text may be a secret */
    }
}

void dec_scalar(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *owner, const ProtobufCFieldDescriptor *f,
                void *slot)
{
    char buf[100];
    bool quoted = !pb_is_k8s(owner);
    uint64_t v = 0;
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        if (dec_integer(d, n, quoted, INT32_MIN, INT32_MAX, &v)) *(int32_t *)slot = (int32_t)(int64_t)v;
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        if (dec_integer(d, n, quoted, INT64_MIN, INT64_MAX, &v)) *(int64_t *)slot = (int64_t)v;
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        if (dec_integer(d, n, quoted, 0, UINT32_MAX, &v)) *(uint32_t *)slot = (uint32_t)v;
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        if (dec_integer(d, n, quoted, 0, UINT64_MAX, &v)) *(uint64_t *)slot = v;
        break;
    case PROTOBUF_C_TYPE_FLOAT: dec_float(d, n, quoted, true, slot); break;
    case PROTOBUF_C_TYPE_DOUBLE: dec_float(d, n, quoted, false, slot); break;
    case PROTOBUF_C_TYPE_BOOL:
        if (n->type == NODE_BOOL)
            *(protobuf_c_boolean *)slot = n->b;
        else
            dec_error(d, n, "expected true or false, got %s", found(n, buf, sizeof buf));
        break;
    case PROTOBUF_C_TYPE_ENUM: dec_enum(d, n, f->descriptor, slot); break;
    case PROTOBUF_C_TYPE_STRING: {
        char *s = dec_string(d, n);
        if (s) *(char **)slot = s;
        break;
    }
    case PROTOBUF_C_TYPE_BYTES: dec_bytes(d, n, slot); break;
    case PROTOBUF_C_TYPE_MESSAGE: break;
    }
}
