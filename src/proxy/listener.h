/* Listening sockets and accepting. The control thread opens one socket per worker and address (SO_REUSEPORT), all of them before
 * any worker accepts; a socket is closed only after its accept queue was emptied. */
#ifndef WEFT_PROXY_LISTENER_H
#define WEFT_PROXY_LISTENER_H

#include "proxy/worker.h"

struct listeners; /* control thread: what is bound */
struct bindings;  /* one state of it, immutable, shared with the workers */

struct listeners *listeners_new(unsigned workers);
void listeners_free(struct listeners *ls);
/* The sockets that s needs. *ret_error: the first failure, or 0; its address is left out. */
struct bindings *listeners_open(struct listeners *ls, const struct snapshot *s, int *ret_error, struct err *e);
struct bindings *bindings_ref(struct bindings *b);
void bindings_unref(struct bindings *b);

/* Worker: from now on w->now's listeners and b's sockets (takes the reference). before: the last snapshot or NULL; connections of
 * listeners that changed drain. */
void listeners_update(struct worker *w, struct bindings *b, const struct snapshot *before);
/* No new connections. */
void listeners_stop(struct worker *w, bool inbound_only);
void listeners_close(struct worker *w);
/* use_original_dst: the listener at the connection's original destination, bound or not; otherwise `l`. */
struct listener *listener_for(struct worker *w, const struct addr *dst, struct listener *l);

#endif
