/* net: timers fire in time and in order, addresses parse, sockets meet. */
#include "../test.h"
#include "net/loop.h"
#include "net/sock.h"

#include <pthread.h>
#include <unistd.h>

static struct loop *loop;
static int fired[8], fired_n;

struct numbered {
    struct timer t;
    int id;
};

static void note(struct timer *t) { fired[fired_n++] = container_of(t, struct numbered, t)->id; }

static void timers(void **state)
{
    struct numbered t[4] = { { .id = 0 }, { .id = 1 }, { .id = 2 }, { .id = 3 } };
    for (int i = 0; i < 4; i++) t[i].t.fire = note;
    loop = loop_new(NULL);
    fired_n = 0;
    timer_set(loop, &t[0].t, 30);
    timer_set(loop, &t[1].t, 10);
    timer_set(loop, &t[2].t, 20);
    timer_set(loop, &t[3].t, 15);
    timer_set(loop, &t[1].t, 45); /* later: only the deadline moves */
    timer_stop(&t[3].t);
    uint64_t end = loop_now_ms(loop) + 2000;
    while (fired_n < 3 && loop_now_ms(loop) < end) loop_turn(loop, 100);
    assert_int_equal(fired_n, 3);
    assert_int_equal(fired[0], 2);
    assert_int_equal(fired[1], 0);
    assert_int_equal(fired[2], 1);
    loop_free(loop);
}

static void *poster(void *arg)
{
    loop_post(loop, arg, NULL);
    return NULL;
}

static void stop_now(void *arg) { loop_stop(loop); }

static void mail_from_another_thread(void **state)
{
    pthread_t thread;
    loop = loop_new(NULL);
    pthread_create(&thread, NULL, poster, (void *)stop_now);
    assert_int_equal(loop_run(loop), 0);
    pthread_join(thread, NULL);
    loop_free(loop);
}

static struct io server, client;
static bool client_gone;

static void on_server(struct io *io, uint32_t events)
{
    int fd = sock_accept(io->fd, NULL);
    assert_true(fd >= 0);
    close(fd);
}

static void on_client(struct io *io, uint32_t events)
{
    char c;
    if (events & EPOLLOUT) return loop_mod(loop, io, EPOLLIN);
    client_gone = read(io->fd, &c, 1) == 0;
    loop_del(loop, io);
}

static void sockets(void **state)
{
    struct addr a;
    int pending = 0;
    loop = loop_new(NULL);
    assert_int_equal(addr_parse(&a, STR("127.0.0.1:0"), NULL), 0);
    int fd = sock_listen(&a, false, NULL);
    assert_true(fd >= 0);
    assert_int_equal(sock_local(fd, &a), 0);
    server.ready = on_server;
    client.ready = on_client;
    assert_int_equal(loop_add(loop, &server, fd, EPOLLIN), 0);
    int c = sock_connect(&a, &pending, NULL);
    assert_true(c >= 0);
    assert_int_equal(loop_add(loop, &client, c, EPOLLOUT), 0);
    for (int i = 0; i < 100 && !client_gone; i++) loop_turn(loop, 100);
    assert_true(client_gone);
    loop_del(loop, &server);
    close(fd);
    close(c);
    loop_free(loop);
}

static void addresses(void **state)
{
    static const char *const good[] = { "127.0.0.1:80", "[::1]:443", "198.18.0.1:15010" };
    static const char *const bad[] = { "127.0.0.1", "host:80", "1.2.3.4:65536", ":80", "[::1]", "" };
    struct addr a;
    char text[ADDR_TEXT];
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(addr_parse(&a, str_of(good[i]), NULL), 0);
        assert_string_equal(addr_text(&a, text, sizeof text), good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_true(addr_parse(&a, str_of(bad[i]), NULL) < 0);
    struct cidr c;
    assert_int_equal(cidr_parse(&c, STR("198.18.0.0/15"), NULL), 0);
    assert_true(addr_ip(&a, STR("198.19.255.1"), 1) && cidr_contains(&c, &a));
    assert_true(addr_ip(&a, STR("198.20.0.1"), 1) && !cidr_contains(&c, &a));
    assert_true(cidr_parse(&c, STR("1.2.3.4/33"), NULL) < 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers),
        cmocka_unit_test(mail_from_another_thread),
        cmocka_unit_test(sockets),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
