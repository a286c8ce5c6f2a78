/* What the analyzers share: the world with an index of its hosts, and how a finding is reported. */
#ifndef WEFT_ANALYSIS_INTERNAL_H
#define WEFT_ANALYSIS_INTERNAL_H

#include "analysis/analyze.h"
#include "analysis/codes.h"
#include "base/map.h"
#include "config/labels.h"
#include "config/types.h"

/* What a selector may hit: a pod, or the template of a Deployment (whose pods are not there yet when files are analysed). */
struct workload {
    struct resource *r;
    const char *ns;
    struct string_entry *const *labels;
    size_t n_labels;
    K8sPodSpec *spec; /* may be NULL */
};

struct run {
    const struct world *w;
    struct analysis_list *out;
    struct arena a;
    struct map services;               /* full host name -> Service */
    struct map entry_hosts;            /* hosts of ServiceEntries without wildcard -> ServiceEntry */
    VEC(const char *) entry_wildcards; /* "*.x" of ServiceEntries */
    struct map subsets;                /* "host+subset" of all DestinationRules */
    VEC(struct workload) workloads;
};

/* Adds a finding about r; slot: address of the field's storage, for its place (NULL: the resource's). */
PRINTF_LIKE(5, 6) void report(struct run *x, enum analysis_code code, struct resource *r, const void *slot, const char *fmt, ...);

/* A host as written in namespace ns -> full name in lower case: names without a dot are names of Services of ns. In x->a. */
const char *full_host(struct run *x, const char *host, const char *ns);
/* The Service of a full host name, or NULL. */
struct resource *find_service(struct run *x, const char *full);
/* A Service or a ServiceEntry has it. */
bool host_exists(struct run *x, const char *full);
/* "*.x" covers a host. */
bool wildcard_covers(const char *pattern, const char *host);
/* Does any gateway other than mesh appear; does mesh (also by default)? */
bool bound_to_mesh(const VirtualService *vs);
/* "ns/name" of a gateway as a VirtualService of namespace ns writes it; the Gateway, or NULL. */
struct resource *find_gateway(struct run *x, const char *written, const char *ns);
/* "a=b,c=d" */
const char *selector_text(struct run *x, struct string_entry *const *e, size_t n);

/* The analyzers; each looks at the whole world. */
void analyze_references(struct run *x);
void analyze_mesh_hosts(struct run *x);
void analyze_route_rules(struct run *x);
void analyze_destination_ports(struct run *x);
void analyze_destination_rules(struct run *x);
void analyze_gateways(struct run *x);
void analyze_gateway_hosts(struct run *x);
void analyze_services(struct run *x);
void analyze_traffic(struct run *x);

#endif
