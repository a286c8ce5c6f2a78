/* The messages that can stand in a google.protobuf.Any of ours, by full name: what src/pb opens when it reads a bootstrap
 * or prints a config_dump, and what the snapshot builders compare type URLs with. Pure data. */
#ifndef WEFT_XDSMSG_TYPES_H
#define WEFT_XDSMSG_TYPES_H

#include "base/str.h"

#include <protobuf-c/protobuf-c.h>

#define XDSMSG_URL_PREFIX "type.googleapis.com/"

/* The part of a type URL behind the last '/'. */
struct str xdsmsg_type(struct str type_url);
/* The descriptor of a full name; NULL when we do not know the type. Fits pb_registry_fn (ctx is not used). */
const ProtobufCMessageDescriptor *xdsmsg_descriptor(struct str full_name, void *ctx);
/* Whether an Any with this type URL holds a message of descriptor d. */
bool xdsmsg_is(const char *type_url, const ProtobufCMessageDescriptor *d);
/* The descriptors known, in the order of the table; NULL at the end. For tests and suggestions. */
extern const ProtobufCMessageDescriptor *const xdsmsg_all[];

/* True when a message holds fields that our .proto files do not have (binary input only: text with them is refused). */
static inline bool xdsmsg_has_unknown(const ProtobufCMessage *m) { return m->n_unknown_fields > 0; }

#endif
