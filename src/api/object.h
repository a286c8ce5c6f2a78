/* Resources as the store keeps them. The text of an object leaves out what the store itself says of it (uid, resourceVersion,
 * generation, creationTimestamp); here the two are put together again, as a resource or as text. */
#ifndef WEFT_API_OBJECT_H
#define WEFT_API_OBJECT_H

#include "config/types.h"
#include "store/store.h"

/* "virtualservices.networking.istio.io", "pods": the store's name of a kind, and Kubernetes' in messages. */
struct str object_kind_name(const struct kind *k);
/* NULL: none of ours. */
const struct kind *object_kind(struct str name);

/* The text to store: one line, apiVersion, kind and metadata first. -E2BIG when it is larger than a resource may be. */
int object_text(const struct resource *r, struct buf *out, struct err *e);
/* What the store holds as a resource; NULL and e when it cannot be read. */
struct resource *object_read(const struct store_object *o, struct err *e);
/* A copy of r with uid, version, generation and creation time as the store gave them. */
struct resource *object_stamp(const struct resource *r, const struct store_object *o);
/* Appends the object as JSON in one line, with its stamps; version 0: the object's own. api_version NULL: as written. */
void object_write(struct buf *out, const struct store_object *o, const char *api_version, uint64_t version);

/* metav1.Time, which has whole seconds. */
K8sTime object_time(int64_t wall_ms);

/* Pieces of a resource for whoever makes a changed copy: a flat copy of its message and its metadata in the arena, to
 * be edited (pointers replaced, not what they point at) and given to resource_make(). */
struct object_shell {
    ProtobufCMessage *msg;
    ObjectMeta *meta;
};
struct object_shell object_shell(const struct resource *r, struct arena *a);
/* Storage of a message field of the whole object ("spec", "status"); NULL when the kind has no such field. */
ProtobufCMessage **object_part(ProtobufCMessage *msg, const char *name);

#endif
