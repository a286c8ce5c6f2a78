/* Istio's mesh configuration: the key `mesh` of ConfigMap istio-system/istio, as far as Weft carries it out. */
#ifndef WEFT_API_MESH_CONFIG_H
#define WEFT_API_MESH_CONFIG_H

#include "config/world.h"
#include "translate/translate.h"

bool mesh_config_is(const struct kind *k, const char *ns, const char *name);

/* The ConfigMap, borrowed from the world; NULL when there is none. */
struct resource *mesh_config_of(const struct world *w);
/* Lays what the ConfigMap (may be NULL) says over *opt; strings lie in the arena. Fields that are not carried out, and values
 * that cannot be read, are named in the log: read it once. */
void mesh_config_read(const struct resource *r, struct mesh_options *opt, struct arena *a);

#endif
