/* Inside route: small builders that several compilers share. */
#ifndef WEFT_ROUTE_BUILD_H
#define WEFT_ROUTE_BUILD_H

#include "route/table.h"

#include "envoy.config.route.v3.pb-c.h"

struct fraction fraction_of(const Envoy__Type__V3__FractionalPercent *p, struct fraction otherwise);
struct fraction runtime_fraction_of(const Envoy__Config__Core__V3__RuntimeFractionalPercent *p, struct fraction otherwise);
/* n compiled header matches; NULL and *e on a bad one (never NULL otherwise, also for n = 0). */
struct header_match *header_matches(Envoy__Config__Route__V3__HeaderMatcher *const *from, size_t n, struct route_build *b, struct err *e);
struct str *str_copies(char *const *from, size_t n, struct arena *a);
/* Per-route filter settings laid over `f`, which holds those of the level above. */
int route_filters_compile(struct route_filters *f, void *entries, size_t n, struct route_build *b, struct err *e);
int retry_policy_compile(struct retry_policy **ret, const Envoy__Config__Route__V3__RetryPolicy *m, struct route_build *b, struct err *e);
int route_action_compile(struct route_action *a, const Envoy__Config__Route__V3__RouteAction *m, const struct retry_policy *inherited,
                         const struct route_filters *filters, struct route_build *b, struct err *e);
int regex_rewrite_compile(struct regex_rewrite *r, const Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *m, struct route_build *b,
                          struct err *e);
int metadata_match_compile(struct metadata_match *ret, const Envoy__Config__Core__V3__Metadata *m, const char *filter, struct arena *a);
int mirror_compile(struct mirror_policy *p, const Envoy__Config__Route__V3__RouteAction__RequestMirrorPolicy *m, struct route_build *b,
                   struct err *e);

#endif
