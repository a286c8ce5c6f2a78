/* The mark on a route that Traffic made or changed: who says so, and by what the weights are chosen. It is an unknown protobuf
 * field of the route's message: it lives through copies, counts in comparisons, and neither YAML nor JSON can write or show it. */
#ifndef WEFT_TRANSLATE_OVERLAY_MARK_H
#define WEFT_TRANSLATE_OVERLAY_MARK_H

#include "translate/mesh.h"

typedef Weft__Config__RouteMark route_mark;

void route_mark_set(struct arena *a, i_http_route *r, const route_mark *m);
/* In the arena; NULL: a person's route as it was written. */
const route_mark *route_mark_of(struct arena *a, const i_http_route *r);

#endif
