/* DNS on 198.18.0.1:53, UDP and TCP, inside the fabric. */
#ifndef WEFT_NODE_DNS_SERVER_H
#define WEFT_NODE_DNS_SERVER_H

#include "net/loop.h"
#include "node/dns.h"

struct dns_server;

struct dns_server *dns_server_new(struct loop *l, const struct addr *at, struct err *e);
/* Takes the table over. */
void dns_server_table(struct dns_server *s, struct dns_table *t);
void dns_server_free(struct dns_server *s);

#endif
