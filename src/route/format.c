/* Substitution format strings: compiling and writing. */
#include "route/format.h"

#include "base/vec.h"
#include "google.protobuf.pb-c.h"

typedef Google__Protobuf__Struct Struct;
typedef Google__Protobuf__Value Value;

const char format_default_log[] =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" "
    "\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

static const struct op_info {
    const char *name;
    enum format_op op;
    int argument; /* 0 none, 1 optional, 2 required */
} ops[] = {
#define X(id, text, arg) { text, FMT_##id, arg },
    FORMAT_OPS(X)
#undef X
        { "REQUEST_HEADER", FMT_REQ, 2 },
    { "RESPONSE_HEADER", FMT_RESP, 2 },
    { "RESPONSE_TRAILER", FMT_TRAILER, 2 },
};

struct parts {
    struct arena *arena;
    VEC(struct format_part) v;
};

static const struct op_info *find_op(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (str_eqc(name, ops[i].name)) return &ops[i];
    return NULL;
}

static int unknown_op(struct str name, struct err *e)
{
    const char *names[ARRAY_LEN(ops)];
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) names[i] = ops[i].name;
    const char *near = str_nearest(name, names, ARRAY_LEN(ops));
    err_set(e, -EINVAL, "unknown operator %%%.*s%% in a format string", STR_ARG(str_first(name, 60)));
    if (near) err_hint(e, "did you mean %%%s%%?", near);
    return -EINVAL;
}

static void lower_in_place(struct str s)
{
    char *p = (char *)s.p; /* our own copy in the arena */
    for (size_t i = 0; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] + 32);
}

/* REQ(X?Y): two header names. */
static void split_alternative(struct format_part *p)
{
    if (p->op != FMT_REQ && p->op != FMT_RESP && p->op != FMT_TRAILER) return;
    struct str rest = p->text;
    p->text = str_cut(&rest, '?');
    p->alt = rest.p ? rest : STR("");
    lower_in_place(p->text);
    lower_in_place(p->alt);
}

static void push_literal(struct parts *ps, struct buf *literal)
{
    if (!literal->len) return;
    struct str s = arena_str(ps->arena, buf_str(literal));
    buf_clear(literal);
    size_t n = ps->v.n;
    if (n && ps->v.v[n - 1].op == FMT_LITERAL) { /* pieces of JSON text join */
        struct str before = ps->v.v[n - 1].text;
        char *both = arena_alloc(ps->arena, before.n + s.n + 1);
        memcpy(both, before.p, before.n);
        memcpy(both + before.n, s.p, s.n);
        ps->v.v[n - 1].text = str_make(both, before.n + s.n);
        return;
    }
    vec_push(&ps->v, (struct format_part){ .op = FMT_LITERAL, .text = s });
}

/* Reads "NAME(ARG):N%" behind a '%'; *s is left behind it. */
static int read_operator(struct str *s, struct parts *ps, enum format_mode mode, struct err *e)
{
    size_t i = 0;
    while (i < s->n && ((s->p[i] >= 'A' && s->p[i] <= 'Z') || (s->p[i] >= '0' && s->p[i] <= '9') || s->p[i] == '_')) i++;
    struct str name = str_first(*s, i);
    const struct op_info *info = find_op(name);
    if (!name.n)
        return err_hint((err_set(e, -EINVAL, "a %% in a format string without an operator"), e), "write %%%% for one percent sign");
    if (!info) return unknown_op(name, e);
    struct format_part p = { .op = info->op, .mode = mode };
    *s = str_skip(*s, i);
    bool has_arg = s->n && s->p[0] == '(';
    if (has_arg) {
        ssize_t close = str_index(*s, ')');
        if (close < 0) return err_set(e, -EINVAL, "%%%.*s( without ) in a format string", STR_ARG(name));
        p.text = arena_str(ps->arena, str_skip(str_first(*s, (size_t)close), 1));
        *s = str_skip(*s, (size_t)close + 1);
    }
    if (has_arg && !info->argument) return err_set(e, -EINVAL, "%%%.*s%% takes no argument", STR_ARG(name));
    if (info->argument == 2 && !p.text.n) return err_set(e, -EINVAL, "%%%.*s%% needs an argument", STR_ARG(name));
    if (s->n && s->p[0] == ':') {
        *s = str_skip(*s, 1);
        ssize_t end = str_index(*s, '%');
        uint64_t max;
        if (end < 0 || !str_u64(str_first(*s, (size_t)end), &max) || max > 1 << 20)
            return err_set(e, -EINVAL, "%%%.*s: the length behind ':' is no number", STR_ARG(name));
        p.max = (size_t)max;
        *s = str_skip(*s, (size_t)end);
    }
    if (!s->n || s->p[0] != '%') return err_set(e, -EINVAL, "%%%.*s without the closing %% in a format string", STR_ARG(name));
    *s = str_skip(*s, 1);
    split_alternative(&p);
    vec_push(&ps->v, p);
    return 0;
}

static void json_escape(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_puts(out, "\\n");
        else if (c == '\r')
            buf_puts(out, "\\r");
        else if (c == '\t')
            buf_puts(out, "\\t");
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else
            buf_append(out, &s.p[i], 1);
    }
}

/* Compiles text into parts; literals are escaped when they go into a JSON string. */
static int read_text(struct str s, struct parts *ps, enum format_mode mode, struct buf *literal, struct err *e)
{
    while (s.n) {
        ssize_t at = str_index(s, '%');
        struct str before = at < 0 ? s : str_first(s, (size_t)at);
        if (mode == FMT_TEXT)
            buf_str_append(literal, before);
        else
            json_escape(before, literal);
        s = str_skip(s, before.n + (at >= 0));
        if (at < 0) return 0;
        if (s.n && s.p[0] == '%') { /* %% */
            buf_puts(literal, "%");
            s = str_skip(s, 1);
            continue;
        }
        push_literal(ps, literal);
        if (read_operator(&s, ps, mode, e)) return -EINVAL;
    }
    return 0;
}

static struct format *finish(struct parts *ps, int rc, struct buf *literal)
{
    struct format *f = NULL;
    if (rc == 0) {
        push_literal(ps, literal);
        f = arena_new(ps->arena, struct format);
        f->n = ps->v.n;
        f->parts = arena_array(ps->arena, struct format_part, MAX(f->n, (size_t)1));
        if (f->n) memcpy(f->parts, ps->v.v, f->n * sizeof *f->parts);
        f->literal_only = f->n == 0 || (f->n == 1 && f->parts[0].op == FMT_LITERAL);
    }
    vec_free(&ps->v);
    buf_free(literal);
    return f;
}

struct format *format_compile(struct str text, struct arena *a, struct err *e)
{
    struct parts ps = { .arena = a };
    struct buf literal = { 0 };
    int rc = read_text(text, &ps, FMT_TEXT, &literal, e);
    return finish(&ps, rc, &literal);
}

static int json_struct(const Struct *s, struct parts *ps, struct buf *literal, int depth, struct err *e);

/* A string that is one operator and nothing else keeps the operator's type. */
static bool is_one_operator(struct str s)
{
    if (s.n < 3 || s.p[0] != '%' || s.p[1] == '%' || s.p[s.n - 1] != '%') return false;
    ssize_t open = str_index(s, '('), close = str_index(s, ')');
    struct str inner = str_skip(str_first(s, s.n - 1), 1);
    if (open >= 0 && close > open) inner = str_skip(str_first(s, s.n - 1), (size_t)close);
    struct str head = open >= 0 ? str_skip(str_first(s, (size_t)open), 1) : STR("");
    return str_index(inner, '%') < 0 && str_index(head, '%') < 0;
}

static int json_string(struct str s, struct parts *ps, struct buf *literal, struct err *e)
{
    if (is_one_operator(s)) return read_text(s, ps, FMT_JSON_VALUE, literal, e);
    buf_puts(literal, "\"");
    int rc = read_text(s, ps, FMT_JSON_INNER, literal, e);
    buf_puts(literal, "\"");
    return rc;
}

static int json_value(const Value *v, struct parts *ps, struct buf *literal, int depth, struct err *e)
{
    if (depth > 16) return err_set(e, -EINVAL, "a JSON format nested more than 16 levels");
    switch (v->kind_case) {
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE: return json_string(str_of(v->string_value), ps, literal, e);
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE: return json_struct(v->struct_value, ps, literal, depth + 1, e);
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE: buf_printf(literal, "%.17g", v->number_value); return 0;
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE: buf_puts(literal, v->bool_value ? "true" : "false"); return 0;
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        buf_puts(literal, "[");
        for (size_t i = 0; i < v->list_value->n_values; i++) {
            if (i) buf_puts(literal, ",");
            if (json_value(v->list_value->values[i], ps, literal, depth + 1, e)) return -EINVAL;
        }
        buf_puts(literal, "]");
        return 0;
    default: buf_puts(literal, "null"); return 0;
    }
}

static int json_struct(const Struct *s, struct parts *ps, struct buf *literal, int depth, struct err *e)
{
    buf_puts(literal, "{");
    for (size_t i = 0; i < s->n_fields; i++) {
        buf_puts(literal, i ? ",\"" : "\"");
        json_escape(str_of(s->fields[i]->key), literal);
        buf_puts(literal, "\":");
        if (s->fields[i]->value && json_value(s->fields[i]->value, ps, literal, depth, e)) return -EINVAL;
        if (!s->fields[i]->value) buf_puts(literal, "null");
    }
    buf_puts(literal, "}");
    return 0;
}

struct format *format_compile_json(const Struct *s, struct arena *a, struct err *e)
{
    struct parts ps = { .arena = a };
    struct buf literal = { 0 };
    int rc = json_struct(s, &ps, &literal, 0, e);
    buf_puts(&literal, "\n");
    return finish(&ps, rc, &literal);
}

static void write_json(const struct format_part *p, bool set, bool number, struct str value, struct buf *out)
{
    bool quotes = p->mode == FMT_JSON_VALUE && set && !number;
    if (!set) {
        buf_puts(out, p->mode == FMT_JSON_VALUE ? "null" : "-");
        return;
    }
    if (quotes) buf_puts(out, "\"");
    json_escape(value, out);
    if (quotes) buf_puts(out, "\"");
}

void format_write(const struct format *f, const struct format_source *src, struct str unset, struct buf *out)
{
    struct buf scratch = { 0 };
    for (const struct format_part *p = f->parts; p < f->parts + f->n; p++) {
        if (p->op == FMT_LITERAL) {
            buf_str_append(out, p->text);
            continue;
        }
        struct buf *to = p->mode == FMT_TEXT ? out : &scratch;
        size_t before = to == out ? out->len : 0;
        bool number = false;
        buf_clear(&scratch);
        bool set = src && src->value(src->ctx, p, to, &number);
        if (!set) to->len = before;
        if (p->max && to->len - before > p->max) to->len = before + p->max;
        if (p->mode != FMT_TEXT)
            write_json(p, set, number, buf_str(&scratch), out);
        else if (!set && !f->omit_empty)
            buf_str_append(out, unset);
    }
    buf_free(&scratch);
}
