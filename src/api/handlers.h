/* The handlers of weftd's HTTP, for the table of paths in call.c. */
#ifndef WEFT_API_HANDLERS_H
#define WEFT_API_HANDLERS_H

struct call;

/* weft/: the command line's own calls. */
void weft_apply(struct call *c);
void weft_diff(struct call *c);
void weft_proxy_status(struct call *c);
void weft_effective(struct call *c);
void weft_health(struct call *c);
void weft_metrics(struct call *c);

/* resources/: Kubernetes' dialect. */
void discovery_version(struct call *c);
void discovery_core(struct call *c);
void discovery_groups(struct call *c);
void resources_route(struct call *c);

#endif
