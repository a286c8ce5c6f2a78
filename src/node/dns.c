#include "node/dns.h"
#include "base/arena.h"

#include <ctype.h>

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_AAAA = 28, TYPE_OPT = 41, TYPE_ANY = 255 };
enum { CLASS_IN = 1 };
enum { RCODE_OK = 0, RCODE_FORMAT = 1, RCODE_NXDOMAIN = 3, RCODE_NOTIMP = 4, RCODE_REFUSED = 5 };

#define HEADER 12
#define ZONE   "cluster.local"
#define CNAMES 8 /* longest chain of aliases that is followed */

struct record {
    const char *name; /* as asked for, lower case */
    const struct addr *addrs;
    size_t n;
    const char *cname;
};

struct dns_table {
    struct arena arena;
    struct map names;   /* name -> struct record; parents of names: without addresses */
    struct map reverse; /* "4.3.2.1.in-addr.arpa" -> name */
};

/* ---- the table ---- */

static char *lower(struct arena *a, const char *s)
{
    size_t n = strlen(s);
    while (n && s[n - 1] == '.') n--;
    char *out = arena_strndup(a, s, n);
    for (char *p = out; *p; p++) *p = (char)tolower((unsigned char)*p);
    return out;
}

static void add_reverse(struct dns_table *t, const struct record *r, const struct addr *a)
{
    char text[80] = "";
    if (a->sa.sa_family == AF_INET) {
        const uint8_t *b = (const uint8_t *)&a->in.sin_addr;
        snprintf(text, sizeof text, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
    } else {
        size_t at = 0;
        for (int i = 15; i >= 0; i--) {
            unsigned b = a->in6.sin6_addr.s6_addr[i];
            at += (size_t)snprintf(text + at, sizeof text - at, "%x.%x.", b & 15, b >> 4);
        }
        snprintf(text + at, sizeof text - at, "ip6.arpa");
    }
    /* The first name wins: the glue gives services and pods their own names before aliases. */
    if (!map_get(&t->reverse, str_of(text))) map_put(&t->reverse, str_of(text), (void *)(uintptr_t)r->name);
}

static void add(struct dns_table *t, const struct node_name *n)
{
    struct record *r = arena_new(&t->arena, struct record);
    struct addr *addrs = arena_array(&t->arena, struct addr, n->n + 1);
    if (n->n) memcpy(addrs, n->addrs, n->n * sizeof *addrs);
    *r = (struct record){ lower(&t->arena, n->name), addrs, n->n, n->cname ? lower(&t->arena, n->cname) : NULL };
    map_put(&t->names, str_of(r->name), r);
    for (size_t i = 0; i < n->n; i++) add_reverse(t, r, &addrs[i]);
    for (const char *p = strchr(r->name, '.'); p; p = strchr(p, '.')) {
        p++;
        if (map_get(&t->names, str_of(p))) break; /* its parents are there, too */
        struct record *parent = arena_new(&t->arena, struct record);
        parent->name = p;
        map_put(&t->names, str_of(p), parent);
    }
}

struct dns_table *dns_table_new(const struct node_name *names, size_t n)
{
    struct dns_table *t = xcalloc(1, sizeof *t);
    arena_init(&t->arena, 4096, 0);
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i].name) < 254) add(t, &names[i]);
    }
    struct node_name zone = { .name = ZONE };
    if (!map_get(&t->names, STR(ZONE))) add(t, &zone);
    return t;
}

void dns_table_free(struct dns_table *t)
{
    if (!t) return;
    map_free(&t->names, NULL);
    map_free(&t->reverse, NULL);
    arena_free(&t->arena);
    free(t);
}

/* ---- reading ---- */

struct question {
    char *name; /* lower case text without trailing dot; 256 bytes */
    uint16_t type, class;
    size_t end; /* of the question in the message */
    size_t udp_max;
    bool edns;
};

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

/* A question's name: labels only; compression has no place there, and unprintable bytes match nothing of ours. */
static bool read_name(const uint8_t *q, size_t n, size_t *at, char name[256])
{
    size_t out = 0;
    for (;;) {
        if (*at >= n) return false;
        size_t len = q[(*at)++];
        if (len == 0) break;
        if (len > 63 || *at + len > n || out + len + 1 > 254) return false;
        if (out) name[out++] = '.';
        for (size_t i = 0; i < len; i++, (*at)++) {
            int c = q[*at];
            name[out++] = c > ' ' && c < 127 && c != '.' ? (char)tolower(c) : '?';
        }
    }
    name[out] = '\0';
    return true;
}

/* Records behind the question: only OPT matters (RFC 6891). False when they are broken. */
static bool read_opt(const uint8_t *q, size_t n, size_t at, unsigned records, struct question *x)
{
    for (unsigned i = 0; i < records && i < 8; i++) {
        char name[256];
        if (!read_name(q, n, &at, name) || at + 10 > n) return false;
        uint16_t type = get16(q + at), class = get16(q + at + 2), len = get16(q + at + 8);
        at += 10;
        if (at + len > n) return false;
        at += len;
        if (type != TYPE_OPT) continue;
        x->edns = true;
        x->udp_max = MIN(MAX((size_t) class, (size_t)512), (size_t)DNS_UDP_MAX);
    }
    return true;
}

/* ---- writing ---- */

struct answer {
    uint8_t *p;
    size_t n, max;
    bool full;
    uint16_t answers, authority, additional;
};

static void put(struct answer *a, const void *p, size_t n)
{
    if (a->full || a->n + n > a->max) {
        a->full = true;
        return;
    }
    memcpy(a->p + a->n, p, n);
    a->n += n;
}

static void put16(struct answer *a, unsigned v) { put(a, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2); }
static void put32(struct answer *a, uint32_t v)
{
    put16(a, v >> 16);
    put16(a, v & 0xffff);
}

static void put_name(struct answer *a, const char *name)
{
    while (*name) {
        size_t len = strcspn(name, ".");
        uint8_t n = (uint8_t)MIN(len, (size_t)63);
        put(a, &n, 1);
        put(a, name, n);
        name += len + (name[len] == '.');
    }
    put(a, "", 1);
}

/* Owner: a pointer to the question (its name at offset 12) when it is the name asked for. */
static void put_owner(struct answer *a, const char *name, bool asked)
{
    if (asked)
        put16(a, 0xc000 | HEADER);
    else
        put_name(a, name);
}

static void put_record_head(struct answer *a, const char *name, bool asked, uint16_t type)
{
    put_owner(a, name, asked);
    put16(a, type);
    put16(a, CLASS_IN);
    put32(a, DNS_TTL);
}

static void put_name_record(struct answer *a, const char *owner, bool asked, uint16_t type, const char *target)
{
    put_record_head(a, owner, asked, type);
    size_t at = a->n;
    put16(a, 0);
    put_name(a, target);
    if (a->full) return;
    a->p[at] = (uint8_t)((a->n - at - 2) >> 8);
    a->p[at + 1] = (uint8_t)(a->n - at - 2);
    a->answers++;
}

static void put_address(struct answer *a, const char *owner, bool asked, const struct addr *ip)
{
    bool six = ip->sa.sa_family == AF_INET6;
    put_record_head(a, owner, asked, six ? TYPE_AAAA : TYPE_A);
    put16(a, six ? 16 : 4);
    put(a, six ? (const void *)&ip->in6.sin6_addr : (const void *)&ip->in.sin_addr, six ? 16 : 4);
    if (!a->full) a->answers++;
}

/* RFC 2308: how long "there is none" may be kept. */
static void put_soa(struct answer *a)
{
    put_name(a, ZONE);
    put16(a, TYPE_SOA);
    put16(a, CLASS_IN);
    put32(a, DNS_TTL);
    size_t at = a->n;
    put16(a, 0);
    put_name(a, "ns.dns." ZONE);
    put_name(a, "hostmaster." ZONE);
    put32(a, 1);
    put32(a, 7200);
    put32(a, 1800);
    put32(a, 86400);
    put32(a, DNS_TTL);
    if (a->full) return;
    a->p[at] = (uint8_t)((a->n - at - 2) >> 8);
    a->p[at + 1] = (uint8_t)(a->n - at - 2);
    a->authority++;
}

static void put_opt(struct answer *a)
{
    put(a, "", 1);
    put16(a, TYPE_OPT);
    put16(a, DNS_UDP_MAX);
    put32(a, 0);
    put16(a, 0);
    if (!a->full) a->additional++;
}

/* ---- the answer ---- */

static bool in_zone(const char *name) { return str_eqc(str_of(name), ZONE) || str_ends(str_of(name), STR("." ZONE)); }
static bool is_reverse(const char *name)
{
    return str_ends(str_of(name), STR(".in-addr.arpa")) || str_ends(str_of(name), STR(".ip6.arpa"));
}

static void put_addresses(struct answer *a, const struct record *r, bool asked, uint16_t type, unsigned turn)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct addr *ip = &r->addrs[(i + turn) % r->n];
        uint16_t has = ip->sa.sa_family == AF_INET6 ? TYPE_AAAA : TYPE_A;
        if (type == has || type == TYPE_ANY) put_address(a, r->name, asked, ip);
    }
}

static unsigned answer_forward(const struct dns_table *t, struct answer *a, const struct question *x, unsigned turn)
{
    const struct record *r = map_get(&t->names, str_of(x->name)), *first = r;
    if (!r) return RCODE_NXDOMAIN;
    bool asked = true;
    for (int i = 0; r && r->cname && i < CNAMES; i++, asked = false) {
        put_name_record(a, r->name, asked, TYPE_CNAME, r->cname);
        if (x->type == TYPE_CNAME) return RCODE_OK;
        r = map_get(&t->names, str_of(r->cname));
        if (r == first) return RCODE_OK; /* an alias of itself */
    }
    if (r && r->n) put_addresses(a, r, asked, x->type, turn);
    return RCODE_OK;
}

static unsigned answer_reverse(const struct dns_table *t, struct answer *a, const struct question *x)
{
    const char *name = map_get(&t->reverse, str_of(x->name));
    if (!name) return RCODE_NXDOMAIN;
    if (x->type == TYPE_PTR || x->type == TYPE_ANY) put_name_record(a, x->name, true, TYPE_PTR, name);
    return RCODE_OK;
}

static unsigned answer_question(const struct dns_table *t, struct answer *a, const struct question *x, unsigned turn, bool *refused)
{
    if (x->class != CLASS_IN) return RCODE_REFUSED;
    if (is_reverse(x->name)) return answer_reverse(t, a, x);
    /* Names of the table outside the zone are the mesh's as well (ServiceEntry hosts). */
    if (in_zone(x->name) || map_get(&t->names, str_of(x->name))) return answer_forward(t, a, x, turn);
    *refused = true;
    return RCODE_REFUSED;
}

static size_t finish(struct answer *a, const uint8_t *q, unsigned rcode, bool question)
{
    uint8_t h[HEADER] = { q[0],
                          q[1],
                          (uint8_t)(0x80 | (q[2] & 0x79) |
                                    (rcode == RCODE_OK || rcode == RCODE_NXDOMAIN ? 0x04 : 0)), /* QR, opcode, RD, AA */
                          (uint8_t)(0x80 | rcode),                                              /* RA: resolvers complain without it */
                          0,
                          question ? 1 : 0,
                          (uint8_t)(a->answers >> 8),
                          (uint8_t)a->answers,
                          (uint8_t)(a->authority >> 8),
                          (uint8_t)a->authority,
                          0,
                          (uint8_t)a->additional };
    if (a->full) h[2] |= 0x02; /* TC */
    memcpy(a->p, h, HEADER);
    return a->n;
}

size_t dns_answer(const struct dns_table *t, const uint8_t *q, size_t n, bool udp, unsigned turn, uint8_t *out, size_t out_n,
                  char name[256], bool *refused)
{
    struct question x = { .name = name, .udp_max = 512 };
    struct answer a = { .p = out, .n = HEADER, .max = out_n };
    *refused = false;
    name[0] = '\0';
    if (n < HEADER || out_n < 512 || (q[2] & 0x80)) return 0; /* an answer must not be answered */
    if (((q[2] >> 3) & 15) != 0) return finish(&a, q, RCODE_NOTIMP, false);
    size_t at = HEADER;
    if (get16(q + 4) != 1 || !read_name(q, n, &at, name) || at + 4 > n) return finish(&a, q, RCODE_FORMAT, false);
    x.type = get16(q + at);
    x.class = get16(q + at + 2);
    x.end = at + 4;
    if (!read_opt(q, n, x.end, get16(q + 6) + get16(q + 8) + get16(q + 10), &x)) return finish(&a, q, RCODE_FORMAT, false);
    if (udp) a.max = MIN(out_n, x.udp_max);
    size_t opt_n = x.edns ? 11 : 0;
    a.max -= opt_n;
    put(&a, q + HEADER, x.end - HEADER);
    unsigned rcode = answer_question(t, &a, &x, turn, refused);
    if (a.full) { /* the whole question, no answers: the asker comes again by TCP */
        a.n = x.end;
        a.answers = a.authority = 0;
    } else if (a.answers == 0 && rcode != RCODE_REFUSED) {
        put_soa(&a);
    }
    bool cut = a.full;
    a.full = false;
    a.max += opt_n;
    if (x.edns) put_opt(&a);
    a.full = cut;
    return finish(&a, q, rcode, true);
}
