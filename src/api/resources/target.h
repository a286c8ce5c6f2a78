/* What a path of Kubernetes' dialect names: a kind in a version, and a collection or one object of it. */
#ifndef WEFT_API_RESOURCES_TARGET_H
#define WEFT_API_RESOURCES_TARGET_H

#include "api/call.h"
#include "api/resources/selector.h"
#include "config/read.h"

struct target {
    const struct kind *kind;
    const char *api_version; /* as in the path: what is answered has it */
    const char *ns;          /* NULL: all namespaces, or a kind without; in the call's arena */
    struct str name;         /* p NULL: the collection */
    struct str sub;          /* "status", "scale"; p NULL: none */
};

/* ns for a look-up of one object. */
static inline const char *target_ns(const struct target *t) { return t->ns ? t->ns : ""; }
struct resource *target_get(struct call *c, const struct target *t); /* borrowed; NULL */

/* Handlers of one target each: each answers the call. */
void resource_read(struct call *c, const struct target *t);   /* read.c: get and list */
void resource_watch(struct call *c, const struct target *t);  /* watch.c */
void resource_create(struct call *c, const struct target *t); /* write.c */
void resource_update(struct call *c, const struct target *t);
void resource_patch(struct call *c, const struct target *t);  /* patch.c */
void resource_delete(struct call *c, const struct target *t); /* delete.c */
void resource_scale(struct call *c, const struct target *t);  /* scale.c: all methods */
void discovery_group(struct call *c, struct str group);       /* discovery.c */
void discovery_resources(struct call *c, struct str group, struct str version);

/* ---- shared pieces ---- */

/* Selectors of the query (and the name, for one object). False: refused and answered. */
bool target_selector(struct call *c, const struct target *t, struct selector *s);
/* One object, as stored, in the target's version. */
void target_answer(struct call *c, const struct target *t, int status, const struct resource *r);
/* The body as one tree (JSON or YAML by content type) in the call's arena; NULL: refused and answered. */
struct node *target_body(struct call *c, const struct target *t);
/* The tree as a resource, checked; NULL: refused and answered (422). Names and namespace are the target's, or refused. */
struct resource *target_resource(struct call *c, const struct target *t, struct node *tree, bool checks);
/* The namespace exists, or 404 was answered. */
bool target_ns_exists(struct call *c, const struct target *t);
/* resourceVersion that the object in the body expects; 0: any. */
uint64_t target_expect(const struct node *tree);
/* Commits one put (unless dryRun=All) and answers with the object. Drops the caller's reference. */
void target_commit(struct call *c, const struct target *t, int status, struct resource *r, uint64_t expect);
/* The same for an object that exists: 422 when a field differs that may not change. */
void target_replace(struct call *c, const struct target *t, const struct resource *old, struct resource *r, uint64_t expect);

#endif
