/* The versions of a service: as its Traffic names them, else found from what runs behind it; with their pods and the share of the
 * requests that the world's configuration orders for each. Pure: world -> value in an arena that points into the world. */
#ifndef WEFT_API_PLATFORM_VERSIONS_H
#define WEFT_API_PLATFORM_VERSIONS_H

#include "api/platform/model.h"

struct version_pod {
    const struct resource *r;
    const char *ip; /* "" before it has one */
    bool ready;
    int64_t since_ms; /* ready since, or made at */
    unsigned restarts;
};

struct version {
    const char *name;
    struct string_entry *const *labels;
    size_t n_labels;
    struct version_pod *pods;
    size_t n_pods, ready;
    const char **images;
    size_t n_images;
    int64_t since_ms;                  /* its Deployment's creation, else of its oldest pod; 0: unknown */
    const struct resource *deployment; /* NULL: none */
    double ordered;                    /* percent of everyone without a rule */
};

struct versions {
    const struct resource *service, *traffic; /* traffic NULL: none */
    const TrafficSpec *spec;                  /* NULL: none */
    const char *host;                         /* "reviews.default.svc.cluster.local" */
    struct version *v;                        /* stable first */
    size_t n;
    bool found; /* not named by a Traffic */
};

/* service is a Service of the world. */
void versions_of(const struct world *w, const struct resource *service, struct arena *a, struct versions *out);
struct version *versions_get(const struct versions *v, const char *name);
/* Whose pod has that address, or NULL. */
const struct version *versions_by_ip(const struct versions *v, struct str ip);
/* The percent that a spec orders for a version (no split: all to the first). */
double versions_weight(const TrafficSpec *s, const char *version);
/* Sets a weight of the split; entries that are shared with another message are replaced, not edited. */
void versions_set_weight(TrafficSpec *s, const char *version, double percent, struct arena *a);
/* A TrafficSpec, to be edited, for a service that has none yet: the versions found and the split that there is now. In the arena. */
TrafficSpec *versions_traffic(const struct versions *v, struct arena *a);
/* Adds the versions that are missing in a spec (a person sent none, or fewer than run), so that "versions" need not be typed. */
void versions_complete(const struct versions *v, TrafficSpec *s, struct arena *a);

#endif
