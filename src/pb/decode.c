/* Tree -> message: walks the descriptor beside the tree and reports everything that does not fit. */
#include "pb/internal.h"

struct err *dec_error(struct pb_dec *d, const struct node *n, const char *fmt, ...)
{
    char text[320];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct str p = buf_str(&d->path);
    struct err_at at = n ? node_at(n, d->policy->file) : (struct err_at){ .file = d->policy->file };
    return errs_add(d->errs, at, -EINVAL, "%.*s%s%s", (int)MIN(p.n, (size_t)200), p.p ? p.p : "", p.n ? ": " : "", text);
}

static void record(struct pb_dec *d, const void *slot, unsigned line, unsigned col)
{
    if (!d->pos || !line) return;
    vec_push(&d->pos->at, (struct pb_pos){ slot, line, col });
    d->pos->sorted = false;
}

/* --- suggestions for unknown fields --- */

struct suggestion {
    struct str base; /* path of the message that holds the field */
    const char *via; /* child in between, or NULL */
    bool snake;      /* the file is written with the names of the .proto files */
    char via_buf[PB_NAME_MAX], name[PB_NAME_MAX];
};

static char *spell(const struct suggestion *s, const ProtobufCMessageDescriptor *m, const ProtobufCFieldDescriptor *f, char *buf)
{
    if (!s->snake) return pb_json_name(m, f, buf);
    snprintf(buf, PB_NAME_MAX, "%s", f->name);
    return buf;
}

/* The word as a field of a message that `m` holds directly: "http" -> spec.http. */
static bool in_children(const ProtobufCMessageDescriptor *m, struct str word, struct suggestion *s)
{
    for (unsigned i = 0; i < m->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->fields[i], *hit;
        if (f->type != PROTOBUF_C_TYPE_MESSAGE || f->label == PROTOBUF_C_LABEL_REPEATED || pb_special(f->descriptor)) continue;
        if (!(hit = pb_field(f->descriptor, word, false))) continue;
        spell(s, f->descriptor, hit, s->name);
        s->via = spell(s, m, f, s->via_buf);
        return true;
    }
    return false;
}

static bool nearest_field(const ProtobufCMessageDescriptor *m, struct str word, struct suggestion *s)
{
    enum { MOST = 128 };
    char names[MOST][PB_NAME_MAX];
    const char *list[MOST];
    size_t n = 0;
    for (unsigned i = 0; i < m->n_fields && n < MOST; i++, n++) list[n] = spell(s, m, &m->fields[i], names[n]);
    const char *near = str_nearest(word, list, n);
    if (near) snprintf(s->name, sizeof s->name, "%s", near);
    return near != NULL;
}

/* Where the word would be at home: a child, the same message spelled a little differently, a message around this one. */
static bool suggest(struct pb_dec *d, const ProtobufCMessageDescriptor *m, struct str word, struct suggestion *s)
{
    struct str path = buf_str(&d->path);
    s->base = path;
    s->via = NULL;
    s->snake = !d->policy->camel_only && (str_index(word, '_') >= 0 || str_index(path, '_') >= 0);
    if (in_children(m, word, s) || nearest_field(m, word, s)) return true;
    for (unsigned i = d->depth; i-- > 1;) {
        const ProtobufCMessageDescriptor *up = d->up[i - 1].d;
        const ProtobufCFieldDescriptor *f = pb_field(up, word, false);
        s->base = str_first(path, d->up[i - 1].path);
        if (f) return spell(s, up, f, s->name), true;
        if (in_children(up, word, s)) return true;
    }
    return false;
}

static void unknown_field(struct pb_dec *d, const struct node_pair *p, const ProtobufCMessageDescriptor *m)
{
    struct str path = buf_str(&d->path);
    struct suggestion s;
    const char *what = d->policy->unknown_field ? d->policy->unknown_field : "unknown field";
    struct err_at at = { d->policy->file, p->line, p->col };
    struct err *e = errs_add(d->errs, at, -EINVAL, "%s \"%.*s%s%.*s\"", what, (int)MIN(path.n, (size_t)160), path.p ? path.p : "",
                             path.n ? "." : "", (int)MIN(p->key.n, (size_t)80), p->key.p);
    if (p->key.n > 80 || !suggest(d, m, p->key, &s)) return;
    err_hint(e, "did you mean %.*s%s%s%s%s?", (int)MIN(s.base.n, (size_t)120), s.base.p ? s.base.p : "", s.base.n ? "." : "",
             s.via ? s.via : "", s.via ? "." : "", s.name);
}

/* --- values --- */

void dec_value(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *owner, const ProtobufCFieldDescriptor *f,
               void *slot)
{
    record(d, slot, n->line, n->col);
    if (f->type != PROTOBUF_C_TYPE_MESSAGE) {
        dec_scalar(d, n, owner, f, slot);
        return;
    }
    ProtobufCMessage *m = pb_new(f->descriptor, d->a);
    *(ProtobufCMessage **)slot = m;
    dec_message(d, n, f->descriptor, m, NULL);
}

static bool null_is_value(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_MESSAGE &&
           strcmp(((const ProtobufCMessageDescriptor *)f->descriptor)->name, "google.protobuf.Value") == 0;
}

static void *new_array(struct pb_dec *d, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const struct node *n)
{
    char *array = arena_zalloc(d->a, MAX(n->n, (size_t)1) * pb_element_size(f));
    *(void **)pb_slot(m, f) = array;
    *(size_t *)pb_quant(m, f) = n->n;
    record(d, pb_slot(m, f), n->line, n->col);
    return array;
}

static void dec_list(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *desc, ProtobufCMessage *m,
                     const ProtobufCFieldDescriptor *f)
{
    if (n->type != NODE_SEQ) {
        struct err *e = dec_error(d, n, "expected a list, got %s", node_type_name(n->type));
        err_hint(e, n->type == NODE_MAP ? "put \"- \" before its first line, and indent the others" : "put \"- \" before it");
        return;
    }
    char *array = new_array(d, m, f, n);
    for (size_t i = 0; i < n->n; i++) {
        size_t len = d->path.len;
        void *slot = array + i * pb_element_size(f);
        buf_printf(&d->path, "[%zu]", i);
        const struct node *item = n->items[i];
        if (item->type == NODE_NULL && !null_is_value(f))
            dec_error(d, item, "this list item is empty");
        else
            dec_value(d, item, desc, f, slot);
        d->path.len = len;
    }
}

static int by_key(const void *a, const void *b)
{
    const struct node_pair *x = *(const struct node_pair *const *)a, *y = *(const struct node_pair *const *)b;
    size_t n = MIN(x->key.n, y->key.n);
    int c = n ? memcmp(x->key.p, y->key.p, n) : 0;
    return c ? c : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

const struct node_pair **dec_sorted(struct pb_dec *d, const struct node *map)
{
    const struct node_pair **p = arena_alloc(d->a, (map->n + 1) * sizeof *p);
    for (size_t i = 0; i < map->n; i++) p[i] = &map->pairs[i];
    if (map->n > 1) qsort(p, map->n, sizeof *p, by_key);
    return p;
}

/* The key of a map entry: text, or a number or bool as text. */
static void dec_key(struct pb_dec *d, const struct node_pair *p, const ProtobufCMessageDescriptor *e, void *entry)
{
    struct node key = { .type = NODE_STRING, .line = p->line, .col = p->col, .text = p->key };
    const ProtobufCFieldDescriptor *f = &e->fields[0];
    if (f->type == PROTOBUF_C_TYPE_BOOL)
        key.type = scalar_resolve(p->key, &key.b);
    else if (f->type != PROTOBUF_C_TYPE_STRING)
        key.type = NODE_NUMBER;
    if (f->type != PROTOBUF_C_TYPE_STRING) *(protobuf_c_boolean *)pb_quant(entry, f) = 1;
    dec_scalar(d, &key, e, f, pb_slot(entry, f));
}

static void dec_map(struct pb_dec *d, const struct node *n, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
                    const ProtobufCMessageDescriptor *entry)
{
    if (n->type != NODE_MAP) {
        dec_error(d, n, "expected an object, got %s", node_type_name(n->type));
        return;
    }
    ProtobufCMessage **array = new_array(d, m, f, n);
    const ProtobufCFieldDescriptor *vf = &entry->fields[1];
    const struct node_pair **sorted = dec_sorted(d, n);
    for (size_t i = 0; i < n->n; i++) {
        const struct node_pair *p = sorted[i];
        size_t len = d->path.len;
        buf_printf(&d->path, "[%.*s]", (int)MIN(p->key.n, (size_t)80), p->key.p);
        array[i] = pb_new(entry, d->a);
        dec_key(d, p, entry, array[i]);
        record(d, &array[i], p->line, p->col);
        bool scalar = vf->type != PROTOBUF_C_TYPE_MESSAGE && vf->type != PROTOBUF_C_TYPE_STRING;
        if (scalar) *(protobuf_c_boolean *)pb_quant(array[i], vf) = 1;
        /* An empty value is the type's zero: "" or an empty object. */
        if (p->value->type == NODE_NULL && !null_is_value(vf)) {
            if (vf->type == PROTOBUF_C_TYPE_STRING) *(char **)pb_slot(array[i], vf) = arena_strndup(d->a, "", 0);
            if (vf->type == PROTOBUF_C_TYPE_MESSAGE) *(ProtobufCMessage **)pb_slot(array[i], vf) = pb_new(vf->descriptor, d->a);
            if (vf->type == PROTOBUF_C_TYPE_MESSAGE && pb_special(vf->descriptor)) dec_error(d, p->value, "the value is missing");
        } else {
            dec_value(d, p->value, f->descriptor, vf, pb_slot(array[i], vf));
        }
        d->path.len = len;
    }
}

/* Claims the oneof for a field; false when another member is there already. */
static bool take_oneof(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *desc, ProtobufCMessage *m,
                       const ProtobufCFieldDescriptor *f)
{
    uint32_t *which = pb_quant(m, f);
    if (*which == 0) {
        *which = f->id;
        return true;
    }
    char a[PB_NAME_MAX], b[PB_NAME_MAX];
    const ProtobufCFieldDescriptor *other = protobuf_c_message_descriptor_get_field(desc, *which);
    dec_error(d, n, "%s and %s cannot both be set", other ? pb_json_name(desc, other, a) : "?", pb_json_name(desc, f, b));
    return false;
}

static void dec_field(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *desc, ProtobufCMessage *m,
                      const ProtobufCFieldDescriptor *f)
{
    const ProtobufCMessageDescriptor *entry = pb_map_entry(desc, f);
    if (n->type == NODE_NULL && !(f->label != PROTOBUF_C_LABEL_REPEATED && null_is_value(f))) return; /* as if not written */
    if (entry) {
        dec_map(d, n, m, f, entry);
    } else if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        dec_list(d, n, desc, m, f);
    } else {
        if (pb_in_oneof(f)) {
            if (!take_oneof(d, n, desc, m, f)) return;
        } else if (f->type != PROTOBUF_C_TYPE_MESSAGE && f->type != PROTOBUF_C_TYPE_STRING && f->quantifier_offset) {
            *(protobuf_c_boolean *)pb_quant(m, f) = 1;
        }
        dec_value(d, n, desc, f, pb_slot(m, f));
    }
}

static bool skipped(const char *const *skip, struct str key)
{
    for (; skip && *skip; skip++)
        if (str_eqc(key, *skip)) return true;
    return false;
}

static void dec_fields(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *desc, ProtobufCMessage *m,
                       const char *const *skip)
{
    for (size_t i = 0; i < n->n; i++) {
        const struct node_pair *p = &n->pairs[i];
        if (skipped(skip, p->key)) continue;
        const ProtobufCFieldDescriptor *f = pb_field(desc, p->key, d->policy->camel_only);
        if (!f) {
            unknown_field(d, p, desc);
            continue;
        }
        size_t len = d->path.len;
        buf_printf(&d->path, "%s%.*s", len ? "." : "", STR_ARG(p->key));
        if (f->label != PROTOBUF_C_LABEL_REPEATED && pb_is_set(m, f) && p->value->type != NODE_NULL)
            dec_error(d, p->value, "set twice, under both of its names");
        else
            dec_field(d, p->value, desc, m, f);
        d->path.len = len;
    }
}

void dec_message(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *desc, ProtobufCMessage *m,
                 const char *const *skip)
{
    const struct pb_special *s = pb_special(desc);
    if (s) {
        s->decode(d, n, m);
        return;
    }
    if (n->type != NODE_MAP) {
        dec_error(d, n, "expected an object, got %s", node_type_name(n->type));
        return;
    }
    if (d->depth == ARRAY_LEN(d->up)) {
        dec_error(d, n, "too deep");
        return;
    }
    d->up[d->depth].d = desc;
    d->up[d->depth++].path = d->path.len;
    dec_fields(d, n, desc, m, skip);
    d->depth--;
}

ProtobufCMessage *pb_decode(const struct node *n, const ProtobufCMessageDescriptor *d, const struct pb_policy *policy, struct arena *a,
                            struct pb_positions *pos, struct errs *errs)
{
    static const struct pb_policy none;
    size_t before = errs_count(errs);
    struct pb_dec dec = { .policy = policy ? policy : &none, .a = a, .pos = pos, .errs = errs };
    if (pos) pos->file = dec.policy->file;
    ProtobufCMessage *m = pb_new(d, a);
    dec_message(&dec, n, d, m, dec.policy->skip);
    buf_free(&dec.path);
    return errs_count(errs) == before ? m : NULL;
}
