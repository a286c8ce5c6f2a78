/* Trees -> JSON and YAML text. */
#include "pb/internal.h"

void tree_json_string(struct str s, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    buf_append(out, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
        buf_append(out, s.p + from, i - from);
        from = i + 1;
        static const char esc[] = "\"\\\b\f\n\r\t", let[] = "\"\\bfnrt";
        const char *k = c ? strchr(esc, c) : NULL;
        char u[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
        char two[2] = { '\\', k ? let[k - esc] : 0 };
        if (k)
            buf_append(out, two, 2);
        else
            buf_append(out, u, 6);
    }
    buf_append(out, s.p + from, s.n - from);
    buf_append(out, "\"", 1);
}

static void spaces(struct buf *out, size_t n)
{
    for (; n >= 16; n -= 16) buf_append(out, "                ", 16);
    buf_append(out, "                ", n);
}

/* JSON's own grammar of numbers. */
static bool is_json_number(struct str s)
{
    if (str_starts(s, STR("-"))) s = str_skip(s, 1);
    size_t i = 0, start = 0;
#define DIGITS()                                                                                                                           \
    ({                                                                                                                                     \
        start = i;                                                                                                                         \
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') i++;                                                                             \
        i > start;                                                                                                                         \
    })
    if (!DIGITS() || (s.p[0] == '0' && i > 1)) return false;
    if (i < s.n && s.p[i] == '.' && (i++, !DIGITS())) return false;
    if (i < s.n && (s.p[i] | 32) == 'e') {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-')) i++;
        if (!DIGITS()) return false;
    }
#undef DIGITS
    return i == s.n;
}

/* YAML's other spellings (0x1f, 0o17, 017, +5, .5, 5.) become JSON's; infinity and NaN, which it has not, strings. */
static void json_number(struct str s, struct buf *out)
{
    char text[72], *end, *p = text;
    if (is_json_number(s)) {
        buf_str_append(out, s);
        return;
    }
    bool neg = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) s = str_skip(s, 1);
    snprintf(text, sizeof text, "%.*s", (int)MIN(s.n, sizeof text - 1), s.p);
    int base = str_starts(s, STR("0x")) ? 16 : str_starts(s, STR("0o")) || (s.n > 1 && s.p[0] == '0') ? 8 : 10;
    if (str_starts(s, STR("0o")) || str_starts(s, STR("0x"))) p += 2;
    errno = 0;
    unsigned long long v = strtoull(p, &end, base);
    if (*p && !*end && !errno) {
        buf_printf(out, "%s%llu", neg ? "-" : "", v);
        return;
    }
    double d = strtod(text, &end);
    if (*text && !*end && d - d == 0)
        buf_printf(out, "%s%.17g", neg ? "-" : "", d);
    else
        tree_json_string(neg ? str_make(s.p - 1, s.n + 1) : s, out);
}

static void json_node(const struct node *n, unsigned indent, size_t at, struct buf *out)
{
    switch (n->type) {
    case NODE_NULL: buf_puts(out, "null"); return;
    case NODE_BOOL: buf_puts(out, n->b ? "true" : "false"); return;
    case NODE_NUMBER: json_number(n->text, out); return;
    case NODE_STRING: tree_json_string(n->text, out); return;
    case NODE_SEQ:
    case NODE_MAP: break;
    }
    bool map = n->type == NODE_MAP;
    buf_append(out, map ? "{" : "[", 1);
    for (size_t i = 0; i < n->n; i++) {
        if (i) buf_append(out, ",", 1);
        if (indent) buf_append(out, "\n", 1);
        if (indent) spaces(out, at + indent);
        if (map) {
            tree_json_string(n->pairs[i].key, out);
            buf_puts(out, indent ? ": " : ":");
        }
        json_node(map ? n->pairs[i].value : n->items[i], indent, at + indent, out);
    }
    if (indent && n->n) {
        buf_append(out, "\n", 1);
        spaces(out, at);
    }
    buf_append(out, map ? "}" : "]", 1);
}

void tree_json(const struct node *n, unsigned indent, struct buf *out) { json_node(n, indent, 0, out); }

/* May it stand without quotes? Stricter than YAML needs, so that no reader takes it for something else. */
static bool plain_ok(struct str s)
{
    bool b;
    if (scalar_resolve(s, &b) != NODE_STRING) return false;
    if (strchr("-?:,[]{}#&*!|>'\"%@` =<.+~", s.p[0])) {
        /* "-x" and ".x" read as strings; the marks alone do not. */
        if (!strchr("-.+<=", s.p[0]) || s.n == 1 || s.p[1] == ' ' || str_starts(s, STR("---")) || str_starts(s, STR("...")) ||
            str_starts(s, STR("<<")))
            return false;
    }
    static const char *const words[] = { "y", "n", "Y", "N", "=", NULL };
    for (size_t i = 0; words[i]; i++)
        if (str_eqc(s, words[i])) return false;
    if (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == ':') return false;
    if (s.p[0] >= '0' && s.p[0] <= '9') { /* 12:30:00, 1_000, 2001-01-01: other things to YAML 1.1 */
        bool digits = true;
        for (size_t i = 0; i < s.n && digits; i++) digits = (s.p[i] >= '0' && s.p[i] <= '9') || strchr(":_-.TZ+ ", s.p[i]);
        if (digits) return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f || c >= 0x80) return false;
        if (i + 1 < s.n && c == ':' && s.p[i + 1] == ' ') return false;
        if (i + 1 < s.n && c == ' ' && s.p[i + 1] == '#') return false;
    }
    return true;
}

/* Text of several lines as a literal block, when every character of it can stand there. */
static bool block_ok(struct str s)
{
    if (str_index(s, '\n') < 0 || s.p[0] == ' ' || s.p[0] == '\n' || s.p[0] == '\t') return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || c >= 0x80) return false;
        if (c == '\n' && i && (s.p[i - 1] == ' ' || s.p[i - 1] == '\t')) return false;
    }
    return s.p[s.n - 1] != ' ' && s.p[s.n - 1] != '\t';
}

static void yaml_block(struct str s, size_t at, struct buf *out)
{
    bool end = str_ends(s, STR("\n")), two = str_ends(s, STR("\n\n"));
    buf_puts(out, two ? "|+\n" : end ? "|\n" : "|-\n");
    if (end) s.n--;
    for (struct str rest = s; rest.p;) {
        struct str line = str_cut(&rest, '\n');
        if (line.n) spaces(out, at);
        buf_str_append(out, line);
        buf_append(out, "\n", 1);
    }
}

static void yaml_scalar(const struct node *n, size_t at, struct buf *out)
{
    switch (n->type) {
    case NODE_NULL: buf_puts(out, "null"); break;
    case NODE_BOOL: buf_puts(out, n->b ? "true" : "false"); break;
    case NODE_NUMBER: buf_str_append(out, n->text); break;
    case NODE_SEQ: buf_puts(out, "[]"); break;
    case NODE_MAP: buf_puts(out, "{}"); break;
    case NODE_STRING:
        if (block_ok(n->text)) {
            yaml_block(n->text, at, out);
            return;
        }
        if (plain_ok(n->text))
            buf_str_append(out, n->text);
        else
            tree_json_string(n->text, out);
    }
    buf_append(out, "\n", 1);
}

static void yaml_node(const struct node *n, size_t at, bool first_in_line, struct buf *out);

static void yaml_key(struct str key, struct buf *out)
{
    if (key.n && plain_ok(key))
        buf_str_append(out, key);
    else
        tree_json_string(key, out);
    buf_append(out, ":", 1);
}

/* Children of a mapping or list; the first may stand behind "- ". */
static void yaml_node(const struct node *n, size_t at, bool first_in_line, struct buf *out)
{
    for (size_t i = 0; i < n->n; i++) {
        if (i || !first_in_line) spaces(out, at);
        const struct node *v = n->type == NODE_MAP ? n->pairs[i].value : n->items[i];
        bool nested = (v->type == NODE_MAP || v->type == NODE_SEQ) && v->n;
        if (n->type == NODE_MAP) {
            yaml_key(n->pairs[i].key, out);
            buf_puts(out, nested ? "\n" : " ");
            /* A list stands under its key without more indent, as kubectl writes it. */
            if (nested) yaml_node(v, v->type == NODE_SEQ ? at : at + 2, false, out);
        } else {
            buf_puts(out, "- ");
            if (nested) yaml_node(v, at + 2, true, out);
        }
        if (!nested) yaml_scalar(v, at + 2, out);
    }
}

void tree_yaml(const struct node *n, struct buf *out)
{
    if ((n->type == NODE_MAP || n->type == NODE_SEQ) && n->n)
        yaml_node(n, 0, false, out);
    else
        yaml_scalar(n, 2, out);
}
