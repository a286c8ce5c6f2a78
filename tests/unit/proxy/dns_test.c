/* Names of DNS clusters: asked again at the cluster's own rate, per family; a failure keeps what was known. */
#include "../test.h"
#include "proxy/dns.h"

#include <netdb.h>
#include <stdatomic.h>

/* In place of the C library's. Answer n of "moves" is 10.0.0.n; the third question fails. */
static _Atomic unsigned asked;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
    (void)service;
    unsigned n = atomic_fetch_add(&asked, 1) + 1;
    if (n == 3 || strcmp(node, "moves") != 0) return EAI_AGAIN;
    struct addrinfo *a = xcalloc(1, sizeof *a + sizeof(struct sockaddr_in));
    struct sockaddr_in *in = (void *)(a + 1);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(0x0a000000 + n);
    *a = (struct addrinfo){ .ai_family = hints->ai_family, .ai_addr = (void *)in, .ai_addrlen = sizeof *in };
    *res = a;
    return 0;
}
void freeaddrinfo(struct addrinfo *res) { free(res); }

struct seen {
    struct loop *l;
    struct dns *d;
    unsigned changes;
};
static void changed(void *ctx, struct str host)
{
    struct seen *s = ctx;
    struct addr a;
    char text[ADDR_TEXT];
    assert_true(str_eqc(host, "moves"));
    assert_int_equal(dns_lookup(s->d, host, 80, AF_INET, 100, &a, 1), 1);
    static const char *const want[] = { "10.0.0.1:80", "10.0.0.2:80", "10.0.0.4:80" };
    assert_string_equal(addr_text(&a, text, sizeof text), want[s->changes]);
    if (++s->changes == ARRAY_LEN(want)) loop_stop(s->l);
}

static void test_refresh(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct seen s = { .l = loop_new(&e) };
    struct addr a;
    s.d = dns_new(s.l, changed, &s);
    assert_int_equal(dns_lookup(s.d, STR("moves"), 80, AF_INET, 3600000, &a, 1), 0);
    assert_int_equal(dns_lookup(s.d, STR("moves"), 80, AF_INET, 1, &a, 1), 0); /* the shorter wish; not below the floor */
    assert_int_equal(loop_run(s.l), 0);
    assert_int_equal(s.changes, 3);
    assert_in_range(atomic_load(&asked), 4, 5);
    dns_free(s.d);
    loop_free(s.l);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_refresh) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
