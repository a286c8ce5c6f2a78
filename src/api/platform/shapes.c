/* The shapes. */
#include "api/platform/shape.h"
#include "api/platform/shapes_release.h"

/* Shorthand for rows: name, what it is, limits, text. */
#define F(name, type, flags, of, lo, hi, doc)                                                                                              \
    {                                                                                                                                      \
        name, SHAPE_##type, flags, of, lo, hi, doc                                                                                         \
    }
#define END                                                                                                                                \
    {                                                                                                                                      \
        0                                                                                                                                  \
    }

static const struct shape_field reason[] = { F("reason", TEXT, 0, NULL, 0, 2000, "Why; kept with the change."), END };

const struct shape shapes[] = {
    { "Reason", "A change without more to say than why.", reason, false, "{\"reason\": \"load test\"}" },
    SHAPES_RELEASE,
};
const size_t n_shapes = ARRAY_LEN(shapes);
