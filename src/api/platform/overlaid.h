/* The effective world of now with the origin of each route, made when somebody asks and kept until something changes that it is made of. */
#ifndef WEFT_API_PLATFORM_OVERLAID_H
#define WEFT_API_PLATFORM_OVERLAID_H

#include "api/platform/platform.h"
#include "translate/overlay.h"

/* Borrowed until the next commit. */
const struct overlay *overlaid(struct platform *p);
/* How many pods should have a proxy that speaks to us. */
size_t overlaid_proxies(struct platform *p);
/* Drops what is kept. */
void overlaid_forget(void);

#endif
