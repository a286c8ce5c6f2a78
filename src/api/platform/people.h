/* People, sessions and tokens: who may sign in, who is. Kept as records (record.h); each call reads them there, so what was revoked a
 * moment ago is gone. */
#ifndef WEFT_API_PLATFORM_PEOPLE_H
#define WEFT_API_PLATFORM_PEOPLE_H

#include "api/platform/limit.h"
#include "api/platform/password.h"
#include "api/platform/preq.h"
#include "api/platform/record.h"

/* The person of the socket, of single-user mode and of one-time tokens; no record, no password, no other name may be it. */
#define LOCAL "local"

struct people *people_new(struct platform *p);
void people_free(struct people *pp);
struct passwords *people_passwords(struct people *pp);
struct limit *people_limit(struct people *pp);

/* Fills q->who from the socket's rule, the Authorization header or the cookie. false: answered (401, a token that is none). */
bool people_identify(struct people *pp, struct preq *q);
/* X-Weft-Csrf is the one of q's session (or of this process, in single-user mode). */
bool people_csrf_fits(struct people *pp, const struct preq *q);
const char *people_csrf(struct people *pp, const struct preq *q); /* in q's arena; NULL: none is needed */

/* A session for a person in the batch, its cookie on the answer, and q->who is that person from now on. */
void people_begin_session(struct people *pp, struct preq *q, struct batch *b, struct str user);
void people_clear_cookie(struct preq *q);
/* Ends all sessions of a person, but one (n = 0: all). */
void people_end_sessions(struct people *pp, struct batch *b, struct str user, struct str but);
/* Its session or token is still good: for whoever stays longer than a call. */
bool people_still(struct people *pp, const struct who *w);
/* Forgets sessions that ended by themselves; call now and then. */
void people_purge(struct people *pp);
/* Lifetime of a session without a request, in milliseconds. */
int64_t people_session_ttl(const struct people *pp);

/* A token that signs in once as LOCAL within ttl_ms; out of 65 bytes. It lives in memory only. */
void people_one_time_make(struct people *pp, int64_t ttl_ms, char out[65]);
bool people_one_time_use(struct people *pp, struct str token);

/* [a-z0-9][a-z0-9._@-]*, at most 64 bytes, not LOCAL. */
bool people_name_ok(struct str name);
/* NULL: good; else what is wrong with it. */
const char *people_password_wrong(struct str password, struct str user);

#endif
