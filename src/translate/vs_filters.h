/* Per-route settings of HTTP filters: fault injection and CORS of a VirtualService route. */
#ifndef WEFT_TRANSLATE_VS_FILTERS_H
#define WEFT_TRANSLATE_VS_FILTERS_H

#include "translate/vs_http.h"

void vs_filters(const struct route_place *at, const i_http_route *in, e_route *out);

#endif
