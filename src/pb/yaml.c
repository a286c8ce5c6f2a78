/* YAML text -> trees, on libyaml's events. Plain scalars are typed as Kubernetes' YAML library does it (YAML 1.1's yes/no/on/off
 * are bools), merge keys ("<<") are carried out, tags other than the standard ones are refused. */
#include "pb/internal.h"

#include <yaml.h>

struct anchor {
    struct node *node; /* NULL while the anchored node is still being read */
};

struct reader {
    yaml_parser_t p;
    const char *file;
    struct str text;
    struct arena *a;
    struct errs *errs;
    struct map anchors;  /* name -> struct anchor, of this document */
    size_t alias_weight; /* nodes that aliases of this document stand for */
    unsigned depth;
    size_t line_at, line_off; /* a line and the offset where it starts: for the size of documents */
    bool stop;                /* after an error that makes the rest unreadable */
};

static struct err_at at_mark(const struct reader *r, yaml_mark_t m)
{
    return (struct err_at){ r->file, (unsigned)m.line + 1, (unsigned)m.column + 1 };
}

/* Is it one of the words, in lower case, upper case or capitalised? */
static bool is_word(struct str s, const char *const *words)
{
    for (; *words; words++) {
        if (!str_ieq(s, str_of(*words))) continue;
        bool lower = true, upper = true, rest_lower = true;
        for (size_t i = 0; i < s.n; i++) {
            bool up = s.p[i] >= 'A' && s.p[i] <= 'Z';
            lower &= !up;
            upper &= up;
            if (i) rest_lower &= !up;
        }
        return lower || upper || rest_lower;
    }
    return false;
}

static bool all_digits(struct str s, int base)
{
    if (!s.n) return false;
    for (size_t i = 0; i < s.n; i++) {
        int c = s.p[i];
        int v = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 99;
        if (v >= base) return false;
    }
    return true;
}

static bool is_float(struct str s)
{
    size_t digits = 0, i = 0;
    bool dot = false;
    for (; i < s.n && (s.p[i] == '.' || (s.p[i] >= '0' && s.p[i] <= '9')); i++) {
        if (s.p[i] == '.') {
            if (dot) return false;
            dot = true;
        } else {
            digits++;
        }
    }
    if (!digits) return false;
    if (i == s.n) return true;
    if ((s.p[i] | 32) != 'e') return false;
    i++;
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+')) i++;
    return all_digits(str_skip(s, i), 10);
}

static bool is_number(struct str s)
{
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) s = str_skip(s, 1);
    if (!s.n) return false;
    if (all_digits(s, 10)) return true;
    if (str_starts(s, STR("0x"))) return all_digits(str_skip(s, 2), 16);
    if (str_starts(s, STR("0o"))) return all_digits(str_skip(s, 2), 8);
    static const char *const special[] = { ".inf", ".nan", NULL };
    return is_float(s) || is_word(s, special);
}

enum node_type scalar_resolve(struct str s, bool *b)
{
    static const char *const nulls[] = { "null", NULL };
    static const char *const yes[] = { "true", "yes", "on", NULL };
    static const char *const no[] = { "false", "no", "off", NULL };
    if (s.n == 0 || str_eqc(s, "~") || is_word(s, nulls)) return NODE_NULL;
    if (is_word(s, yes)) return *b = true, NODE_BOOL;
    if (is_word(s, no)) return *b = false, NODE_BOOL;
    return is_number(s) ? NODE_NUMBER : NODE_STRING;
}

/* Line and column of a byte offset: only for errors of the character reader, which has no mark. */
static struct err_at at_offset(const struct reader *r, size_t off)
{
    struct err_at at = { r->file, 1, 1 };
    for (size_t i = 0; i < off && i < r->text.n; i++) {
        if (r->text.p[i] == '\n')
            at.line++, at.col = 1;
        else if (((unsigned char)r->text.p[i] & 0xc0) != 0x80)
            at.col++;
    }
    return at;
}

static void syntax_error(struct reader *r)
{
    const yaml_parser_t *p = &r->p;
    r->stop = true;
    if (p->error == YAML_READER_ERROR) {
        errs_add(r->errs, at_offset(r, p->problem_offset), -EINVAL, "this is no text: %s", p->problem);
        return;
    }
    char where[160] = "";
    if (p->context && p->context_mark.line != p->problem_mark.line)
        snprintf(where, sizeof where, " (%s that starts in line %zu)", p->context, p->context_mark.line + 1);
    else if (p->context)
        snprintf(where, sizeof where, " (%s)", p->context);
    struct err *e =
        errs_add(r->errs, at_mark(r, p->problem_mark), -EINVAL, "YAML syntax: %s%s", p->problem ? p->problem : "not YAML", where);
    size_t off = p->problem_mark.index;
    if (p->problem && strstr(p->problem, "cannot start any token") && off < r->text.n && r->text.p[off] == '\t')
        err_hint(e, "indent with spaces, not with tabs");
    else if (p->problem && strstr(p->problem, "mapping values are not allowed"))
        err_hint(e, "check the indentation, and quote values that contain \": \"");
    else if (p->problem && strstr(p->problem, "did not find expected key"))
        err_hint(e, "check the indentation of this line against the ones above");
}

static bool next_event(struct reader *r, yaml_event_t *ev)
{
    if (r->stop) return false;
    if (yaml_parser_parse(&r->p, ev)) return true;
    syntax_error(r);
    return false;
}

static struct node *node_new(struct reader *r, enum node_type t, yaml_mark_t m)
{
    struct node *n = tree_new(r->a, t);
    n->line = (unsigned)m.line + 1;
    n->col = (unsigned)m.column + 1;
    return n;
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *ev)
{
    struct node *n = node_new(r, NODE_STRING, ev->start_mark);
    n->text.p = arena_strndup(r->a, (const char *)ev->data.scalar.value, ev->data.scalar.length);
    n->text.n = ev->data.scalar.length;
    const char *tag = (const char *)ev->data.scalar.tag;
    bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (tag && strcmp(tag, YAML_STR_TAG) == 0)
        plain = false;
    else if (tag && strcmp(tag, "!") == 0)
        plain = false;
    else if (tag && strncmp(tag, "tag:yaml.org,2002:", 18) == 0)
        plain = true;
    else if (tag)
        errs_add(r->errs, at_mark(r, ev->start_mark), -EINVAL, "the YAML tag \"%.100s\" is not supported", tag);
    if (plain) n->type = scalar_resolve(n->text, &n->b);
    return n;
}

static struct node *read_alias(struct reader *r, const yaml_event_t *ev)
{
    const char *name = (const char *)ev->data.alias.anchor;
    struct anchor *an = map_get(&r->anchors, str_of(name));
    struct err_at at = at_mark(r, ev->start_mark);
    if (!an)
        errs_add(r->errs, at, -EINVAL, "the alias *%.100s has no anchor &%.100s before it", name, name);
    else if (!an->node)
        errs_add(r->errs, at, -EINVAL, "the alias *%.100s stands inside its own anchor", name);
    else if (r->depth + an->node->height > TREE_DEPTH_MAX)
        errs_add(r->errs, at, -EINVAL, "more than %d levels deep (through the alias *%.100s)", TREE_DEPTH_MAX, name);
    else if ((r->alias_weight += an->node->weight) > TREE_ALIAS_MAX)
        errs_add(r->errs, at, -EINVAL, "the aliases of this document stand for more than %d values (an alias bomb)", TREE_ALIAS_MAX);
    else
        return an->node;
    r->stop = true;
    return NULL;
}

static struct node *read_node(struct reader *r, yaml_event_t *ev);

static bool is_merge_key(const yaml_event_t *ev)
{
    return ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp((const char *)ev->data.scalar.value, "<<") == 0;
}

/* "<<: *base": the pairs of base that the mapping does not have itself. */
static void merge_into(struct reader *r, struct node *map, const struct node *from, struct err_at at)
{
    if (from->type == NODE_SEQ) {
        for (size_t i = 0; i < from->n; i++)
            if (from->items[i]->type == NODE_MAP) merge_into(r, map, from->items[i], at);
        return;
    }
    if (from->type != NODE_MAP) {
        errs_add(r->errs, at, -EINVAL, "the merge key << needs an object, got %s", node_type_name(from->type));
        return;
    }
    /* Linear in own times merged keys: the weight counts towards the alias limit, so charge the product. */
    r->alias_weight += from->n * map->n / 16;
    if (r->alias_weight > TREE_ALIAS_MAX) {
        errs_add(r->errs, at, -EINVAL, "the aliases of this document stand for more than %d values (an alias bomb)", TREE_ALIAS_MAX);
        r->stop = true;
        return;
    }
    size_t own = map->n;
    for (size_t i = 0; i < from->n; i++) {
        bool have = false;
        for (size_t j = 0; j < own && !have; j++) have = str_eq(map->pairs[j].key, from->pairs[i].key);
        if (have) continue;
        tree_add(r->a, map, from->pairs[i].key, from->pairs[i].value);
        map->pairs[map->n - 1].line = from->pairs[i].line;
        map->pairs[map->n - 1].col = from->pairs[i].col;
    }
}

/* One "key: value"; ev holds the key's event and is deleted. */
static void read_pair(struct reader *r, struct node *map, struct node **merge, yaml_event_t *ev)
{
    struct err_at at = at_mark(r, ev->start_mark);
    bool merge_key = false;
    struct str key = { 0 };
    if (ev->type == YAML_SCALAR_EVENT) {
        merge_key = is_merge_key(ev);
        key = arena_str(r->a, str_make(ev->data.scalar.value, ev->data.scalar.length));
        if (ev->data.scalar.anchor) { /* "&a key: v" is legal and of no use: the anchor is not known afterwards */
        }
    } else {
        errs_add(r->errs, at, -EINVAL, "a key must be plain text");
        r->stop = true;
    }
    yaml_event_delete(ev);
    yaml_event_t val;
    if (!next_event(r, &val)) return;
    struct node *v = read_node(r, &val);
    if (!v) return;
    if (merge_key) {
        *merge = v;
        return;
    }
    tree_add(r->a, map, key, v);
    map->pairs[map->n - 1].line = at.line;
    map->pairs[map->n - 1].col = at.col;
}

static void read_children(struct reader *r, struct node *n)
{
    struct node *merge = NULL;
    yaml_event_t ev;
    while (next_event(r, &ev)) {
        if (ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&ev);
            break;
        }
        if (n->type == NODE_MAP) {
            read_pair(r, n, &merge, &ev);
        } else {
            struct node *item = read_node(r, &ev);
            if (item) tree_push(r->a, n, item);
        }
    }
    if (n->type == NODE_MAP) node_check_keys(n, r->file, r->errs);
    if (merge) merge_into(r, n, merge, node_at(merge, r->file));
    node_measure(n);
}

/* The node that starts with an event, which is deleted. NULL: the reader stops. */
static struct node *read_node(struct reader *r, yaml_event_t *ev)
{
    struct node *n = NULL;
    struct anchor *an = NULL;
    const yaml_char_t *anchor = ev->type == YAML_SCALAR_EVENT           ? ev->data.scalar.anchor
                                : ev->type == YAML_SEQUENCE_START_EVENT ? ev->data.sequence_start.anchor
                                : ev->type == YAML_MAPPING_START_EVENT  ? ev->data.mapping_start.anchor
                                                                        : NULL;
    if (anchor) {
        an = arena_new(r->a, struct anchor);
        map_put(&r->anchors, str_of((const char *)anchor), an);
    }
    if (ev->type == YAML_ALIAS_EVENT) {
        n = read_alias(r, ev);
    } else if (ev->type == YAML_SCALAR_EVENT) {
        n = read_scalar(r, ev);
    } else if (r->depth == TREE_DEPTH_MAX) {
        errs_add(r->errs, at_mark(r, ev->start_mark), -EINVAL, "more than %d levels deep", TREE_DEPTH_MAX);
        r->stop = true;
    } else {
        n = node_new(r, ev->type == YAML_MAPPING_START_EVENT ? NODE_MAP : NODE_SEQ, ev->start_mark);
        yaml_event_delete(ev);
        r->depth++;
        read_children(r, n);
        r->depth--;
        if (an) an->node = n;
        return n;
    }
    if (an) an->node = n;
    yaml_event_delete(ev);
    return n;
}

/* Offset where a line (from 0) starts; lines are asked for in rising order. */
static size_t line_offset(struct reader *r, size_t line)
{
    while (r->line_at < line && r->line_off < r->text.n) {
        const char *nl = memchr(r->text.p + r->line_off, '\n', r->text.n - r->line_off);
        r->line_off = nl ? (size_t)(nl - r->text.p) + 1 : r->text.n;
        r->line_at++;
    }
    return r->line_off;
}

static void read_document(struct reader *r, yaml_mark_t start, tree_docs *docs)
{
    size_t from = line_offset(r, start.line), errors = errs_count(r->errs);
    r->alias_weight = 0;
    yaml_event_t ev;
    if (!next_event(r, &ev)) return;
    struct node *n = read_node(r, &ev);
    map_free(&r->anchors, NULL);
    if (r->stop || !n) return;
    if (!next_event(r, &ev)) return; /* the document's end */
    size_t to = line_offset(r, ev.end_mark.line + (ev.data.document_end.implicit ? 0 : 1));
    yaml_event_delete(&ev);
    if (errs_count(r->errs) == errors) tree_check_doc(to > from ? to - from : 0, n, r->file, r->errs, docs);
}

int tree_read_yaml(struct str text, const char *file, struct arena *a, tree_docs *docs, struct errs *errs)
{
    if (tree_check_file(text, file, errs) < 0) return -EFBIG;
    size_t before = errs_count(errs);
    struct reader r = { .file = file, .text = text, .a = a, .errs = errs };
    must(yaml_parser_initialize(&r.p));
    yaml_parser_set_input_string(&r.p, (const unsigned char *)text.p, text.n);
    yaml_event_t ev;
    while (next_event(&r, &ev)) {
        yaml_event_type_t t = ev.type;
        yaml_mark_t m = ev.start_mark;
        yaml_event_delete(&ev);
        if (t == YAML_STREAM_END_EVENT) break;
        if (t == YAML_DOCUMENT_START_EVENT) read_document(&r, m, docs);
    }
    map_free(&r.anchors, NULL);
    yaml_parser_delete(&r.p);
    return errs_count(errs) == before ? 0 : -EINVAL;
}
