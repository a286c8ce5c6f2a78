/* Names are looked up in a thread of their own, so that other requests go on meanwhile. */
#include "app.h"

#include <netdb.h>
#include <pthread.h>

struct lookup {
    struct loop *loop;
    char *host;
    uint16_t port;
    void (*done)(void *arg, const struct addr *addr, const char *error);
    void *arg;
    struct addr addr;
    char error[128]; /* empty: found */
};

/* On the loop again. */
static void looked_up(void *arg)
{
    struct lookup *l = arg;
    l->done(l->arg, l->error[0] ? NULL : &l->addr, l->error);
    free(l->host);
    free(l);
}

static void *look_up(void *arg)
{
    struct lookup *l = arg;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", l->port);
    int r = getaddrinfo(l->host, port, &hints, &found);
    if (r == 0 && found->ai_addrlen <= sizeof l->addr.any) {
        memcpy(&l->addr.any, found->ai_addr, found->ai_addrlen);
        l->addr.len = found->ai_addrlen;
    } else {
        snprintf(l->error, sizeof l->error, "cannot resolve %s: %s", l->host, gai_strerror(r));
    }
    if (found) freeaddrinfo(found);
    loop_post(l->loop, looked_up, l);
    return NULL;
}

void resolve(struct loop *loop, const char *host, uint16_t port, void (*done)(void *arg, const struct addr *addr, const char *error),
             void *arg)
{
    pthread_t thread;
    pthread_attr_t attr;
    struct lookup *l = xcalloc(1, sizeof *l);
    *l = (struct lookup){ .loop = loop, .host = xstrdup(host), .port = port, .done = done, .arg = arg };
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 << 10);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int r = pthread_create(&thread, &attr, look_up, l);
    pthread_attr_destroy(&attr);
    if (r == 0) return;
    snprintf(l->error, sizeof l->error, "cannot start a thread: %s", strerror(r));
    loop_post(loop, looked_up, l);
}
