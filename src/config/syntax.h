/* The shapes that names must have (RFC 1123, RFC 1035, Kubernetes' label syntax). */
#ifndef WEFT_CONFIG_SYNTAX_H
#define WEFT_CONFIG_SYNTAX_H

#include "base/str.h"

/* Lower-case letters, digits and '-', letter or digit at both ends, at most 63 (RFC 1123 label). */
bool is_dns_label(struct str s);
/* The same, but the first is a letter (RFC 1035): names of Services. */
bool is_dns_label_1035(struct str s);
/* Labels joined by dots, at most 253. */
bool is_dns_subdomain(struct str s);
/* A host name as hosts of Istio's kinds: a subdomain, any case; with wildcard "*" or "*.x" in front. */
bool is_host(struct str s);
bool is_wildcard_host(struct str s);
/* IPv4 or IPv6 address; the same with /bits. */
bool is_ip(struct str s);
bool is_cidr(struct str s);
/* [prefix/]name of letters, digits, '-', '_', '.', at most 63; values may be empty. */
bool is_label_key(struct str s);
bool is_label_value(struct str s);
/* A header field name: token characters of RFC 9110 5.6.2. */
bool is_header_name(struct str s);
/* Port names: at most 15, lower-case letters, digits, single '-' inside, at least one letter (IANA service name). */
bool is_port_name(struct str s);

#endif
