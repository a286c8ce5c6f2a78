/* YAML and JSON text as one tree of nodes, each with its place in the file. Everything that people write (manifests,
 * bootstraps, REST bodies) is read into this tree first; pb.h turns trees into messages.
 *
 * All nodes and strings live in the caller's arena. Aliases share nodes: a tree is a graph without cycles. */
#ifndef WEFT_PB_TREE_H
#define WEFT_PB_TREE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "pb/errs.h"

enum {
    TREE_FILE_MAX = 16 << 20, /* bytes of one file */
    TREE_DOC_MAX = 1 << 20,   /* bytes of one document (Kubernetes stores about as much); Lists may be longer, their items not */
    TREE_DEPTH_MAX = 64,      /* mappings and sequences inside each other */
    TREE_ALIAS_MAX = 100000,  /* nodes that the aliases of one document may stand for together */
};

enum node_type {
    NODE_NULL,   /* null, ~ or nothing written */
    NODE_BOOL,   /* true, false; plain yes/no/on/off too, as Kubernetes' YAML reads them */
    NODE_NUMBER, /* `text` as written: integer, float, .inf, .nan, 0x and 0o forms */
    NODE_STRING,
    NODE_SEQ,
    NODE_MAP,
};

struct node_pair;

struct node {
    enum node_type type;
    unsigned line, col; /* from 1; the first character of the value */
    unsigned weight;    /* nodes in this subtree, aliases expanded */
    unsigned height;    /* levels of this subtree: 1 for a scalar */
    bool b;             /* NODE_BOOL */
    struct str text;    /* scalars: the text as written, without quotes and escapes; NUL behind it */
    size_t n;           /* NODE_SEQ: items; NODE_MAP: pairs */
    union {
        struct node **items;
        struct node_pair *pairs; /* in the file's order */
    };
};

struct node_pair {
    struct str key;
    unsigned line, col; /* of the key */
    struct node *value;
};

typedef VEC(struct node *) tree_docs; /* vec_free() frees the vector, the arena owns the nodes */

/* Reads all documents of a YAML file; empty documents are left out. Several errors are possible; what was read before the
 * first syntax error is in `docs` all the same. Errors name `file`, which must outlive them. Returns 0, or -EINVAL when
 * an error was added. */
int tree_read_yaml(struct str text, const char *file, struct arena *a, tree_docs *docs, struct errs *errs);
/* The same for JSON (RFC 8259): one value, or several one after the other. */
int tree_read_json(struct str text, const char *file, struct arena *a, tree_docs *docs, struct errs *errs);
/* JSON if the name ends in .json, or the text starts with '{' or '[' and is JSON; else YAML. */
int tree_read(struct str text, const char *file, struct arena *a, tree_docs *docs, struct errs *errs);

/* The value of a key, or NULL (also when n is NULL or no mapping). */
struct node *tree_get(const struct node *n, const char *key);
struct node_pair *tree_pair(const struct node *n, struct str key);
/* The text of a NODE_STRING behind a key, or an empty str. */
struct str tree_text(const struct node *n, const char *key);
/* "a string", "a number", "a list", "an object"...: for messages. */
const char *node_type_name(enum node_type t);
static inline struct err_at node_at(const struct node *n, const char *file) { return (struct err_at){ file, n->line, n->col }; }

/* Building trees for output. Strings are not copied. */
struct node *tree_new(struct arena *a, enum node_type t);
struct node *tree_string(struct arena *a, struct str s);
struct node *tree_number(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct node *tree_bool(struct arena *a, bool b);
/* Adds a pair or an item at the end (grows by doubling; no check for duplicates). */
void tree_add(struct arena *a, struct node *map, struct str key, struct node *value);
void tree_push(struct arena *a, struct node *seq, struct node *item);
/* Takes a key out; true if it was there. */
bool tree_remove(struct node *map, const char *key);
/* Sorts the keys of all mappings below by bytes, as kubectl prints them. */
void tree_sort(struct node *n);
/* Deep copy; tree_merge lays `over` on `base` as an RFC 7386 merge patch does (null removes) and returns the result. */
struct node *tree_copy(struct arena *a, const struct node *n);
struct node *tree_merge(struct arena *a, struct node *base, const struct node *over);
/* Same values (numbers by text, mappings in any order). */
bool tree_equal(const struct node *a, const struct node *b);

/* Text. indent 0: one line without spaces; else pretty with that many spaces. YAML: block style, indent 2, strings quoted only
 * where they would be read as something else; ends with a newline. */
void tree_json(const struct node *n, unsigned indent, struct buf *out);
void tree_yaml(const struct node *n, struct buf *out);
/* A JSON string literal with its quotes. */
void tree_json_string(struct str s, struct buf *out);

#endif
