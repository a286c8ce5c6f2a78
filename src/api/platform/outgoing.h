/* HTTP requests that weftd makes: webhooks, Prometheus. libcurl on the loop. */
#ifndef WEFT_API_PLATFORM_OUTGOING_H
#define WEFT_API_PLATFORM_OUTGOING_H

#include "base/str.h"
#include "net/loop.h"

struct outgoing;
struct outgoing_call;

struct outgoing *outgoing_new(struct loop *l);
void outgoing_free(struct outgoing *o); /* calls under way are dropped */

/* status 0: no answer, text says why; else text is the body (at most 64 KiB of it). Called once, on the loop. */
typedef void outgoing_fn(void *arg, int status, struct str text);
/* headers: "Name: value" with a NULL behind the last; body NULL: a GET, else a POST (copied). http and https only; redirects are not
 * followed. NULL: it cannot even begin (a URL that is none), and fn is not called. */
struct outgoing_call *outgoing_send(struct outgoing *o, const char *url, const char *const *headers, const char *body, int64_t timeout_ms,
                                    outgoing_fn *fn, void *arg);
/* fn is not called any more. NULL is fine. */
void outgoing_cancel(struct outgoing_call *c);

#endif
