/* Traffic in plain English, with the same as facts, so that the page can word it in its reader's language. Pure.
 *
 * A fact is {"code", ...}:
 *   all {version} | split {shares: [{version, weight}]} | rule {name, match, users, to, off} | sticky {by} | timeout {ms} |
 *   retries {attempts, perTryMs, on} | fault {match, percent, delayMs, httpStatus, grpcStatus, until} | mirror {to, percent}
 * and of a change: weight {version, from, to, stable?} | rule-added, rule-removed, rule-changed, rule-on, rule-off {rule...} |
 * rules-reordered | timeout {from, to} | retries-set, retries-removed | fault-added, fault-removed | mirror-set, mirror-removed |
 * sticky-set, sticky-removed | version-added, version-removed {version} | stable {from, to} | removed | none */
#ifndef WEFT_API_PLATFORM_SENTENCE_H
#define WEFT_API_PLATFORM_SENTENCE_H

#include "api/platform/model.h"

/* What is ordered: "v1 gets 90 % of requests, v2 10 %. Requests with header x-canary: always go to v2." facts: an array that is added to.
 */
void sentence_state(const TrafficSpec *s, json_t *facts, struct buf *out);
/* What changes from `before` to `after` (NULL: no Traffic): one sentence each, added to `sentences` and `facts` (arrays). */
void sentence_change(const TrafficSpec *before, const TrafficSpec *after, json_t *facts, json_t *sentences);
/* All of them as one text. Appended. */
void sentence_join(const json_t *sentences, struct buf *out);
/* "header x-canary: always and cookie uid" of a list of conditions. */
void sentence_match(TrafficCondition *const *c, size_t n, struct buf *out);

#endif
