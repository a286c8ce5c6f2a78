/* Whatever a pod sends to the cluster DNS: no crash, no answer longer than allowed, and an answer that is one. */
#include "node/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct dns_table *table(void)
{
    static struct addr many[300];
    for (int i = 0; i < 300; i++) {
        char text[32];
        snprintf(text, sizeof text, "198.18.%d.%d", i / 250, i % 250 + 2);
        must(addr_ip(&many[i], str_of(text), 0));
    }
    const struct node_name names[] = {
        { "a.default.svc.cluster.local", many, 1, NULL },
        { "all.default.svc.cluster.local", many, 300, NULL },
        { "x.default.svc.cluster.local", NULL, 0, "all.default.svc.cluster.local" },
        { "l.default.svc.cluster.local", NULL, 0, "l.default.svc.cluster.local" },
    };
    return dns_table_new(names, ARRAY_LEN(names));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct dns_table *t;
    static uint8_t out[DNS_TCP_MAX];
    char name[256];
    bool refused;
    if (!t) t = table();
    if (n < 2) return 0;
    bool udp = data[0] & 1;
    size_t r = dns_answer(t, data + 1, n - 1, udp, data[0], out, udp ? DNS_UDP_MAX : sizeof out, name, &refused);
    must(r == 0 || (r >= 12 && (out[2] & 0x80)));
    must(r <= (udp ? (size_t)DNS_UDP_MAX : sizeof out));
    must(strlen(name) < 256);
    return 0;
}
