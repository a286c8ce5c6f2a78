/* VirtualService tcp[] and tls[] -> TCP proxy filters. */
#ifndef WEFT_TRANSLATE_VS_TCP_H
#define WEFT_TRANSLATE_VS_TCP_H

#include "translate/vs_http.h"

/* The first tcp route that stands at the place; NULL: none. Matches on destination subnets are not carried out. */
e_filter *vs_tcp_filter(const struct route_place *at, const struct vs *vs);
/* Calls fn for each tls match that stands at the place: SNI hosts (wildcards possible) and where they go. */
typedef void vs_sni_fn(void *arg, char *const *sni, size_t n, e_filter *f);
void vs_tls_chains(const struct route_place *at, const struct vs *vs, vs_sni_fn *fn, void *arg);

#endif
