/* Listener filters that look at the first bytes: tls_inspector (server name, ALPN) and http_inspector. Pure. */
#ifndef WEFT_PROXY_SNIFF_H
#define WEFT_PROXY_SNIFF_H

#include "proxy/snapshot.h"

struct sniffed {
    struct str server_name; /* lower case as the client wrote it; in the given bytes */
    struct str transport;   /* "tls" or "raw_buffer" */
    const struct str *alpn;
    size_t n_alpn;
    struct str names[8]; /* where alpn points */
};

/* Whether a chain of l that serves this port asks for what only bytes can tell; server-first protocols must not wait otherwise. */
bool sniff_needed(const struct listener *l, uint16_t dst_port);
/* False: more bytes are needed. */
bool sniff(const struct listener *l, struct str bytes, struct sniffed *ret);

enum sniff_result { SNIFF_NO, SNIFF_YES, SNIFF_MORE };
enum sniff_result sniff_tls(struct str bytes, struct sniffed *ret);
/* ret->names[0] becomes "http/1.1", "http/1.0" or "h2c". */
enum sniff_result sniff_http(struct str bytes, struct sniffed *ret);

#endif
