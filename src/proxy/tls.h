/* TLS on a wire, by OpenSSL with memory BIOs: bytes from the socket go in, plaintext comes out, and the other way round.
 * Contexts are made from a struct tls_config at first use and live as long as it. */
#ifndef WEFT_PROXY_TLS_H
#define WEFT_PROXY_TLS_H

#include "proxy/wire.h"

struct tls_wire;

/* Client only: the server name to ask for, and the one that the certificate must have besides what is configured; empty: none. */
struct tls_names {
    struct str sni, san;
};
/* Starts TLS on an open wire. `early`: bytes of the peer that were read already (copied). names are copied. Negative when no context
 * can be made or a secret is missing (*e says why). */
int tls_start(struct wire *w, struct tls_config *cfg, struct str early, struct tls_names names, struct err *e);
/* hostname: of the endpoint; asked: the request's host without port (auto_sni, auto_san_validation of the cluster). */
struct tls_names tls_names(const struct tls_config *cfg, struct str hostname, struct str asked, bool as_sni, bool as_san);
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

/* Certificates of both sides, belonging to the connection; NULL: none. The chain is as the peer sent it, on a server without the leaf. */
struct x509_st *tls_peer(const struct wire *w);
struct x509_st *tls_own(const struct wire *w);
struct stack_st_X509 *tls_peer_chain(const struct wire *w);

/* for wire.c */
ssize_t tls_wire_read(struct wire *w, char **p);
ssize_t tls_wire_write(struct wire *w);      /* plaintext bytes taken from w->out */
bool tls_wire_pending(const struct wire *w); /* ciphertext that is not yet in the kernel */
void tls_wire_shutdown(struct wire *w);
void tls_wire_free(struct tls_wire *t);

#endif
