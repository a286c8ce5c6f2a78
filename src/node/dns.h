/* The mesh's name service: a table of names, and answers to DNS messages (RFC 1035), as Kubernetes' cluster DNS gives them.
 * Pure: bytes in, bytes out. Messages come from pods and are hostile. A name outside cluster.local is REFUSED: nothing
 * leaves the fabric. Names that are only parents of others exist, empty (RFC 8020). */
#ifndef WEFT_NODE_DNS_H
#define WEFT_NODE_DNS_H

#include "base/map.h"
#include "node/node.h"

#define DNS_UDP_MAX 4096 /* largest answer by UDP, when the asker allows it (EDNS) */
#define DNS_TCP_MAX 65535
#define DNS_TTL     5 /* seconds: endpoints change (Kubernetes' plugin: 5) */

struct dns_table;

struct dns_table *dns_table_new(const struct node_name *names, size_t n);
void dns_table_free(struct dns_table *t);

/* Answers the message q of n bytes into out. Returns the answer's length; 0: nothing is to be sent (not a query at all).
 * udp: answers longer than the asker's limit are cut (TC). *refused: the name asked for when it was REFUSED as outside,
 * else empty; points into `name`, of 256 bytes. turn: rotates the order of several addresses. */
size_t dns_answer(const struct dns_table *t, const uint8_t *q, size_t n, bool udp, unsigned turn, uint8_t *out, size_t out_n,
                  char name[256], bool *refused);

#endif
