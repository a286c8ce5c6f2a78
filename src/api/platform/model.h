/* Short names for the release platform's messages, and their way between resources, trees and JSON. Pure. */
#ifndef WEFT_API_PLATFORM_MODEL_H
#define WEFT_API_PLATFORM_MODEL_H

#include "config/read.h"
#include "config/types.h"
#include "config/world.h"

#include "google.protobuf.pb-c.h"
#include "weft.dev.v1alpha1.pb-c.h"

#include <jansson.h>

#define WD(name) Weft__Dev__V1alpha1__##name
typedef WD(TrafficSpec) TrafficSpec;
typedef WD(ReleaseSpec) ReleaseSpec;
typedef WD(Condition) TrafficCondition;
typedef Google__Protobuf__Duration PbDuration;

/* The spec of a resource of that kind; NULL when r is NULL, of another kind, or has none. */
const TrafficSpec *model_traffic(const struct resource *r);
const ReleaseSpec *model_release(const struct resource *r);

/* The Traffic of a service (its host is the service, however written), or NULL. domain NULL: "cluster.local". */
struct resource *model_traffic_of(const struct world *w, const char *ns, const char *service);
/* The message as JSON; NULL gives null. A new reference. */
json_t *model_json(const ProtobufCMessage *m);
/* A tree as JSON and the other way round (numbers as their text). */
json_t *model_tree_json(const struct node *n);
struct node *model_json_tree(const json_t *j, struct arena *a);
/* A spec of a person as a whole object of the kind, checked as admission does. Errors: their place is a field of `spec`, so line and column
 * are of `text`, where spec stands as {"spec": ...}. NULL when errors were added. One reference. */
struct resource *model_read(enum kind_id kind, const char *ns, const char *name, const struct node *spec, struct errs *errors,
                            struct errs *warnings);
/* The JSON pointer of the node at a place of a tree ("/spec/split/v2"); "" when there is none. Written to the arena. */
const char *model_pointer(const struct node *root, unsigned line, unsigned col, struct arena *a);
/* Its resourceVersion as a number; 0 for NULL and for one that has none. */
uint64_t model_version(const struct resource *r);
/* The manifest without stamps and status, as YAML; "" for NULL. Heap: buf_free. */
void model_yaml(const struct resource *r, struct buf *out);

/* Milliseconds of a duration; `none` when it is absent. */
int64_t model_ms(const PbDuration *d, int64_t none);
/* "2 s", "500 ms", "10 min", "1 h 30 min": a duration for people. Returns buf (40 bytes or more). */
char *model_span(int64_t ms, char *buf, size_t n);
/* "12.5", "10": at most two decimals. Returns buf (32 bytes or more). */
char *model_number(double v, char *buf, size_t n);
/* RFC 3339 with milliseconds as a JSON string; 0: null. */
json_t *model_time(int64_t wall_ms);
/* A number, or null for NaN; how many decimals are kept is model_cut's business. */
json_t *model_real(double v);
/* Rounded to 1/scale: 100 keeps two decimals. NaN and infinities stay. */
double model_cut(double v, double scale);
json_t *model_text(const char *s); /* NULL: null */

#endif
