/* The shapes of bodies and answers as tables: one source for what is refused and for the OpenAPI document. */
#ifndef WEFT_API_PLATFORM_SHAPE_H
#define WEFT_API_PLATFORM_SHAPE_H

#include "pb/errs.h"
#include "pb/tree.h"

#include <jansson.h>

enum shape_type {
    SHAPE_TEXT,   /* of: a word of "a|b|c", or NULL; lo, hi: bytes */
    SHAPE_NUMBER, /* lo, hi when lo < hi */
    SHAPE_INTEGER,
    SHAPE_BOOL,
    SHAPE_DURATION, /* "90s"; lo, hi in seconds */
    SHAPE_TIME,     /* RFC 3339 */
    SHAPE_OBJECT,   /* of: another shape */
    SHAPE_MESSAGE,  /* of: full name of a protobuf message */
    SHAPE_MAP,      /* of: "number" or "text": {"v1": 90} */
    SHAPE_ANY,
};

enum { SHAPE_REQUIRED = 1 << 0, SHAPE_LIST = 1 << 1, SHAPE_NULL = 1 << 2 /* answers: may be null */, SHAPE_SECRET = 1 << 3 };

struct shape_field {
    const char *name;
    enum shape_type type;
    unsigned flags;
    const char *of;
    double lo, hi;
    const char *doc;
};

struct shape {
    const char *name, *doc;
    const struct shape_field *fields; /* name NULL behind the last */
    bool open;                        /* an answer that may have more fields than these */
    const char *example;              /* JSON, for the document; tested against the fields. NULL: none */
};

/* In shapes.c. */
extern const struct shape shapes[];
extern const size_t n_shapes;
/* NULL: none. */
const struct shape *shape_find(const char *name);

/* Checks a body: unknown fields, types, ranges, what is missing. Adds an error for each, at its place in the text; false then. Nothing of
 * the protobuf messages' own rules is checked but names and types. */
bool shape_check(const struct shape *s, const struct node *body, struct arena *a, struct errs *errs);
/* JSON Schema (2020-12) of a shape; references are "#/components/schemas/NAME". */
json_t *shape_schema(const struct shape *s);
/* Adds the JSON Schemas of the protobuf messages that shapes name, as "weft.TrafficSpec" and so on. */
void shape_message_schemas(json_t *into);
/* The descriptor of a message that shapes may name, by full name; NULL: none. */
const struct ProtobufCMessageDescriptor *shape_message(const char *name);

/* "/spec/steps/1/weight": where a place in the text of a JSON body is in its tree; "" for the whole. In the arena. */
char *shape_pointer(const struct node *root, struct err_at at, struct arena *a);

#endif
