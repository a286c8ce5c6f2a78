/* A server for h2spec and for curl by hand: any request gets 200 and a body of a few bytes. Usage: h2_server PORT */
#include "base/log.h"
#include "http/server.h"

#include <signal.h>

static void answer(struct http_exchange *x, struct str body, void *arg)
{
    http_respondf(x, 200, "%.*s %.*s: %zu bytes of body\n", STR_ARG(http_method(x)), STR_ARG(http_path(x)), body.n);
}
static void handle(struct http_exchange *x, void *arg) { http_collect(x, 1 << 20, answer, NULL); }

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct addr a;
    signal(SIGPIPE, SIG_IGN);
    struct loop *l = loop_new(&e);
    struct http_server_config cfg = { .handle = handle };
    struct http_server *s = http_server_new(l, &cfg);
    if (argc < 2 || addr_parse(&a, str_of(argv[1]), &e) < 0 || http_server_listen(s, &a, &e) < 0) {
        fprintf(stderr, "usage: h2_server ADDRESS:PORT %s\n", e.what);
        return 1;
    }
    printf("%u\n", http_server_port(s, 0));
    fflush(stdout);
    return loop_run(l) < 0;
}
