/* English sentences for the command line, the audit log and screens without a language of their own. The page words the same codes and
 * numbers in the reader's language.
 *
 * Numbers of evidence (release_facts.numbers; kept with harm, guard-rail, step-passed and inconclusive): {"metric": "errors", "latency-p99"
 * or a metric's name, "difference", "lo", "hi": points more of the new version's requests that are bad, "requests": of the new version,
 * "canary": {"requests", "bad"}, "seconds": since its traffic began, "pod": when one pod has most of them, "value", "max", "min": of a
 * threshold}. Each may be missing, and others may stand beside them. */
#ifndef WEFT_RELEASE_WORDS_H
#define WEFT_RELEASE_WORDS_H

#include "release/release.h"

/* "Weft rolled back: v2 fails 1.8 points more often than v1, between 0.9 and 2.7 (1,840 requests, 14 s)." Without the time. Returns buf. */
const char *release_log_text(const struct release *r, const struct release_log *l, char *buf, size_t n);
/* The one sentence that a release's page opens with. leaning: see release_verdict(). */
const char *release_sentence(const struct release *r, enum release_evidence evidence, bool leaning, int64_t now, char *buf, size_t n);
/* What a verb would do now: "v2 gets 25 % of everyone else's requests." */
const char *release_effect(const struct release *r, enum release_verb v, char *buf, size_t n);

#endif
