/* x-forwarded-client-cert: dropped, passed on or written, as forward_client_cert_details says. */
#ifndef WEFT_PROXY_XFCC_H
#define WEFT_PROXY_XFCC_H

struct stream;

/* Modes other than ALWAYS_FORWARD_ONLY drop the header of a client that showed no certificate. */
void xfcc_apply(struct stream *s);

#endif
