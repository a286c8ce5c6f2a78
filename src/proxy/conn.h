/* A downstream connection: sniffing, TLS, choice of codec, HTTP/1 and HTTP/2 sessions, idle and drain timers. Streams send their
 * answers through conn_*; TCP chains hand the wire over to tcp.c. */
#ifndef WEFT_PROXY_CONN_H
#define WEFT_PROXY_CONN_H

#include "base/buf.h"
#include "http/h1.h"
#include "http/h2.h"
#include "proxy/wire.h"

struct stream;
struct tcp_relay;

enum conn_kind { CONN_SNIFF, CONN_TLS, CONN_AUTO, CONN_H1, CONN_H2, CONN_TCP, CONN_CLOSING };

#define CONN_MAGIC 0x636f6e6eu

struct conn {
    uint32_t magic;
    enum conn_kind kind;
    struct wire wire;
    struct link link; /* worker.conns */
    uint64_t id;
    struct listener *listener; /* a reference */
    const struct filter_chain *chain;
    const struct hcm *hcm; /* NULL: TCP */
    struct cells *lcells, *hcells;
    struct addr peer, local; /* local: the original destination when redirected */
    struct h2_session *h2;
    struct out out; /* HTTP/1, TCP */
    struct buf in;  /* HTTP/1: a partial or pipelined request; sniffing: what came so far */
    struct str sni; /* heap; from tls_inspector or TLS */
    struct link streams;
    unsigned n_streams;
    uint32_t requests;
    struct tcp_relay *tcp;
    struct timer timer;     /* sniffing, TLS, idle, first head, delayed close: what counts now */
    struct timer max_timer; /* max_connection_duration; then HTTP/2: the final GOAWAY */
    uint64_t began_ms;
    /* HTTP/1 */
    struct stream *cur; /* request being read or answered */
    struct h1_scan scan;
    struct h1_head head;
    struct h1_chunked chunked;
    uint64_t left;
    bool reading_body, paused, tunnel;
    bool keep_alive, chunked_response, head_started;
    bool draining, close_sent, dead;
    bool local_close;
    unsigned lingering; /* HTTP/2: answered, their requests not yet complete */
    struct link lingerers;
    struct headers scratch;
    struct arena scratch_arena;
    struct deferred free_later, resume;
    char peer_ip[INET6_ADDRSTRLEN]; /* text for x-forwarded-for */
    uint8_t peer_ip_len;
};

/* Takes an accepted socket. */
void conn_accept(struct worker *w, struct listener *l, int fd, const struct addr *peer);
void conns_drain(struct worker *w, bool inbound_only);
void conns_close_all(struct worker *w);
/* Connections of a listener that changed or left. */
void conns_drain_listener(struct worker *w, const struct listener *l);
/* Ends a connection now; its streams hear that the client is gone. */
void conn_end(struct conn *c, bool remote);
/* Ends it when what is queued has left (at most delayed_close later). */
void conn_close_flushed(struct conn *c);

/* What the listener filters found out: choose the chain. */
struct sniffed;
void conn_sniffed(struct conn *c, const struct sniffed *what);
void conn_tls_step(struct conn *c);
bool conn_is_tls(const struct conn *c);

/* ---- for streams ---- */
int conn_send_headers(struct stream *s, struct headers *h, bool end);
int conn_send_informational(struct stream *s, struct headers *h);
/* Bytes taken; the rest when stream_writable is called. */
ssize_t conn_send_data(struct stream *s, const char *p, size_t n, bool end);
int conn_send_trailers(struct stream *s, struct headers *h);
/* The client reads slowly: stop taking from the upstream until stream_writable. */
bool conn_full(const struct stream *s);
void conn_consumed(struct stream *s, size_t n);
void conn_pause_body(struct stream *s, bool pause);
/* Cuts the answer off. */
void conn_reset(struct stream *s, uint32_t code);
/* s is over: nothing of it is used any more after this. whole: its answer was sent to the end. */
void conn_stream_done(struct stream *s, bool whole);

#endif
