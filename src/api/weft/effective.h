/* The effective routes of the overlay as JSON, and what a route matches and does in words: for --effective, describe and the page. */
#ifndef WEFT_API_WEFT_EFFECTIVE_H
#define WEFT_API_WEFT_EFFECTIVE_H

#include <jansson.h>

#include "translate/overlay.h"

/* The routes of one view, in order: [{
 *   "protocol": "http" | "tcp", "index",                    of the effective VirtualService
 *   "kind": "written" | "rule" | "everyone-else" | "pinned",
 *   "host", "traffic": "NS/NAME", "rule": {"index", "name"}, "fault": index     where they are; traffic's
 *   "virtualService": {"namespace", "name", "index"}        the person's route it stands for; absent: none
 *   "match": ["header version is 100 and path starts with /a", ...]             any of them; empty: everything
 *   "to": [{"host", "subset", "version", "percent"}], "hash": "cookie u",       version where it is one of Traffic's
 *   "timeout", "retries", "fault...", "mirror": as the VirtualService has them
 *   "ordered": ["destinations", "timeout", "retries", "fault", "mirror"]        which of it Traffic says
 * }]; host not NULL: only those to this host. */
json_t *effective_routes(const struct overlay_view *v, const char *host);
/* Every view's routes to a host (in full): an array as above, all VirtualServices together. */
json_t *effective_host(const struct overlay *o, const char *host);
/* What could not be joined for a host (NULL: any): ["rule 1 (beta) with http[0] of VirtualService default/vs: why"]. */
json_t *effective_problems(const struct overlay *o, const char *host);

#endif
