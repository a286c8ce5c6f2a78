/* gRPC over HTTP/2: framing of messages, timeouts, status codes. Source: the protocol's PROTOCOL-HTTP2 page; the two maps of
 * codes as Envoy has them (dataplane.md 4.8). */
#ifndef WEFT_HTTP_GRPC_H
#define WEFT_HTTP_GRPC_H

#include "base/buf.h"
#include "http/headers.h"

enum grpc_status {
    GRPC_OK,
    GRPC_CANCELLED,
    GRPC_UNKNOWN,
    GRPC_INVALID_ARGUMENT,
    GRPC_DEADLINE_EXCEEDED,
    GRPC_NOT_FOUND,
    GRPC_ALREADY_EXISTS,
    GRPC_PERMISSION_DENIED,
    GRPC_RESOURCE_EXHAUSTED,
    GRPC_FAILED_PRECONDITION,
    GRPC_ABORTED,
    GRPC_OUT_OF_RANGE,
    GRPC_UNIMPLEMENTED,
    GRPC_INTERNAL,
    GRPC_UNAVAILABLE,
    GRPC_DATA_LOSS,
    GRPC_UNAUTHENTICATED,
    GRPC__N
};

/* "OK", "CANCELLED" ...; "UNKNOWN" for other numbers. */
const char *grpc_status_name(int status);
/* Number of a value like "14"; -1 when it is none of 0..16 (peers may send others: they are kept as text). */
int grpc_status_parse(struct str s);
int grpc_from_http(int http_status);
int grpc_to_http(int grpc_status);

/* content-type is application/grpc, or application/grpc+... */
bool grpc_content_type(struct str value);
bool grpc_is_request(const struct headers *h);

/* "10S", "500m": at most 8 digits and a unit of HMSmun. False when it is none. Saturates at UINT64_MAX ns. */
MUST_USE bool grpc_timeout_parse(struct str s, uint64_t *ret_ns);
/* The largest exact unit that fits 8 digits, never longer than ns. buf of at least 16 bytes; returns buf. */
char *grpc_timeout_format(uint64_t ns, char *buf, size_t n);

/* grpc-message: bytes outside 0x20..0x7e and '%' as %XX. Results lie in the arena. */
struct str grpc_message_encode(struct arena *a, struct str text);
struct str grpc_message_decode(struct arena *a, struct str text);

#define GRPC_PREFIX 5
/* The 5 bytes before a message of n bytes. */
void grpc_prefix(uint8_t out[GRPC_PREFIX], bool compressed, uint32_t n);

/* Cuts a byte stream into messages. All zero with `limit` set is the start. */
struct grpc_reader {
    struct buf partial;
    size_t limit; /* largest message; 0: 4 MiB */
};
/* on_message is called for each complete message (valid during the call), a negative return stops and is returned. 0; -EMSGSIZE for
 * a message over the limit (RESOURCE_EXHAUSTED), -ENOTSUP for a compressed one (UNIMPLEMENTED), -EPROTO for a bad flag. */
int grpc_reader_feed(struct grpc_reader *r, const void *p, size_t n, int (*on_message)(void *arg, struct str message), void *arg);
/* Bytes of an unfinished message wait: at the end of a stream that is an error (INTERNAL). */
static inline bool grpc_reader_partial(const struct grpc_reader *r) { return r->partial.len > 0; }
void grpc_reader_free(struct grpc_reader *r);

#endif
