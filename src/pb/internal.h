/* What the files of src/pb share with each other and with nobody else. */
#ifndef WEFT_PB_INTERNAL_H
#define WEFT_PB_INTERNAL_H

#include "base/map.h"
#include "pb/pb.h"

/* --- yaml.c, json.c --- */

/* What a plain (unquoted) scalar is: null, bool, number or string; *b gets the value of a bool. */
enum node_type scalar_resolve(struct str s, bool *b);
/* Errors common to both readers. */
int tree_check_file(struct str text, const char *file, struct errs *errs);
void tree_check_doc(size_t bytes, const struct node *n, const char *file, struct errs *errs, tree_docs *docs);
/* Adds what the children of a finished node contribute to its weight and height. */
void node_measure(struct node *n);
/* Reports keys that occur twice. */
void node_check_keys(const struct node *map, const char *file, struct errs *errs);

/* --- names.c --- */

/* Messages of packages under k8s.io: Kubernetes' spelling and strictness. */
bool pb_is_k8s(const ProtobufCMessageDescriptor *d);
/* The JSON name of a field, in buf of PB_NAME_MAX bytes. Returns buf. */
enum { PB_NAME_MAX = 128 };
char *pb_json_name(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f, char *buf);
/* The field of that JSON name (or .proto name unless camel_only); NULL: none. */
const ProtobufCFieldDescriptor *pb_field(const ProtobufCMessageDescriptor *d, struct str name, bool camel_only);
/* A map<K, V>: the entry's descriptor, else NULL. */
const ProtobufCMessageDescriptor *pb_map_entry(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f);

/* --- layout of generated structs --- */

static inline void *pb_slot(const void *msg, const ProtobufCFieldDescriptor *f) { return (char *)(uintptr_t)msg + f->offset; }
/* has_x of scalars, n_x of repeated fields, x_case of a oneof. */
static inline void *pb_quant(const void *msg, const ProtobufCFieldDescriptor *f) { return (char *)(uintptr_t)msg + f->quantifier_offset; }
static inline bool pb_in_oneof(const ProtobufCFieldDescriptor *f) { return (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0; }
/* Bytes of one value of a field. */
size_t pb_element_size(const ProtobufCFieldDescriptor *f);
/* Is it set (a repeated field: not empty)? */
bool pb_is_set(const void *msg, const ProtobufCFieldDescriptor *f);

/* --- decode.c, scalar.c, wkt.c --- */

struct pb_dec {
    const struct pb_policy *policy;
    struct arena *a;
    struct pb_positions *pos;
    struct errs *errs;
    struct buf path; /* "spec.http[0]" */
    struct {
        const ProtobufCMessageDescriptor *d;
        size_t path;
    } up[TREE_DEPTH_MAX * 2 + 2]; /* messages that we are in */
    unsigned depth;
};

/* Adds an error at a node; the text starts with the path. */
PRINTF_LIKE(3, 4) struct err *dec_error(struct pb_dec *d, const struct node *n, const char *fmt, ...);
void dec_message(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *desc, ProtobufCMessage *m,
                 const char *const *skip);
/* One value (not a list) into its slot. */
void dec_value(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *owner, const ProtobufCFieldDescriptor *f,
               void *slot);
void dec_scalar(struct pb_dec *d, const struct node *n, const ProtobufCMessageDescriptor *owner, const ProtobufCFieldDescriptor *f,
                void *slot);
/* The pairs of a mapping by key: maps have no order, so messages and their hashes must not depend on the file's. */
const struct node_pair **dec_sorted(struct pb_dec *d, const struct node *map);
/* A string with a NUL behind it; NULL after an error. */
char *dec_string(struct pb_dec *d, const struct node *n);
/* A whole number in [lo, hi]; true on success. */
bool dec_integer(struct pb_dec *d, const struct node *n, bool quoted_ok, int64_t lo, uint64_t hi, uint64_t *ret);

/* Messages with a JSON form of their own. */
struct pb_enc {
    const struct pb_format *f;
    struct arena *a;
};
struct pb_special {
    const char *name;
    void (*decode)(struct pb_dec *d, const struct node *n, ProtobufCMessage *m);
    struct node *(*encode)(struct pb_enc *e, const ProtobufCMessage *m);
};
const struct pb_special *pb_special(const ProtobufCMessageDescriptor *d);
struct node *enc_message(struct pb_enc *e, const ProtobufCMessage *m);
struct node *enc_scalar(struct pb_enc *e, const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f, const void *slot);
struct node *enc_double(struct arena *a, double v);

/* --- base64.c --- */
/* Standard or URL-safe alphabet, padding optional; NULL when it is neither. */
uint8_t *base64_decode(struct arena *a, struct str s, size_t *n);
char *base64_encode(struct arena *a, const uint8_t *p, size_t n);

#endif
