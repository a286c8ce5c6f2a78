/* weft port-forward: a port of this machine leads into a pod. */
#include "cli/resource.h"
#include "net/sock.h"
#include "node/client.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct cli shared;
static const char *address = "127.0.0.1";

struct forward {
    int listen_fd;
    uint16_t to;
};

static int write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) return -errno;
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

/* Copies both ways until both sides have ended; the end of one direction is passed on. */
static void relay(int a, int b)
{
    struct pollfd p[2] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };
    char bytes[65536];
    while ((p[0].fd >= 0 || p[1].fd >= 0) && poll(p, 2, -1) > 0) {
        for (int i = 0; i < 2; i++) {
            if (p[i].fd < 0 || !p[i].revents) continue;
            int to = i ? a : b;
            ssize_t n = read(p[i].fd, bytes, sizeof bytes);
            if (n > 0 && write_all(to, bytes, (size_t)n) == 0) continue;
            shutdown(to, SHUT_WR);
            p[i].fd = -1;
        }
    }
}

/* A child per connection: blocking calls, and a stuck one harms nobody. */
static void serve(const struct cli *c, const json_t *pod, const struct forward *f)
{
    struct err e = { 0 };
    int in = accept(f->listen_fd, NULL, NULL);
    if (in < 0) return;
    pid_t pid = fork();
    if (pid == 0) {
        int out = node_client_dial(c->state, json_text(pod, "metadata.namespace"), json_text(pod, "metadata.name"), NULL, f->to, &e);
        if (out < 0) _exit(cli_fail(&e));
        relay(in, out);
        _exit(0);
    }
    close(in);
}

/* "8080:80", "80" or ":80" (any free port). */
static int open_forward(const struct cli *c, const char *text, struct forward *f, struct err *e)
{
    struct str to = str_of(text), from = str_cut(&to, ':');
    uint64_t port, local = 0;
    struct addr a;
    if (!to.p) to = from;
    if (!str_u64(to, &port) || port == 0 || port > 65535 || (from.n && (!str_u64(from, &local) || local > 65535)))
        return err_set(e, -EINVAL, "\"%s\" is not of the form HOSTPORT:PORT", text);
    if (!addr_ip(&a, str_of(address), (uint16_t)local)) return err_set(e, -EINVAL, "--address %s is not an IP address", address);
    f->to = (uint16_t)port;
    f->listen_fd = sock_listen(&a, false, e);
    if (f->listen_fd < 0) return f->listen_fd;
    char shown[ADDR_TEXT];
    sock_local(f->listen_fd, &a);
    printf("Forwarding from %s -> %u\n", addr_text(&a, shown, sizeof shown), f->to);
    (void)c;
    return 0;
}

static int run(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    struct forward f[16];
    struct pollfd p[16];
    c->ns = shared.ns ? shared.ns : c->ns;
    if (argc - 1 > (int)ARRAY_LEN(f)) return cli_usage(c, "more than %zu ports", ARRAY_LEN(f));
    int r = state_require(c), n = argc - 1;
    if (r) return r;
    json_t *pod = resource_pod(c, argv[0], &e);
    if (!pod) return cli_fail(&e);
    signal(SIGCHLD, SIG_IGN); /* children are not waited for */
    for (int i = 0; i < n; i++) {
        if (open_forward(c, argv[i + 1], &f[i], &e) < 0) return cli_fail(&e);
        p[i] = (struct pollfd){ f[i].listen_fd, POLLIN, 0 };
    }
    fflush(stdout);
    while (poll(p, (nfds_t)n, -1) >= 0 || errno == EINTR) {
        for (int i = 0; i < n; i++) {
            if (p[i].revents & POLLIN) serve(c, pod, &f[i]);
        }
    }
    json_decref(pod);
    return EXIT_OK;
}

static const struct opt opts[] = {
    OPT_NAMESPACE(shared),
    { "address", 0, OPT_TEXT, &address, "IP", "where to listen (default 127.0.0.1)" },
};

const struct command cmd_port_forward = {
    .name = "port-forward",
    .args = "POD HOSTPORT:PORT...",
    .brief = "lead a port of this machine into a pod",
    .examples = "  weft port-forward deploy/k8s-combat-service-v1 8081:8081\n  weft port-forward POD :15000\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 2,
    .max = -1,
    .run = run,
};
