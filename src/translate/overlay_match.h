/* Traffic's conditions ANDed with what a person's route matches, in Istio's syntax: one entry per header and query parameter. */
#ifndef WEFT_TRANSLATE_OVERLAY_MATCH_H
#define WEFT_TRANSLATE_OVERLAY_MATCH_H

#include "translate/mesh.h"

#include "weft.dev.v1alpha1.pb-c.h"

typedef Weft__Dev__V1alpha1__Condition t_condition;
typedef Weft__Dev__V1alpha1__Attribute t_attribute;

/* What a route matches: any of the entries; none and `all`: everything. None without `all`: nothing. */
struct match_set {
    i_http_match **match;
    size_t n_match;
    bool all;
};
struct match_set match_set_of(const i_http_route *r);
/* Whether one of the entries looks at headers, withoutHeaders or queryParams. */
bool match_set_pins(const struct match_set *s);

/* The set narrowed by all conditions. What contradicts itself is left out. *why gets the reason (or stays as it is) where an AND cannot
 * be said; that entry is left out too. */
struct match_set match_set_and(struct arena *a, const struct match_set *s, t_condition *const *c, size_t n, const char **why);

#endif
