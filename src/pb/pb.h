/* Trees <-> protobuf messages by descriptor, so that a new field is a line in a .proto file.
 *
 * Reading follows the protobuf JSON mapping (https://protobuf.dev/programming-guides/json/) with what Istio, Envoy and
 * Kubernetes add: durations in Go's form ("5000ms", "1m30s") too, IntOrString, Quantity, metav1.Time. Names are lowerCamelCase;
 * the names of the .proto file (snake_case) are read too unless the policy says camel only. Messages of packages under
 * k8s.io use Kubernetes' spelling (podIP for pod_ip) and its strictness (no numbers in quotes).
 * Unknown fields, wrong types, bad enum values, durations and ranges are errors with file, line, column, path and a
 * suggestion, and all of them are reported, not only the first.
 *
 * Messages and everything they point at live in the arena: never protobuf_c_message_free_unpacked() them. */
#ifndef WEFT_PB_PB_H
#define WEFT_PB_PB_H

#include "pb/tree.h"

#include <protobuf-c/protobuf-c.h>

/* Where the value of each field stood in the file, kept while decoding, for checks that come later. The key is the address
 * of the field's storage: &vs->hosts (the list), &vs->hosts[1] (an element), &http->timeout, &port->number; for a map entry
 * the address of its slot in the list. */
struct pb_pos {
    const void *slot;
    unsigned line, col;
};
struct pb_positions {
    const char *file;
    VEC(struct pb_pos) at;
    bool sorted;
};
/* Makes pb_where() a search without change, so that several threads may ask. */
void pb_positions_sort(struct pb_positions *p);
/* The place of a slot; line 0 (and the file) when it was not written. positions may be NULL. */
struct err_at pb_where(struct pb_positions *p, const void *slot);
void pb_positions_free(struct pb_positions *p);

/* Finds the descriptor of a message by full name ("envoy.config.route.v3.Route"); NULL: unknown. */
typedef const ProtobufCMessageDescriptor *pb_registry_fn(struct str full_name, void *ctx);

struct pb_policy {
    const char *file;          /* for errors; must outlive them */
    bool camel_only;           /* names of the .proto file are unknown fields */
    const char *const *skip;   /* top-level keys that are not fields ("apiVersion", "kind"), NULL-terminated; may be NULL */
    const char *unknown_field; /* text in front of the name, NULL: "unknown field" */
    pb_registry_fn *registry;  /* for google.protobuf.Any; NULL: Any is an error */
    void *registry_ctx;
};

/* Decodes a mapping. NULL when an error was added to errs. pos may be NULL. */
ProtobufCMessage *pb_decode(const struct node *n, const ProtobufCMessageDescriptor *d, const struct pb_policy *policy, struct arena *a,
                            struct pb_positions *pos, struct errs *errs);

struct pb_format {
    bool snake;               /* names of the .proto file (Envoy's config_dump) instead of lowerCamelCase */
    bool enum_numbers;        /* not the names */
    pb_registry_fn *registry; /* to open google.protobuf.Any; without it, or for unknown types: {"@type", "value": base64} */
    void *registry_ctx;
    /* true: the field's value is printed as "[redacted]"; may be NULL. */
    bool (*redact)(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f);
};

/* Fields that are not set are left out; f may be NULL for the defaults. The tree lives in the arena and points into m. */
struct node *pb_to_tree(const ProtobufCMessage *m, const struct pb_format *f, struct arena *a);
void pb_to_json(const ProtobufCMessage *m, const struct pb_format *f, unsigned indent, struct buf *out);
void pb_to_yaml(const ProtobufCMessage *m, const struct pb_format *f, struct buf *out);

/* Allocates from an arena for protobuf_c_message_unpack(); freeing does nothing. Lives as long as *a does. */
ProtobufCAllocator pb_arena_allocator(struct arena *a);
/* protobuf_c_message_unpack() into an arena; NULL when the bytes are no such message. */
ProtobufCMessage *pb_unpack(const ProtobufCMessageDescriptor *d, struct str bytes, struct arena *a);
/* The packed bytes, in the arena. */
struct str pb_pack(const ProtobufCMessage *m, struct arena *a);
/* An Any with the packed message ("type.googleapis.com/" + full name). */
struct Google__Protobuf__Any;
struct Google__Protobuf__Any *pb_any(const ProtobufCMessage *m, struct arena *a);
/* An empty message of a type, or a deep copy, in the arena. */
ProtobufCMessage *pb_new(const ProtobufCMessageDescriptor *d, struct arena *a);
ProtobufCMessage *pb_copy(const ProtobufCMessage *m, struct arena *a);
/* xxHash64 of the packed bytes: the same in each run and on each machine. NULL hashes to 0. */
uint64_t pb_hash(const ProtobufCMessage *m);
bool pb_equal(const ProtobufCMessage *a, const ProtobufCMessage *b);

/* "1.5s", "300ms", "1m30s", "1h" -> seconds and nanoseconds of one sign (Go's time.ParseDuration, which covers protobuf's form).
 * false when the text is none or does not fit. */
bool pb_duration(struct str s, int64_t *sec, int32_t *nanos);
/* The shortest protobuf form, "5s", "0.250s"; buf of 32 bytes or more. Returns buf. */
char *pb_duration_text(int64_t sec, int32_t nanos, char *buf, size_t n);
/* RFC 3339 <-> seconds since 1970 and nanoseconds. */
bool pb_time(struct str s, int64_t *sec, int32_t *nanos);
char *pb_time_text(int64_t sec, int32_t nanos, char *buf, size_t n);

#endif
