/* labelSelector and fieldSelector of a list or watch. */
#ifndef WEFT_API_RESOURCES_SELECTOR_H
#define WEFT_API_RESOURCES_SELECTOR_H

#include "base/vec.h"
#include "pb/tree.h"

enum selector_op { SELECT_IN, SELECT_NOT_IN, SELECT_EXISTS, SELECT_ABSENT };

struct selector_term {
    bool field; /* key is a path of fields, else a label */
    struct str key;
    enum selector_op op;
    struct str *values;
    size_t n;
};

struct selector {
    VEC(struct selector_term) terms; /* all must hold */
    size_t values;                   /* together: bounded */
};

/* "a=b,c!=d,e in (x,y),f notin (z),g,!h" (Kubernetes' label selectors). Strings point into text; values lie in the arena. */
int selector_labels(struct selector *s, struct str text, struct arena *a, struct err *e);
/* "metadata.name=x,status.phase!=Running": fields of metadata, spec, status and involvedObject. */
int selector_fields(struct selector *s, struct str text, struct arena *a, struct err *e);
/* An object as a tree. */
bool selector_match(const struct selector *s, const struct node *object);
static inline void selector_free(struct selector *s) { vec_free(&s->terms); }

#endif
