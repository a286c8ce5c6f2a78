/* One resource: an object of a kind, decoded. Immutable once made, shared by reference count (from any thread). */
#ifndef WEFT_CONFIG_RESOURCE_H
#define WEFT_CONFIG_RESOURCE_H

#include "config/kinds.h"
#include "pb/pb.h"

#include "k8s.io.apimachinery.pkg.apis.meta.v1.pb-c.h"

typedef K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__ObjectMeta ObjectMeta;

struct resource {
    _Atomic unsigned refs;
    const struct kind *kind;
    const char *ns; /* "" for kinds without namespace */
    const char *name;
    const char *uid;         /* "" when it has none yet, as version */
    const char *version;     /* resourceVersion */
    const char *api_version; /* as written, "networking.istio.io/v1alpha3" */
    int64_t generation;
    int64_t created_ms;       /* creationTimestamp, since 1970; 0: none */
    ObjectMeta *meta;         /* never NULL */
    ProtobufCMessage *msg;    /* whole object, of kind->desc */
    struct err_at at;         /* where it starts in the file it was read from; file "" when it came another way */
    struct pb_positions *pos; /* places of its fields, or NULL */
    struct arena arena;       /* all of the above */
};

/* Makes a resource from a message (copied) whose metadata has a name; api_version NULL: the preferred one. One reference. */
struct resource *resource_make(enum kind_id kind, const ProtobufCMessage *msg, const char *api_version);
struct resource *resource_ref(const struct resource *r);
void resource_unref(const struct resource *r); /* NULL is fine */

/* Value of a label or annotation, or NULL. */
const char *resource_label(const struct resource *r, const char *key);
const char *resource_annotation(const struct resource *r, const char *key);
/* Value of a key in any map<string, string> (n entries of generated XEntry messages), or NULL. */
const char *labels_get(const ObjectMeta *m, const char *key);

/* The object as text with apiVersion and kind first. api_version NULL: as written. */
struct node *resource_to_tree(const struct resource *r, const char *api_version, struct arena *a);
void resource_to_json(const struct resource *r, const char *api_version, unsigned indent, struct buf *out);
void resource_to_yaml(const struct resource *r, const char *api_version, struct buf *out);
/* Hash of what a person controls: labels, annotations, spec and the other fields; not status, uid, resourceVersion, generation,
 * creationTimestamp and managedFields. Two resources with the same hash need no new generation. */
uint64_t resource_spec_hash(const struct resource *r);
/* "VirtualService default/reviews", "Namespace prod": for messages. Returns buf. */
char *resource_title(const struct resource *r, char *buf, size_t n);

#endif
