/* Worlds for tests, from YAML text, and translations of them as JSON. */
#ifndef WEFT_TESTS_TRANSLATE_WORLD_H
#define WEFT_TESTS_TRANSLATE_WORLD_H

#include "config/read.h"
#include "config/world.h"
#include "translate/translate.h"

#include <jansson.h>

/* All documents of all texts; fails the test on a mistake. One reference. */
struct world *world_of(const char *const *yaml, size_t n);
#define WORLD(...) world_of((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* The test's mesh of two versions, as in the dumps of tests/unit/translate/istiod. */
extern const char canary_yaml[], canary_routing_yaml[], canary_weights_yaml[], canary_gateway_yaml[];

/* What a node with this id gets of a type: {name: resource as JSON with proto names}. generator, want may be NULL. */
json_t *translated(const struct world *w, const struct mesh_options *opt, const char *id, const char *generator, enum tr_type type,
                   const char *want);
#define SIDECAR_V1 "sidecar~198.18.0.11~k8s-combat-service-v1-abc.default~default.svc.cluster.local"
#define ROUTER     "router~198.18.0.20~istio-ingressgateway-x.istio-system~istio-system.svc.cluster.local"

/* A value by path: keys and indexes separated by '/', "*" as an escape for names with '/'. NULL: not there. Borrowed. */
json_t *at(json_t *j, const char *first, ...) __attribute__((sentinel));
const char *text_at(json_t *j, const char *first, ...) __attribute__((sentinel)); /* "" when there is none */

#endif
