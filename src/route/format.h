/* Envoy's substitution format strings (%REQ(:METHOD)%, %RESPONSE_CODE%, ...): compiled once, evaluated for access logs,
 * header values and bodies of direct responses. Operators: dataplane.md 4.10.
 *
 * This file knows the grammar and the names; what a value is, the caller says: route and proxy give a source. */
#ifndef WEFT_ROUTE_FORMAT_H
#define WEFT_ROUTE_FORMAT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct Google__Protobuf__Struct;

/* X(name, text, argument): argument 0 none, 1 optional, 2 required. */
#define FORMAT_OPS(X)                                                                                                                      \
    X(REQ, "REQ", 2)                                                                                                                       \
    X(RESP, "RESP", 2)                                                                                                                     \
    X(TRAILER, "TRAILER", 2)                                                                                                               \
    X(GRPC_STATUS, "GRPC_STATUS", 1)                                                                                                       \
    X(GRPC_STATUS_NUMBER, "GRPC_STATUS_NUMBER", 0)                                                                                         \
    X(DYNAMIC_METADATA, "DYNAMIC_METADATA", 2)                                                                                             \
    X(CLUSTER_METADATA, "CLUSTER_METADATA", 2)                                                                                             \
    X(UPSTREAM_METADATA, "UPSTREAM_METADATA", 2)                                                                                           \
    X(METADATA, "METADATA", 2)                                                                                                             \
    X(FILTER_STATE, "FILTER_STATE", 2)                                                                                                     \
    X(START_TIME, "START_TIME", 1)                                                                                                         \
    X(DURATION, "DURATION", 0)                                                                                                             \
    X(REQUEST_DURATION, "REQUEST_DURATION", 0)                                                                                             \
    X(REQUEST_TX_DURATION, "REQUEST_TX_DURATION", 0)                                                                                       \
    X(RESPONSE_DURATION, "RESPONSE_DURATION", 0)                                                                                           \
    X(RESPONSE_TX_DURATION, "RESPONSE_TX_DURATION", 0)                                                                                     \
    X(COMMON_DURATION, "COMMON_DURATION", 2)                                                                                               \
    X(RESPONSE_CODE, "RESPONSE_CODE", 0)                                                                                                   \
    X(RESPONSE_CODE_DETAILS, "RESPONSE_CODE_DETAILS", 1)                                                                                   \
    X(CONNECTION_TERMINATION_DETAILS, "CONNECTION_TERMINATION_DETAILS", 0)                                                                 \
    X(RESPONSE_FLAGS, "RESPONSE_FLAGS", 0)                                                                                                 \
    X(RESPONSE_FLAGS_LONG, "RESPONSE_FLAGS_LONG", 0)                                                                                       \
    X(LOCAL_REPLY_BODY, "LOCAL_REPLY_BODY", 0)                                                                                             \
    X(UPSTREAM_TRANSPORT_FAILURE_REASON, "UPSTREAM_TRANSPORT_FAILURE_REASON", 0)                                                           \
    X(DOWNSTREAM_TRANSPORT_FAILURE_REASON, "DOWNSTREAM_TRANSPORT_FAILURE_REASON", 0)                                                       \
    X(UPSTREAM_REQUEST_ATTEMPT_COUNT, "UPSTREAM_REQUEST_ATTEMPT_COUNT", 0)                                                                 \
    X(BYTES_RECEIVED, "BYTES_RECEIVED", 0)                                                                                                 \
    X(BYTES_SENT, "BYTES_SENT", 0)                                                                                                         \
    X(UPSTREAM_WIRE_BYTES_SENT, "UPSTREAM_WIRE_BYTES_SENT", 0)                                                                             \
    X(UPSTREAM_WIRE_BYTES_RECEIVED, "UPSTREAM_WIRE_BYTES_RECEIVED", 0)                                                                     \
    X(DOWNSTREAM_WIRE_BYTES_SENT, "DOWNSTREAM_WIRE_BYTES_SENT", 0)                                                                         \
    X(DOWNSTREAM_WIRE_BYTES_RECEIVED, "DOWNSTREAM_WIRE_BYTES_RECEIVED", 0)                                                                 \
    X(UPSTREAM_HOST, "UPSTREAM_HOST", 0)                                                                                                   \
    X(UPSTREAM_CLUSTER, "UPSTREAM_CLUSTER", 0)                                                                                             \
    X(UPSTREAM_CLUSTER_RAW, "UPSTREAM_CLUSTER_RAW", 0)                                                                                     \
    X(UPSTREAM_PROTOCOL, "UPSTREAM_PROTOCOL", 0)                                                                                           \
    X(UPSTREAM_LOCAL_ADDRESS, "UPSTREAM_LOCAL_ADDRESS", 0)                                                                                 \
    X(UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT, "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", 0)                                                       \
    X(UPSTREAM_LOCAL_PORT, "UPSTREAM_LOCAL_PORT", 0)                                                                                       \
    X(UPSTREAM_REMOTE_ADDRESS, "UPSTREAM_REMOTE_ADDRESS", 0)                                                                               \
    X(UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", 0)                                                     \
    X(UPSTREAM_REMOTE_PORT, "UPSTREAM_REMOTE_PORT", 0)                                                                                     \
    X(DOWNSTREAM_REMOTE_ADDRESS, "DOWNSTREAM_REMOTE_ADDRESS", 0)                                                                           \
    X(DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", 0)                                                 \
    X(DOWNSTREAM_REMOTE_PORT, "DOWNSTREAM_REMOTE_PORT", 0)                                                                                 \
    X(DOWNSTREAM_DIRECT_REMOTE_ADDRESS, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", 0)                                                             \
    X(DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", 0)                                   \
    X(DOWNSTREAM_DIRECT_REMOTE_PORT, "DOWNSTREAM_DIRECT_REMOTE_PORT", 0)                                                                   \
    X(DOWNSTREAM_LOCAL_ADDRESS, "DOWNSTREAM_LOCAL_ADDRESS", 0)                                                                             \
    X(DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT, "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", 0)                                                   \
    X(DOWNSTREAM_LOCAL_PORT, "DOWNSTREAM_LOCAL_PORT", 0)                                                                                   \
    X(CONNECTION_ID, "CONNECTION_ID", 0)                                                                                                   \
    X(STREAM_ID, "STREAM_ID", 0)                                                                                                           \
    X(HOSTNAME, "HOSTNAME", 0)                                                                                                             \
    X(ROUTE_NAME, "ROUTE_NAME", 0)                                                                                                         \
    X(VIRTUAL_CLUSTER_NAME, "VIRTUAL_CLUSTER_NAME", 0)                                                                                     \
    X(FILTER_CHAIN_NAME, "FILTER_CHAIN_NAME", 0)                                                                                           \
    X(PROTOCOL, "PROTOCOL", 0)                                                                                                             \
    X(ENVIRONMENT, "ENVIRONMENT", 2)                                                                                                       \
    X(REQUESTED_SERVER_NAME, "REQUESTED_SERVER_NAME", 1)                                                                                   \
    X(DOWNSTREAM_TLS_VERSION, "DOWNSTREAM_TLS_VERSION", 0)                                                                                 \
    X(DOWNSTREAM_TLS_CIPHER, "DOWNSTREAM_TLS_CIPHER", 0)                                                                                   \
    X(DOWNSTREAM_PEER_URI_SAN, "DOWNSTREAM_PEER_URI_SAN", 0)                                                                               \
    X(DOWNSTREAM_PEER_SUBJECT, "DOWNSTREAM_PEER_SUBJECT", 0)                                                                               \
    X(DOWNSTREAM_LOCAL_URI_SAN, "DOWNSTREAM_LOCAL_URI_SAN", 0)                                                                             \
    X(UPSTREAM_PEER_URI_SAN, "UPSTREAM_PEER_URI_SAN", 0)

enum format_op {
    FMT_LITERAL,
#define X(id, text, arg) FMT_##id,
    FORMAT_OPS(X)
#undef X
        FMT__N
};

/* How a part is written. In JSON forms literals are JSON text already. */
enum format_mode {
    FMT_TEXT,
    FMT_JSON_VALUE, /* a whole value: number, quoted string or null */
    FMT_JSON_INNER, /* inside a string with other text: escaped, no quotes */
};

struct format_part {
    enum format_op op;
    enum format_mode mode;
    struct str text; /* FMT_LITERAL: the bytes; else the first argument (header names lower-case) */
    struct str alt;  /* REQ(X?Y): the second name */
    size_t max;      /* ":N": most bytes of the value; 0: no limit */
};

struct format {
    struct format_part *parts;
    size_t n;
    bool literal_only; /* at most one part, a literal: the value never changes */
    bool omit_empty;   /* unset values become "" (text) instead of "-" */
};

/* Where values come from. Returns false when the value is unset. Writes at most what it wants to out; *number is set to
 * true when the JSON form needs no quotes. */
struct format_source {
    bool (*value)(void *ctx, const struct format_part *p, struct buf *out, bool *number);
    void *ctx;
};

/* Compiles text. Unknown operators and missing arguments are refused by name. Everything lives in the arena. */
struct format *format_compile(struct str text, struct arena *a, struct err *e);
/* json_format: a Struct whose strings are format strings. The line ends with a newline. */
struct format *format_compile_json(const struct Google__Protobuf__Struct *s, struct arena *a, struct err *e);
/* Appends the text. unset: what stands for an unset value in text formats ("-" in logs, "" in headers). */
void format_write(const struct format *f, const struct format_source *src, struct str unset, struct buf *out);

/* Envoy's default access log line (dataplane.md 4.10), newline included. */
extern const char format_default_log[];

#endif
