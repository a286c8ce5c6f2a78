/* The shapes that names must have. */
#include "config/syntax.h"

#include <arpa/inet.h>

static bool lower(char c) { return c >= 'a' && c <= 'z'; }
static bool upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool digit(char c) { return c >= '0' && c <= '9'; }

static bool label(struct str s, bool any_case, bool underscore)
{
    if (s.n == 0 || s.n > 63) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = lower(c) || digit(c) || (any_case && upper(c));
        bool inner = c == '-' && i > 0 && i < s.n - 1;
        if (!alnum && !inner && !(underscore && c == '_')) return false;
    }
    return true;
}

bool is_dns_label(struct str s) { return label(s, false, false); }
bool is_dns_label_1035(struct str s) { return label(s, false, false) && lower(s.p[0]); }

static bool subdomain(struct str s, bool any_case, bool underscore)
{
    if (s.n == 0 || s.n > 253) return false;
    while (s.p)
        if (!label(str_cut(&s, '.'), any_case, underscore)) return false;
    return true;
}

bool is_dns_subdomain(struct str s) { return subdomain(s, false, false); }

bool is_wildcard_host(struct str s) { return s.n && s.p[0] == '*'; }

bool is_host(struct str s)
{
    if (str_eqc(s, "*")) return true;
    if (str_starts(s, STR("*.")))
        s = str_skip(s, 2);
    else if (str_starts(s, STR("*-")))
        s = str_skip(s, 2);
    if (str_ends(s, STR("."))) s.n--; /* the root's dot */
    return subdomain(s, true, true);
}

bool is_ip(struct str s)
{
    char buf[64];
    unsigned char addr[16];
    if (s.n == 0 || s.n >= sizeof buf) return false;
    memcpy(buf, s.p, s.n);
    buf[s.n] = 0;
    return inet_pton(AF_INET, buf, addr) == 1 || inet_pton(AF_INET6, buf, addr) == 1;
}

bool is_cidr(struct str s)
{
    struct str bits = s, ip = str_cut(&bits, '/');
    uint64_t n;
    return bits.p && is_ip(ip) && str_u64(bits, &n) && n <= (str_index(ip, ':') >= 0 ? 128u : 32u);
}

static bool label_name(struct str s)
{
    if (s.n > 63) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = lower(c) || upper(c) || digit(c);
        if (!alnum && ((c != '-' && c != '_' && c != '.') || i == 0 || i == s.n - 1)) return false;
    }
    return true;
}

bool is_label_value(struct str s) { return label_name(s); }

bool is_label_key(struct str s)
{
    ssize_t slash = str_index(s, '/');
    if (slash >= 0) {
        if (!is_dns_subdomain(str_first(s, (size_t)slash))) return false;
        s = str_skip(s, (size_t)slash + 1);
    }
    return s.n > 0 && label_name(s);
}

bool is_header_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!lower(s.p[i]) && !upper(s.p[i]) && !digit(s.p[i]) && (s.p[i] == 0 || !strchr("!#$%&'*+-.^_`|~", s.p[i]))) return false;
    return s.n > 0;
}

bool is_port_name(struct str s)
{
    bool letter = false;
    if (s.n == 0 || s.n > 15) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        letter |= lower(c);
        if (!lower(c) && !digit(c) && (c != '-' || i == 0 || i == s.n - 1 || s.p[i - 1] == '-')) return false;
    }
    return letter;
}
