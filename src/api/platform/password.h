/* Passwords as scrypt hashes (RFC 7914; N = 32768, r = 8, p = 1: 32 MiB and some 100 ms each), made on a thread of their own: the
 * loop does not wait. */
#ifndef WEFT_API_PLATFORM_PASSWORD_H
#define WEFT_API_PLATFORM_PASSWORD_H

#include "base/str.h"
#include "net/loop.h"

struct passwords;
struct password_job;

struct passwords *passwords_new(struct loop *l);
void passwords_free(struct passwords *pw); /* jobs under way are forgotten */

/* Is it the one of `stored`? stored NULL: takes as long and says no. done is called later on the loop's thread. NULL: too many wait
 * already.
 */
struct password_job *passwords_verify(struct passwords *pw, struct str password, const char *stored,
                                      void (*done)(void *arg, bool ok, const char *stored), void *arg);
/* A new hash: done gets it (ok), as text to be kept. */
struct password_job *passwords_make(struct passwords *pw, struct str password, void (*done)(void *arg, bool ok, const char *stored),
                                    void *arg);
/* done is not called any more. */
void passwords_cancel(struct password_job *j);

#endif
