/* Bodies against the tables, and the places of what is wrong. */
#include "api/platform/shape.h"
#include "pb/pb.h"

#include "weft.dev.v1alpha1.pb-c.h"

const struct shape *shape_find(const char *name)
{
    for (size_t i = 0; name && i < n_shapes; i++)
        if (strcmp(shapes[i].name, name) == 0) return &shapes[i];
    return NULL;
}

const ProtobufCMessageDescriptor *shape_message(const char *name)
{
    static const ProtobufCMessageDescriptor *const known[] = {
        &weft__dev__v1alpha1__traffic_spec__descriptor, &weft__dev__v1alpha1__release_spec__descriptor,
        &weft__dev__v1alpha1__project_spec__descriptor, &weft__dev__v1alpha1__guard_rails__descriptor,
        &weft__dev__v1alpha1__limits__descriptor,
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(known[i]->name, name) == 0) return known[i];
    return NULL;
}

/* ---- pointers ---- */

static void push_escaped(struct buf *b, struct str key)
{
    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] == '~')
            buf_puts(b, "~0");
        else if (key.p[i] == '/')
            buf_puts(b, "~1");
        else
            buf_append(b, &key.p[i], 1);
    }
}

/* The innermost node that begins at the place, or a key that does. */
static bool seek(const struct node *n, struct err_at at, struct buf *path)
{
    size_t before = path->len;
    for (size_t i = 0; i < n->n && (n->type == NODE_SEQ || n->type == NODE_MAP); i++) {
        const struct node *child = n->type == NODE_SEQ ? n->items[i] : n->pairs[i].value;
        if (n->type == NODE_SEQ) {
            buf_printf(path, "/%zu", i);
        } else {
            buf_puts(path, "/");
            push_escaped(path, n->pairs[i].key);
            if (n->pairs[i].line == at.line && n->pairs[i].col == at.col) return true;
        }
        if (seek(child, at, path)) return true;
        path->len = before;
    }
    return n->line == at.line && n->col == at.col;
}

char *shape_pointer(const struct node *root, struct err_at at, struct arena *a)
{
    struct buf path = { 0 };
    bool found = root && at.line && seek(root, at, &path);
    char *s = found ? arena_strndup(a, buf_data(&path) ? buf_data(&path) : "", path.len) : arena_strndup(a, "", 0);
    buf_free(&path);
    return s;
}

/* ---- checks ---- */

struct checking {
    struct arena *a;
    struct errs *errs;
    unsigned depth;
};

static bool check_object(struct checking *c, const struct shape *s, const struct node *n);

#define WRONG(n, ...) (errs_add(c->errs, node_at((n), "body"), -EINVAL, __VA_ARGS__), false)

static bool is_word(const char *words, struct str w)
{
    struct str rest = str_of(words);
    while (rest.p)
        if (str_eq(str_cut(&rest, '|'), w)) return true;
    return false;
}

static bool check_text(struct checking *c, const struct shape_field *f, const struct node *n)
{
    if (n->type != NODE_STRING) return WRONG(n, "%s must be a string, not %s", f->name, node_type_name(n->type));
    if (f->of && !is_word(f->of, n->text)) return WRONG(n, "%s must be one of %s", f->name, f->of);
    if ((double)n->text.n < f->lo)
        return n->text.n ? WRONG(n, "%s must have at least %.0f characters", f->name, f->lo) : WRONG(n, "%s must not be empty", f->name);
    if ((double)n->text.n > (f->hi > 0 ? f->hi : 1000)) return WRONG(n, "%s is longer than %.0f bytes", f->name, f->hi > 0 ? f->hi : 1000);
    for (size_t i = 0; i < n->text.n; i++)
        if ((unsigned char)n->text.p[i] < 0x20 && n->text.p[i] != '\n' && n->text.p[i] != '\t')
            return WRONG(n, "%s has a control character in it", f->name);
    return true;
}

static bool check_number(struct checking *c, const struct shape_field *f, const struct node *n)
{
    if (n->type != NODE_NUMBER) return WRONG(n, "%s must be a number, not %s", f->name, node_type_name(n->type));
    double v = strtod(n->text.p, NULL);
    if (!(v > -1e15 && v < 1e15)) return WRONG(n, "%s is no usable number", f->name);
    if (f->type == SHAPE_INTEGER && v != (double)(int64_t)v) return WRONG(n, "%s must be a whole number", f->name);
    if (f->lo < f->hi && (v < f->lo || v > f->hi)) return WRONG(n, "%s must be between %g and %g", f->name, f->lo, f->hi);
    return true;
}

static bool check_duration(struct checking *c, const struct shape_field *f, const struct node *n)
{
    int64_t sec;
    int32_t nanos;
    if (n->type != NODE_STRING || !pb_duration(n->text, &sec, &nanos))
        return WRONG(n, "%s must be a duration such as \"90s\" or \"10m\"", f->name);
    if (f->lo < f->hi && ((double)sec < f->lo || (double)sec > f->hi))
        return WRONG(n, "%s must be between %.0fs and %.0fs", f->name, f->lo, f->hi);
    return true;
}

static bool check_time(struct checking *c, const struct shape_field *f, const struct node *n)
{
    int64_t sec;
    int32_t nanos;
    if (n->type == NODE_STRING && pb_time(n->text, &sec, &nanos)) return true;
    return WRONG(n, "%s must be a time such as \"2026-11-25T08:00:00Z\"", f->name);
}

static bool check_message(struct checking *c, const struct shape_field *f, const struct node *n)
{
    const ProtobufCMessageDescriptor *d = shape_message(f->of);
    struct pb_policy policy = { .file = "body", .camel_only = true };
    if (n->type != NODE_MAP) return WRONG(n, "%s must be an object, not %s", f->name, node_type_name(n->type));
    if (oops(!d)) return WRONG(n, "%s cannot be read", f->name);
    return pb_decode(n, d, &policy, c->a, NULL, c->errs) != NULL;
}

static bool check_map(struct checking *c, const struct shape_field *f, const struct node *n)
{
    bool ok = true;
    if (n->type != NODE_MAP) return WRONG(n, "%s must be an object, not %s", f->name, node_type_name(n->type));
    struct shape_field value = {
        .name = f->name, .type = strcmp(f->of, "number") == 0 ? SHAPE_NUMBER : SHAPE_TEXT, .lo = f->lo, .hi = f->hi
    };
    for (size_t i = 0; i < n->n; i++)
        ok = (value.type == SHAPE_NUMBER ? check_number(c, &value, n->pairs[i].value) : check_text(c, &value, n->pairs[i].value)) && ok;
    return ok;
}

static bool check_value(struct checking *c, const struct shape_field *f, const struct node *n)
{
    switch (f->type) {
    case SHAPE_TEXT: return check_text(c, f, n);
    case SHAPE_NUMBER:
    case SHAPE_INTEGER: return check_number(c, f, n);
    case SHAPE_BOOL: return n->type == NODE_BOOL || WRONG(n, "%s must be true or false", f->name);
    case SHAPE_DURATION: return check_duration(c, f, n);
    case SHAPE_TIME: return check_time(c, f, n);
    case SHAPE_OBJECT: return check_object(c, shape_find(f->of), n);
    case SHAPE_MESSAGE: return check_message(c, f, n);
    case SHAPE_MAP: return check_map(c, f, n);
    case SHAPE_ANY: return true;
    }
    return true;
}

static bool check_field(struct checking *c, const struct shape_field *f, const struct node *n)
{
    bool ok = true;
    if (n->type == NODE_NULL && (f->flags & SHAPE_NULL)) return true;
    if (!(f->flags & SHAPE_LIST)) return check_value(c, f, n);
    if (n->type != NODE_SEQ) return WRONG(n, "%s must be a list, not %s", f->name, node_type_name(n->type));
    for (size_t i = 0; i < n->n; i++) ok = check_value(c, f, n->items[i]) && ok;
    return ok;
}

static const struct shape_field *field_of(const struct shape *s, struct str name)
{
    for (const struct shape_field *f = s->fields; f->name; f++)
        if (str_eqc(name, f->name)) return f;
    return NULL;
}

static bool unknown(struct checking *c, const struct shape *s, const struct node_pair *p)
{
    const char *names[40];
    size_t n = 0;
    for (const struct shape_field *f = s->fields; f->name && n < ARRAY_LEN(names); f++) names[n++] = f->name;
    const char *near = str_nearest(p->key, names, n);
    struct err *e = errs_add(c->errs, (struct err_at){ "body", p->line, p->col }, -EINVAL, "unknown field \"%.*s\"",
                             (int)MIN(p->key.n, (size_t)80), p->key.p);
    if (near) err_hint(e, "did you mean %s?", near);
    return false;
}

static bool check_object(struct checking *c, const struct shape *s, const struct node *n)
{
    bool ok = true;
    if (oops(!s) || n->type != NODE_MAP) return WRONG(n, "must be an object, not %s", node_type_name(n->type));
    for (size_t i = 0; i < n->n; i++) {
        const struct shape_field *f = field_of(s, n->pairs[i].key);
        ok = (f ? check_field(c, f, n->pairs[i].value) : s->open || unknown(c, s, &n->pairs[i])) && ok;
    }
    for (const struct shape_field *f = s->fields; f->name; f++)
        if ((f->flags & SHAPE_REQUIRED) && !tree_get(n, f->name)) ok = WRONG(n, "%s is missing", f->name);
    return ok;
}

bool shape_check(const struct shape *s, const struct node *body, struct arena *a, struct errs *errs)
{
    struct checking c = { .a = a, .errs = errs };
    return check_object(&c, s, body);
}
