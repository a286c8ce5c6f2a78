/* The two codecs of a downstream connection; conn.c chooses. Between conn.c, conn_h1.c and conn_h2.c only. */
#ifndef WEFT_PROXY_CONN_CODEC_H
#define WEFT_PROXY_CONN_CODEC_H

#include "proxy/stream.h"

void conn_h1_open(struct conn *c);
/* All bytes are taken: what cannot be used yet is kept in c->in. */
void conn_h1_feed(struct conn *c, const char *p, size_t n);
/* Goes on with what was kept, after an answer. */
void conn_h1_resume(struct conn *c);
void conn_h1_done(struct stream *s, bool whole);
int conn_h1_headers(struct stream *s, struct headers *h, bool end);
ssize_t conn_h1_data(struct stream *s, const char *p, size_t n, bool end);
void conn_h1_trailers(struct stream *s, const struct headers *h);
void conn_h1_eof(struct conn *c);
/* A request's head did not come to its end in time: 408. */
void conn_h1_slow_head(struct conn *c);

void conn_h2_open(struct conn *c);
void conn_h2_feed(struct conn *c, const char *p, size_t n);
void conn_h2_free(struct conn *c);
void conn_h2_done(struct stream *s, bool whole);

/* GOAWAY, or `connection: close` on the next answer. */
void conn_drain(struct conn *c);
/* Arms the idle timer when nothing runs. */
void conn_idle(struct conn *c);
/* Puts a stream that was never begun back. */
void stream_discard(struct stream *s);

#define CONN_OUT_HIGH (64u << 10)
#define CONN_OUT_LOW  (16u << 10)
#define CONN_IN_MAX   (64u << 10) /* bytes of pipelined requests that are held while one is answered */

#endif
