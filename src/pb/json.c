/* JSON text (RFC 8259) -> trees: a reader of ours, because people need line and column. Several values may follow each other. */
#include "pb/internal.h"

struct json {
    const char *p, *end;
    const char *mark; /* line and col are of this byte; they only move forward */
    unsigned line, col;
    unsigned depth;
    const char *file;
    struct arena *a;
    struct errs *errs;
    bool stop;
};

/* The place of a byte at or behind the last one asked for. */
static struct err_at place(struct json *j, const char *at)
{
    for (; j->mark < at; j->mark++) {
        if (*j->mark == '\n')
            j->line++, j->col = 1;
        else if (((unsigned char)*j->mark & 0xc0) != 0x80)
            j->col++;
    }
    return (struct err_at){ j->file, j->line, j->col };
}

static struct node *fail(struct json *j, const char *at, const char *what)
{
    if (!j->stop) errs_add(j->errs, place(j, at), -EINVAL, "JSON syntax: %s", what);
    j->stop = true;
    return NULL;
}

static void skip_space(struct json *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r')) j->p++;
}

static struct node *new_node(struct json *j, enum node_type t)
{
    struct err_at at = place(j, j->p);
    struct node *n = tree_new(j->a, t);
    n->line = at.line;
    n->col = at.col;
    return n;
}

/* Length of the UTF-8 sequence at p, 0 when it is none (overlong, surrogate and too large ones too). */
static size_t utf8_len(const char *s, const char *end)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t left = (size_t)(end - s);
    if (p[0] < 0x80) return 1;
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : p[0] >= 0xe0 && p[0] <= 0xef ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    if (!n || left < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static bool hex4(struct json *j, unsigned *ret)
{
    if (j->end - j->p < 4) return false;
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        int c = *j->p++;
        int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (d < 0) return false;
        v = v << 4 | (unsigned)d;
    }
    *ret = v;
    return true;
}

static size_t utf8_put(char *o, unsigned c)
{
    if (c < 0x80) return o[0] = (char)c, 1;
    if (c < 0x800) return o[0] = (char)(0xc0 | c >> 6), o[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000) return o[0] = (char)(0xe0 | c >> 12), o[1] = (char)(0x80 | (c >> 6 & 63)), o[2] = (char)(0x80 | (c & 63)), 3;
    return o[0] = (char)(0xf0 | c >> 18), o[1] = (char)(0x80 | (c >> 12 & 63)), o[2] = (char)(0x80 | (c >> 6 & 63)),
           o[3] = (char)(0x80 | (c & 63)), 4;
}

/* What follows a backslash; adds to o and returns the number of bytes, 0 after an error. */
static size_t read_escape(struct json *j, char *o)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = j->p;
    if (j->p == j->end) return fail(j, at, "the string has no end"), 0;
    char c = *j->p++;
    const char *k = c ? strchr(from, c) : NULL;
    if (k) return *o = to[k - from], 1;
    unsigned u, low;
    if (c != 'u' || !hex4(j, &u)) return fail(j, at, "unknown escape in a string"), 0;
    if (u >= 0xd800 && u < 0xdc00) {
        if (j->end - j->p < 2 || j->p[0] != '\\' || j->p[1] != 'u') return fail(j, at, "half of a surrogate pair"), 0;
        j->p += 2;
        if (!hex4(j, &low) || low < 0xdc00 || low > 0xdfff) return fail(j, at, "half of a surrogate pair"), 0;
        u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
    } else if (u >= 0xdc00 && u < 0xe000) {
        return fail(j, at, "half of a surrogate pair"), 0;
    }
    return utf8_put(o, u);
}

/* A string at its opening quote, unescaped into the arena; false after an error. */
static bool read_string(struct json *j, struct str *ret)
{
    const char *start = ++j->p, *q = start;
    while (q < j->end && *q != '"') q += *q == '\\' ? 2 : 1;
    if (q >= j->end) return fail(j, start - 1, "the string has no end"), false;
    char *o = arena_alloc(j->a, (size_t)(q - start) + 1), *w = o;
    while (*j->p != '"') {
        if (*j->p == '\\') {
            j->p++;
            size_t n = read_escape(j, w);
            if (!n) return false;
            w += n;
            continue;
        }
        if ((unsigned char)*j->p < 0x20) return fail(j, j->p, "a control character in a string; write it as an escape"), false;
        size_t n = utf8_len(j->p, j->end);
        if (!n) return fail(j, j->p, "invalid UTF-8"), false;
        while (n--) *w++ = *j->p++;
    }
    j->p++;
    *w = 0;
    *ret = str_make(o, (size_t)(w - o));
    return true;
}

/* The grammar's number; sets text. */
static struct node *read_number(struct json *j)
{
    struct node *n = new_node(j, NODE_NUMBER);
    const char *s = j->p, *p = s;
#define DIGITS()                                                                                                                           \
    ({                                                                                                                                     \
        const char *d_ = p;                                                                                                                \
        while (p < j->end && *p >= '0' && *p <= '9') p++;                                                                                  \
        p > d_;                                                                                                                            \
    })
    if (*p == '-') p++;
    bool ok = p < j->end && *p == '0' ? (p++, true) : DIGITS();
    if (ok && p < j->end && *p == '.') ok = (p++, DIGITS());
    if (ok && p < j->end && (*p | 32) == 'e') {
        p++;
        if (p < j->end && (*p == '+' || *p == '-')) p++;
        ok = DIGITS();
    }
#undef DIGITS
    if (!ok || (p < j->end && *p >= '0' && *p <= '9')) return fail(j, s, "not a number");
    n->text = arena_str(j->a, str_make(s, (size_t)(p - s)));
    j->p = p;
    return n;
}

static struct node *read_word(struct json *j)
{
    static const struct {
        const char *word;
        enum node_type t;
        bool b;
    } words[] = {
        { "true", NODE_BOOL, true },
        { "false", NODE_BOOL, false },
        { "null", NODE_NULL, false },
    };
    struct str rest = str_make(j->p, (size_t)(j->end - j->p));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct str w = str_of(words[i].word);
        if (!str_starts(rest, w)) continue;
        struct node *n = new_node(j, words[i].t);
        n->b = words[i].b;
        n->text = w;
        j->p += w.n;
        return n;
    }
    return fail(j, j->p, "expected a value");
}

static struct node *read_value(struct json *j);

static bool read_member(struct json *j, struct node *map)
{
    struct err_at at = place(j, j->p);
    struct str key;
    if (j->p >= j->end || *j->p != '"') return fail(j, j->p, "expected a key in quotes"), false;
    if (!read_string(j, &key)) return false;
    skip_space(j);
    if (j->p >= j->end || *j->p != ':') return fail(j, j->p, "expected ':' behind the key"), false;
    j->p++;
    struct node *v = read_value(j);
    if (!v) return false;
    tree_add(j->a, map, key, v);
    map->pairs[map->n - 1].line = at.line;
    map->pairs[map->n - 1].col = at.col;
    return true;
}

/* An object or array at its opening bracket. */
static struct node *read_many(struct json *j)
{
    bool map = *j->p == '{';
    char close = map ? '}' : ']';
    if (j->depth == TREE_DEPTH_MAX) {
        errs_add(j->errs, place(j, j->p), -EINVAL, "more than %d levels deep", TREE_DEPTH_MAX);
        j->stop = true;
        return NULL;
    }
    struct node *n = new_node(j, map ? NODE_MAP : NODE_SEQ);
    j->p++;
    j->depth++;
    skip_space(j);
    bool first = true;
    while (j->p < j->end && *j->p != close) {
        if (!first && *j->p++ != ',') return fail(j, j->p - 1, map ? "expected ',' or '}'" : "expected ',' or ']'");
        first = false;
        skip_space(j);
        if (map) {
            if (!read_member(j, n)) return NULL;
        } else {
            struct node *v = read_value(j);
            if (!v) return NULL;
            tree_push(j->a, n, v);
        }
        skip_space(j);
    }
    if (j->p == j->end) return fail(j, j->p, map ? "the object has no end" : "the list has no end");
    j->p++;
    j->depth--;
    if (map) node_check_keys(n, j->file, j->errs);
    node_measure(n);
    return n;
}

static struct node *read_value(struct json *j)
{
    skip_space(j);
    if (j->p == j->end) return fail(j, j->p, "expected a value, the text ends here");
    char c = *j->p;
    if (c == '{' || c == '[') return read_many(j);
    if (c == '-' || (c >= '0' && c <= '9')) return read_number(j);
    if (c != '"') return read_word(j);
    struct node *n = new_node(j, NODE_STRING);
    return read_string(j, &n->text) ? n : NULL;
}

int tree_read_json(struct str text, const char *file, struct arena *a, tree_docs *docs, struct errs *errs)
{
    if (tree_check_file(text, file, errs) < 0) return -EFBIG;
    size_t before = errs_count(errs);
    struct json j = { .p = text.p, .end = text.p + text.n, .mark = text.p, .line = 1, .col = 1, .file = file, .a = a, .errs = errs };
    skip_space(&j);
    if (j.p == j.end) fail(&j, j.p, "the text is empty");
    while (j.p < j.end) {
        const char *start = j.p;
        struct node *n = read_value(&j);
        if (!n) break;
        tree_check_doc((size_t)(j.p - start), n, file, errs, docs);
        skip_space(&j);
    }
    return errs_count(errs) == before ? 0 : -EINVAL;
}

int tree_read(struct str text, const char *file, struct arena *a, tree_docs *docs, struct errs *errs)
{
    if (file && str_ends(str_of(file), STR(".json"))) return tree_read_json(text, file, a, docs, errs);
    struct str t = str_trim(text);
    if (t.n && (t.p[0] == '{' || t.p[0] == '[')) {
        struct errs mine = { 0 };
        size_t n = docs->n;
        if (tree_read_json(text, file, a, docs, &mine) == 0) return 0;
        bool syntax = mine.n && strncmp(mine.v[0].what, "JSON syntax", 11) == 0;
        if (!syntax) {
            errs_move(errs, &mine);
            return -EINVAL;
        }
        errs_free(&mine);
        docs->n = n; /* YAML's flow style starts the same way */
    }
    return tree_read_yaml(text, file, a, docs, errs);
}
