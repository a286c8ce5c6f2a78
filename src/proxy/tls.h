/* TLS on a wire, by OpenSSL with memory BIOs: bytes from the socket go in, plaintext comes out, and the other way round.
 * Contexts are made from a struct tls_config at first use and live as long as it. */
#ifndef WEFT_PROXY_TLS_H
#define WEFT_PROXY_TLS_H

#include "proxy/wire.h"

struct tls_wire;

/* Starts TLS on an open wire. `early`: bytes of the peer that were read already (copied). sni: client only, empty: none.
 * alpn: client only, NULL: the configuration's list. Negative when no context can be made (*e says why). */
int tls_start(struct wire *w, struct tls_config *cfg, struct str early, struct str sni, struct err *e);
bool tls_ready(const struct wire *w); /* handshake is over */
/* "h2", "http/1.1"; empty: none was agreed. */
struct str tls_alpn(const struct wire *w);
struct str tls_sni(const struct wire *w);
const char *tls_version(const struct wire *w);
const char *tls_cipher(const struct wire *w);
/* Why the handshake failed; "" while it has not. */
const char *tls_failure(const struct wire *w);
/* Plaintext waits inside although the socket may have nothing: read again. */
bool tls_has_data(const struct wire *w);

/* for wire.c */
ssize_t tls_wire_read(struct wire *w, char **p);
ssize_t tls_wire_write(struct wire *w);      /* plaintext bytes taken from w->out */
bool tls_wire_pending(const struct wire *w); /* ciphertext that is not yet in the kernel */
void tls_wire_shutdown(struct wire *w);
void tls_wire_free(struct tls_wire *t);

#endif
