/* Traffic (weft.dev/v1alpha1) laid over VirtualServices and DestinationRules: world -> effective world, before mesh_new. Nothing
 * behind it knows of Traffic. Pure and deterministic; taking a Traffic away gives back the old bytes.
 *
 * For host H, in every VirtualService route (of the mesh and of gateways, whatever the VirtualService's own hosts) that leads to H only:
 *   1. Traffic's rules come first, each ANDed with that route's own match, keeping its rewrite, headers and CORS. An AND that Istio's
 *      syntax cannot say is a problem (analysis makes it an error) and is left out.
 *   2. A route that matches on headers, withoutHeaders or queryParams stays as written, behind the rules: it is pinned.
 *   3. Of the other routes the destinations become the split (newest version first; of tcp routes too).
 *   4. timeout, retries, faults, mirror: each one set in Traffic replaces the person's field whole.
 * Routes to several hosts or several ports of H, redirects, direct responses, delegating routes and tls routes are untouched. A service
 * that no VirtualService speaks for gets one route, if Traffic orders anything for it.
 *
 * A version is a subset of its own, "weft_" and its name (no person's subset can be called so: '_' is no character of theirs), with the
 * policy of the DestinationRule's subset with equal labels, else the rule's own. So the cluster "outbound|80|weft_v2|HOST" is version v2.
 * What a rule sends there goes by "weft_v2_rule", so that measurements tell a rule's cohort from the split.
 *
 * Percent of users: Envoy has no match on a hash, so a rule with `users` becomes weights chosen by a hash, whose other part goes where
 * the requests would have gone without the rule. One route knows one attribute: all `users` of a Traffic and its `sticky` name the same.
 * Weights of such routes add up to 10000 always, newest version first, so raising a share never moves a user back. */
#ifndef WEFT_TRANSLATE_OVERLAY_H
#define WEFT_TRANSLATE_OVERLAY_H

#include "base/arena.h"
#include "config/world.h"

/* What an effective route is. */
enum overlay_kind {
    OVERLAY_WRITTEN, /* a person's, untouched */
    OVERLAY_RULE,    /* a rule of Traffic */
    OVERLAY_SPLIT,   /* everyone else */
    OVERLAY_PINNED,  /* a person's, matches on headers or query: as written, behind the rules */
};
/* Which of its parts Traffic says, as bits; the others are the person's. */
enum { OVERLAY_DESTINATIONS = 1, OVERLAY_TIMEOUT = 2, OVERLAY_RETRIES = 4, OVERLAY_FAULT = 8, OVERLAY_MIRROR = 16 };

struct overlay_origin {
    enum overlay_kind kind;
    const struct resource *traffic; /* NULL: WRITTEN */
    const char *host;               /* full name of the service; NULL: WRITTEN */
    int rule, fault;  /* index in spec.rules (a rule of users too where its share was taken off first), spec.faults; -1: none */
    int route;        /* index in the person's http[] or tcp[]; -1: there is no VirtualService */
    unsigned ordered; /* OVERLAY_... bits */
};

/* One VirtualService as it is carried out, and where each route comes from: origins have the indexes of its http[] and tcp[]. */
struct overlay_view {
    const struct resource *effective; /* not stored anywhere */
    const struct resource *vs;        /* the person's; NULL: made for Traffic alone */
    struct overlay_origin *http, *tcp;
    size_t n_http, n_tcp;
};

/* A rule or fault that could not be joined with a person's route. */
struct overlay_problem {
    const struct resource *traffic;
    int rule, fault; /* -1: not that */
    const struct resource *vs;
    int route;
    const char *why; /* "header x-user: two patterns cannot both be asked for in one match" */
};

struct overlay {
    struct arena arena;
    struct world *world;        /* effective: with the views' VirtualServices and the DestinationRules with the versions' subsets */
    struct overlay_view *views; /* what Traffic changed or made, in the order of the world; then the made ones */
    size_t n_views;
    struct overlay_problem *problems;
    size_t n_problems;
};

/* Never fails. domain NULL: "cluster.local". The world must live as long as the result. */
struct overlay *overlay_new(const struct world *w, const char *domain);
void overlay_free(struct overlay *o); /* NULL is fine */
/* NULL: Traffic says nothing about it. */
const struct overlay_view *overlay_view(const struct overlay *o, const char *ns, const char *name);

/* The effective world, with one reference; without Traffic the same world. */
struct world *overlay_world(const struct world *w, const char *domain);

/* The host that a Traffic is for, in full ("reviews.default.svc.cluster.local"). */
const char *overlay_host(struct arena *a, const struct resource *traffic, const char *domain);
/* The Traffic of a host in full; NULL: none. The oldest counts where there are several. */
const struct resource *overlay_traffic(const struct world *w, const char *domain, const char *host);
/* Whether two states of one Traffic make the same subsets, so that only routes (and TCP listeners) can differ: a change of the split, say.
 */
bool overlay_same_subsets(const struct resource *a, const struct resource *b);
/* "weft_v2", "weft_v2_rule" -> "v2"; empty: a person's subset, or none. */
struct str overlay_version(struct str subset);
/* Of a subset of a version: the cohort of the rules, not of the split. */
bool overlay_is_rule(struct str subset);
/* The name of a resource that the overlay made for Traffic alone: nothing that a person could have written. */
bool overlay_made(const char *name);
/* The name of the DestinationRule that a person wrote, where `name` is a copy's; NULL: made for Traffic alone. */
const char *overlay_rule_name(struct arena *a, const char *name);

#endif
