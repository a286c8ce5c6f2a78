/* Inside admin: its state and the pages. */
#ifndef WEFT_PROXY_ADMIN_INTERNAL_H
#define WEFT_PROXY_ADMIN_INTERNAL_H

#include "pb/tree.h"
#include "proxy/admin.h"

struct admin {
    struct config *config;
    struct admin_hooks hooks;
    struct http_server *server;
    uint64_t started_ms; /* monotonic */
    int64_t started_wall_ms;
    bool failed; /* /healthcheck/fail */
};

/* One request at work. */
struct page {
    struct admin *a;
    struct str query;
    struct buf *out;
    const char *type; /* content type; NULL: text/plain */
    bool quit;
    struct arena arena;
};

/* A query parameter, decoded; p NULL: absent. */
struct str page_param(struct page *p, const char *name);
static inline bool page_flag(struct page *p, const char *name) { return page_param(p, name).p != NULL; }
bool page_json(struct page *p); /* format=json; sets the content type */

/* Each returns the status. */
int page_clusters(struct page *p);
int page_config_dump(struct page *p);
int page_init_dump(struct page *p);
int page_listeners(struct page *p);
int page_stats(struct page *p);
int page_prometheus(struct page *p);
const char *admin_state(const struct admin *a); /* "LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING" */

#endif
