/* People, sessions and tokens: who may sign in, who is. Kept in the store as records, here in memory for each call. */
#ifndef WEFT_API_PLATFORM_PEOPLE_H
#define WEFT_API_PLATFORM_PEOPLE_H

#include "api/platform/preq.h"

struct people *people_new(struct platform *p);
void people_free(struct people *pp);

/* Fills q->who from the socket's rule, the Authorization header or the cookie. false: answered (401, a token that is none). */
bool people_identify(struct people *pp, struct preq *q);
/* X-Weft-Csrf is the one of q's session (or of this process, in single-user mode). */
bool people_csrf_fits(struct people *pp, const struct preq *q);

#endif
