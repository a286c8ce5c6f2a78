/* Idempotency-Key: a creating call that is sent again gets the answer of the first time, for 24 hours. */
#ifndef WEFT_API_PLATFORM_ANSWERS_H
#define WEFT_API_PLATFORM_ANSWERS_H

#include "api/platform/preq.h"

#define ANSWERS_KIND "~answer"

/* Looks the call's key up: true when it was answered from there (or refused: the key was used for something else). */
bool answers_replay(struct preq *q);
/* Into the commit of a change: the key is used, its answer not yet known. */
void answers_begin(struct preq *q, struct batch *b);
/* The answer of a call that made a change. */
void answers_keep(struct preq *q, int status, const char *type, struct str body);
/* Forgets what is older than a day; call now and then. */
void answers_purge(struct platform *p, int64_t now_ms);

#endif
