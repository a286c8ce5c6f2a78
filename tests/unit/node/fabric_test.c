/* A real fabric with real pods: namespaces, interception, DNS, exec, restart, and nothing left after SIGKILL.
 * The pods' programs are this program with other arguments. Runs as root, and in a user namespace (--userns, or not root).
 * Skipped (exit 77) where neither works. */
#include "net/sock.h"
#include "node/cgroup.h"
#include "node/client.h"
#include "node/node.h"
#include "node/preflight.h"
#include "node/state.h"
#include "node/supervise.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[512], state[256];
static bool userns;
static int order_fd; /* orders to the agent, one byte each */

/* ---- programs that run in pods ---- */

static int listen_on(const char *ip, const char *port)
{
    struct addr a;
    struct err e = { 0 };
    uint64_t p;
    if (!str_u64(str_of(port), &p) || !addr_ip(&a, str_of(ip), (uint16_t)p)) return -1;
    int fd = sock_listen(&a, false, &e);
    if (fd < 0)
        fprintf(stderr, "%s\n", e.what);
    else
        fcntl(fd, F_SETFL, 0);
    return fd;
}

/* "hello from HOST by PORT for ORIGINAL_DST as UID" to each caller, whatever it asks. */
static int program_serve(const char *ip, const char *port)
{
    int fd = listen_on(ip, port);
    if (fd < 0) return 1;
    printf("serving on %s\n", port);
    fflush(stdout);
    for (;;) {
        struct addr dst;
        struct addr here;
        char host[64], text[ADDR_TEXT] = "?", in[2048], out[512];
        int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (c < 0) continue;
        gethostname(host, sizeof host);
        if (sock_original_dst(c, &dst) == 0) addr_text(&dst, text, sizeof text);
        sock_local(c, &here);
        if (read(c, in, sizeof in) < 0) {}
        int n =
            snprintf(out, sizeof out, "HTTP/1.0 200 OK\r\n\r\nhello from %s by %u for %s as %u\n", host, addr_port(&here), text, getuid());
        if (write(c, out, (size_t)n) < 0) {}
        close(c);
    }
}

/* Fetches by name through libc's resolver and prints the answer. mark: as the sidecar's upstream sockets. */
static int program_get(const char *host, const char *port, bool mark)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *list;
    int r = getaddrinfo(host, port, &hints, &list);
    if (r) {
        printf("no address: %s\n", gai_strerror(r));
        return 3;
    }
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct addr to = { .len = list->ai_addrlen };
    memcpy(&to.any, list->ai_addr, to.len);
    freeaddrinfo(list);
    if (mark && sock_mark(fd, NODE_SIDECAR_UID) < 0) {
        printf("no mark\n");
        return 5;
    }
    if (connect(fd, &to.sa, to.len) < 0) {
        printf("no connection: %s\n", strerror(errno));
        return 4;
    }
    char buf[1024];
    if (write(fd, "GET / HTTP/1.0\r\n\r\n", 18) < 0) return 1;
    for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0;) {
        if (write(1, buf, (size_t)n) < 0) return 1;
    }
    return 0;
}

/* ---- the glue in the agent ---- */

#define PODS 8
static struct fabric *fabric;
static struct io orders;

static void write_status(const char *name, const char *text)
{
    char path[512], tmp[520];
    snprintf(path, sizeof path, "%s/%s.status", state, name);
    snprintf(tmp, sizeof tmp, "%s~", path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (write(fd, text, strlen(text)) < 0 || rename(tmp, path) < 0) abort();
    close(fd);
}

static void on_status(void *ctx, const struct node_pod_status *s)
{
    struct buf b = { 0 };
    (void)ctx;
    buf_printf(&b, "phase=%d ready=%d terminating=%d limits=%d message=%s\n", s->phase, s->ready, s->terminating, s->limits_applied,
               s->message ? s->message : "");
    for (size_t i = 0; i < s->containers_n; i++) {
        const struct node_container_status *c = &s->containers[i];
        buf_printf(&b, "%s: state=%d ready=%d restarts=%u reason=%s last=%s/%d\n", c->name, c->state, c->ready, c->restarts,
                   c->reason ? c->reason : "", c->has_last ? c->last.reason : "", c->has_last ? c->last.exit_code : -1);
    }
    buf_append(&b, "", 1);
    write_status(s->name, buf_data(&b));
    buf_free(&b);
}

static void on_gone(void *ctx, const char *uid)
{
    (void)ctx;
    write_status(uid, "gone\n");
}

static const char *const serve_argv[] = { self, "serve", "0.0.0.0", "8080", NULL };
static const char *const side_argv[] = { self, "sidecar", NULL };
static const char *const crash_argv[] = { "sh", "-c", "sleep 1000 & echo trying; exit 3", NULL };
static const char *const hungry_argv[] = { "sh", "-c", "x=$(head -c 100000000 /dev/zero | tr '\\0' a); sleep 100", NULL };
static const char *const slow_argv[] = { "sh", "-c",
                                         "trap 'echo stopping; sleep 0.1; echo stopped; exit 0' TERM; while :; do sleep 0.02; done", NULL };
static const char *const deaf_argv[] = { "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done", NULL };
static const char *const pre_stop[] = { "echo", "pre-stop", NULL };
static const char *const ill[] = { "sh", "-c", "test ! -e /run/ill", NULL };
static const char *const exec_probe[] = { "true", NULL };

static struct addr pod_ip(int i)
{
    char text[32];
    struct addr a;
    snprintf(text, sizeof text, "198.18.0.%d", i + 2);
    if (!addr_ip(&a, str_of(text), 0)) abort();
    return a;
}

static void start_pods(void)
{
    static const struct node_env env[] = { { "COLOUR", "blue" } };
    static const char secret[] = "key";
    struct node_probe http = { .kind = NODE_PROBE_HTTP, .port = 8080, .period_ms = 1000 };
    struct node_container a[] = {
        { .name = "app", .argv = serve_argv, .env = env, .env_n = 1, .uid = -1, .gid = -1, .readiness = http, .cwd = "/tmp" },
        { .name = "proxy",
          .argv = side_argv,
          .uid = -1,
          .gid = -1,
          .is_sidecar = true,
          .readiness = { .kind = NODE_PROBE_TCP, .port = 15021, .period_ms = 1000 } },
    };
    struct node_container b[] = {
        { .name = "app", .argv = serve_argv, .uid = -1, .gid = -1, .readiness = { .kind = NODE_PROBE_EXEC, .argv = exec_probe } }
    };
    struct node_container c[] = { { .name = "app", .argv = crash_argv, .uid = -1, .gid = -1 } };
    struct node_container d[] = {
        { .name = "app", .argv = hungry_argv, .uid = -1, .gid = -1, .memory_limit = 32 << 20, .cpu_limit_milli = 1000 }
    };
    /* Ends in order: preStop, SIGTERM, its own time. Deaf to SIGTERM: the grace, then SIGKILL. */
    struct node_container s[] = { { .name = "app", .argv = slow_argv, .uid = -1, .gid = -1, .pre_stop = pre_stop } };
    struct node_container l[] = { { .name = "app",
                                    .argv = deaf_argv,
                                    .uid = -1,
                                    .gid = -1,
                                    .liveness = { .kind = NODE_PROBE_EXEC, .argv = ill, .period_ms = 20, .failure_threshold = 2 } } };
    /* A gateway: nothing but the proxy, and no interception. */
    struct node_container g[] = { { .name = "proxy",
                                    .argv = side_argv,
                                    .uid = -1,
                                    .gid = -1,
                                    .is_sidecar = true,
                                    .readiness = { .kind = NODE_PROBE_TCP, .port = 15021, .period_ms = 1000 } } };
    struct node_file files[] = { { "proxy/secret", secret, 3, true }, { "plain", "x\n", 2, false } };
    struct node_pod pods[PODS] = {
        { .ns = "default",
          .name = "meshed",
          .uid = "u0",
          .containers = a,
          .containers_n = 2,
          .files = files,
          .files_n = 2,
          .intercept = true,
          .grace_ms = 1000 },
        { .ns = "default", .name = "plain", .uid = "u1", .containers = b, .containers_n = 1, .grace_ms = 1000 },
        { .ns = "default", .name = "crash", .uid = "u2", .containers = c, .containers_n = 1 },
        { .ns = "default", .name = "bad", .uid = "u3" },
        { .ns = "default", .name = "hungry", .uid = "u4", .containers = d, .containers_n = 1 },
        { .ns = "default", .name = "slow", .uid = "u5", .containers = s, .containers_n = 1, .grace_ms = 2000, .drain_ms = 50 },
        { .ns = "default", .name = "deaf", .uid = "u6", .containers = l, .containers_n = 1, .grace_ms = 100 },
        { .ns = "default", .name = "gateway", .uid = "u7", .containers = g, .containers_n = 1 },
    };
    for (int i = 0; i < PODS; i++) pods[i].ip = pod_ip(i);
    fabric_apply(fabric, pods, PODS, NULL);
    struct addr plain = pod_ip(1), vip, headless[2] = { pod_ip(0), pod_ip(1) };
    if (!addr_ip(&vip, STR("198.19.0.1"), 80)) abort();
    struct node_name names[] = {
        { "plain.default.svc.cluster.local", &plain, 1, NULL },
        { "vip.default.svc.cluster.local", &vip, 1, NULL },
        { "all.default.svc.cluster.local", headless, 2, NULL },
    };
    fabric_dns(fabric, names, ARRAY_LEN(names));
    struct addr to = pod_ip(1), none;
    addr_set_port(&to, 8080);
    if (!addr_ip(&none, STR("198.19.0.2"), 80)) abort();
    struct node_vip vips[] = { { .addr = vip, .endpoints = &to, .n = 1 }, { .addr = none } };
    fabric_vips(fabric, vips, 2);
    fabric_door(fabric, 0, &to, 1);
}

static void on_order(struct io *io, uint32_t events)
{
    char what;
    (void)events;
    if (read(io->fd, &what, 1) != 1) return;
    if (what == 's') fabric_pod_stop(fabric, "u1", -1);
    if (what == 'g') fabric_pod_stop(fabric, "u5", -1);
    if (what == 'd') fabric_pod_stop(fabric, "u6", -1);
}

static int glue(struct fabric *f, void *ctx, struct err *e)
{
    static const struct node_callbacks cb = { .status = on_status, .gone = on_gone };
    (void)ctx;
    (void)e;
    fabric = f;
    orders.ready = on_order;
    loop_add(fabric_loop(f), &orders, order_fd, EPOLLIN);
    fabric_callbacks(f, &cb, NULL);
    start_pods();
    return 0;
}

/* ---- checks ---- */

static int failures, checks;

static void expect(bool ok, const char *what, const char *got)
{
    checks++;
    if (ok) return;
    failures++;
    fprintf(stderr, "FAILED: %s\n  got: %s\n", what, got ? got : "");
}

static char *slurp(const char *path)
{
    static char text[8192];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0) close(fd);
    return text;
}

static void nap(void) { nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL); }

static bool status_has(const char *pod, const char *want, unsigned ms)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.status", state, pod);
    for (uint64_t end = clock_ms() + ms; clock_ms() < end; nap()) {
        if (strstr(slurp(path), want)) return true;
    }
    expect(false, want, slurp(path));
    return false;
}

/* Runs argv in a container of a pod; its output. */
static const char *in_pod(const char *pod, const char *container, const char *const *argv, int *code)
{
    static char text[4096];
    struct err e = { 0 };
    int p[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (pipe2(p, O_CLOEXEC) < 0) abort();
    struct node_exec x = { .ns = "default", .pod = pod, .container = container, .argv = argv, .fds = { null, p[1], p[1] } };
    *code = -1;
    if (node_client_exec(state, &x, code, &e) < 0) fprintf(stderr, "exec: %s\n", e.what);
    close(p[1]);
    size_t n = 0;
    for (ssize_t r; (r = read(p[0], text + n, sizeof text - 1 - n)) > 0;) n += (size_t)r;
    text[n] = '\0';
    close(p[0]);
    close(null);
    return text;
}

#define RUN(pod, container, want_code, want, ...)                                                                                          \
    do {                                                                                                                                   \
        int code_;                                                                                                                         \
        const char *const argv_[] = { __VA_ARGS__, NULL };                                                                                 \
        const char *out_ = in_pod(pod, container, argv_, &code_);                                                                          \
        expect(code_ == (want_code) && strstr(out_, want), pod ": " want, out_);                                                           \
        if (code_ != (want_code)) fprintf(stderr, "  exit code %d\n", code_);                                                              \
    } while (0)

static void check_running(void)
{
    char want[64];
    status_has("plain", "ready=1", 3000);
    status_has("meshed", "ready=1", 3000);
    status_has("bad", "phase=3 ready=0 terminating=0 limits=1 message=the pod has no containers", 1000);
    status_has("crash", "reason=CrashLoopBackOff last=Error/3", 3000);
    char path[512];
    snprintf(path, sizeof path, "%s/hungry.status", state);
    if (strstr(slurp(path), "limits=1"))
        status_has("hungry", "OOMKilled/137", 3000);
    else
        status_has("hungry", "limit is not applied", 1000);
    RUN("plain", NULL, 0, "plain", "hostname");
    status_has("gateway", "phase=1 ready=1", 1000);
    /* What a container leaves behind ends with it; the mesh's own files are hidden. */
    RUN("crash", NULL, 0, "none", "sh", "-c", "grep -la [s]leep /proc/[0-9]*/cmdline || echo none");
    RUN("plain", NULL, 0, "total 0", "ls", "-l", state);
    RUN("plain", NULL, 0, "nameserver 198.18.0.1", "cat", "/etc/resolv.conf");
    RUN("plain", NULL, 0, "198.18.0.3\tplain", "cat", "/etc/hosts");
    RUN("meshed", "app", 0, "blue /tmp", "sh", "-c", "echo $COLOUR $(pwd)");
    RUN("plain", NULL, 7, "", "sh", "-c", "exit 7");
    /* The pod's own processes only; init is number 1. */
    RUN("plain", NULL, 0, "weft-init", "sh", "-c", "cat /proc/1/comm");
    /* No capability, and no way to get one. */
    RUN("meshed", "app", 0, "CapBnd:\t0000000000000000", "grep", "Cap", "/proc/self/status");
    RUN("meshed", "app", 0, "NoNewPrivs:\t1", "grep", "NoNewPrivs", "/proc/self/status");
    RUN("plain", NULL, 2, "Read-only", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    snprintf(want, sizeof want, "%s", userns ? "0000000000002000" : "0000000000000000");
    RUN("meshed", "proxy", 0, "CapEff", "grep", "CapEff", "/proc/self/status");
    /* Files: the sidecar's are for its user only. */
    RUN("meshed", "proxy", 0, "key", "cat", "/run/weft/proxy/secret");
    RUN("meshed", "app", 0, "x", "cat", "/run/weft/plain");
    if (!userns) RUN("meshed", "app", 1, "", "cat", "/run/weft/proxy/secret");
}

static void check_network(void)
{
    /* From a pod without sidecar: by name, by virtual address, to nowhere. */
    RUN("plain", NULL, 0, "hello from plain by 8080", self, "get", "plain", "8080");
    RUN("plain", NULL, 0, "hello from plain", self, "get", "vip", "80");
    RUN("plain", NULL, 4, "Connection refused", self, "get", "198.19.0.2", "80");
    RUN("plain", NULL, 4, "unreachable", self, "get", "192.0.2.1", "80");
    RUN("plain", NULL, 3, "no address", self, "get", "www.example.com", "80");
    /* Out of a meshed pod: the sidecar gets it and sees where it was to go. */
    RUN("meshed", "app", 0, "hello from meshed by 15001 for 198.19.0.1:80", self, "get", "vip", "80");
    RUN("meshed", "app", 0, "hello from meshed by 15001 for 198.18.0.3:8080", self, "get", "plain", "8080");
    if (!userns) RUN("meshed", "app", 0, "as 1337", self, "get", "vip", "80");
    /* Its own address and loopback are not redirected. */
    RUN("meshed", "app", 0, "hello from meshed by 8080", self, "get", "198.18.0.2", "8080");
    RUN("meshed", "app", 0, "hello from meshed by 8080", self, "get", "127.0.0.1", "8080");
    /* What the sidecar sends passes; to its own pod it comes back on the inbound side. */
    RUN("meshed", "proxy", 0, "hello from plain", self, userns ? "getmark" : "get", "plain", "8080");
    RUN("meshed", "proxy", 0, "hello from meshed by 15006 for 198.18.0.2:8080", self, userns ? "getmark" : "get", "198.18.0.2", "8080");
    /* Into a meshed pod: to 15006, except the sidecar's own ports. */
    RUN("plain", NULL, 0, "hello from meshed by 15006 for 198.18.0.2:8080", self, "get", "198.18.0.2", "8080");
    RUN("plain", NULL, 0, "hello from meshed by 15021", self, "get", "198.18.0.2", "15021");
    /* An application cannot pass for the sidecar. */
    RUN("meshed", "app", 5, "no mark", self, "getmark", "plain", "8080");
}

static void check_dial(int door_port)
{
    struct err e = { 0 };
    char in[512] = "";
    int fd = node_client_dial(state, "default", "plain", NULL, 8080, &e);
    expect(fd >= 0, "dial a pod", e.what);
    if (fd >= 0 && (write(fd, "x", 1) != 1 || read(fd, in, sizeof in - 1) < 0)) abort();
    expect(strstr(in, "hello from plain") != NULL, "answer through the dialled socket", in);
    close_p(&fd);
    fd = node_client_dial(state, "default", "plain", NULL, 9, &e);
    expect(fd < 0, "a closed port is an error", "connected");
    fd = node_client_dial(state, "default", "nobody", NULL, 9, &e);
    expect(fd == -ENOENT, "an unknown pod is an error", e.what);
    struct addr a;
    int st;
    if (!addr_ip(&a, STR("127.0.0.1"), (uint16_t)door_port)) abort();
    fd = sock_connect(&a, &st, &e);
    fcntl(fd, F_SETFL, 0);
    memset(in, 0, sizeof in);
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    poll(&p, 1, 1000);
    if (write(fd, "x", 1) != 1) perror("door");
    for (size_t n = 0; n < sizeof in - 1;) {
        ssize_t r = read(fd, in + n, sizeof in - 1 - n);
        if (r <= 0) break;
        n += (size_t)r;
    }
    expect(strstr(in, "hello from plain") != NULL, "answer through the ingress door", in);
    close(fd);
}

static void check_life(void)
{
    struct err e = { 0 };
    int p[2];
    /* A killed sidecar comes back; the pod is unready meanwhile. */
    RUN("meshed", "proxy", 0, "", "sh", "-c", "kill -9 $(grep -la [s]idecar /proc/[0-9]*/cmdline | cut -d/ -f3 | sort -n | head -1)");
    status_has("meshed", "proxy: state=1 ready=1 restarts=1", 3000);
    status_has("meshed", "ready=1", 3000);
    if (pipe2(p, O_CLOEXEC) < 0) abort();
    struct node_logs l = { .ns = "default", .pod = "crash", .tail = 1, .out = p[1] };
    expect(node_client_logs(state, &l, NULL, &e) == 0, "logs", e.what);
    char text[64] = "";
    if (read(p[0], text, sizeof text - 1) < 0) abort();
    expect(strcmp(text, "trying\n") == 0, "the last line of the log", text);
    close(p[0]);
    close(p[1]);
    if (write(order_fd, "s", 1) != 1) abort();
    status_has("u1", "gone", 3000);
}

/* Graceful end, liveness, and the end of who does not listen. */
static void check_ends(void)
{
    char path[512];
    const char *log;
    if (write(order_fd, "g", 1) != 1) abort();
    status_has("slow", "terminating=1", 1000);
    status_has("u5", "gone", 3000);
    log = slurp(node_log_path(state, "default", "slow", "app", path, sizeof path));
    expect(strcmp(log, "pre-stop\nstopping\nstopped\n") == 0, "preStop, SIGTERM and time to end", log);
    status_has("deaf", "ready=1", 1000);
    RUN("deaf", NULL, 0, "", "touch", "/run/ill");
    status_has("deaf", "last=Error/137", 3000); /* liveness: SIGTERM, the grace, SIGKILL */
    RUN("deaf", NULL, 0, "", "rm", "/run/ill");
    if (write(order_fd, "d", 1) != 1) abort();
    status_has("u6", "gone", 3000);
}

/* A terminal of its own with our size; the exit code comes through. */
static void check_terminal(void)
{
    struct winsize ws = { .ws_row = 40, .ws_col = 100 };
    int master;
    pid_t pid = forkpty(&master, NULL, NULL, &ws);
    if (pid == 0) {
        static const char *const argv[] = { "sh", "-c", "tty -s && stty size; read x; echo got-$x; exit 5", NULL };
        struct node_exec x = { .ns = "default", .pod = "plain", .argv = argv, .tty = true };
        int code = 99;
        struct err e = { 0 };
        if (node_client_exec(state, &x, &code, &e) < 0) printf("%s\n", e.what);
        _exit(code);
    }
    char text[1024] = "";
    size_t n = 0;
    if (write(master, "word\n", 5) != 5) abort();
    for (ssize_t r; n < sizeof text - 1 && (r = read(master, text + n, sizeof text - 1 - n)) > 0;) n += (size_t)r;
    int status = 0;
    waitpid(pid, &status, 0);
    close(master);
    expect(strstr(text, "40 100") && strstr(text, "got-word"), "exec with a terminal", text);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 5, "its exit code", NULL);
}

/* Processes of pods, of all meshes: those with "serve" as first argument of this program. */
static int count_procs(void)
{
    int found = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char path[300];
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        if (e->d_name[0] < '1' || e->d_name[0] > '9') continue;
        const char *cmd = slurp(path);
        found += strcmp(cmd, self) == 0 && strcmp(cmd + strlen(cmd) + 1, "serve") == 0;
    }
    if (d) closedir(d);
    return found;
}

static int door(int *port)
{
    struct addr a;
    struct err e = { 0 };
    if (!addr_ip(&a, STR("127.0.0.1"), 0)) abort();
    int fd = sock_listen(&a, false, &e);
    if (fd < 0 || sock_local(fd, &a) < 0) abort();
    *port = addr_port(&a);
    return fd;
}

static int start(struct fabric_proc *p, int *port)
{
    int pair[2];
    struct err e = { 0 };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) abort();
    int d = door(port);
    order_fd = pair[1];
    struct fabric_config c = { .state_dir = state,
                               .doors = &d,
                               .doors_n = 1,
                               .backoff_base_ms = 200,
                               .backoff_max_ms = 2000,
                               .force_user_ns = userns,
                               .agent = glue };
    uint64_t t0 = clock_ns();
    int r = fabric_start(&c, p, &e);
    expect(r == 0, "fabric_start", e.what);
    if (r == 0) printf("fabric up in %.1f ms\n", (double)(clock_ns() - t0) / 1e6);
    order_fd = pair[0];
    close(d);
    return r;
}

/* A second mesh beside the first, with the same addresses; its weft up killed with SIGKILL: all of it is gone at once, and
 * the first one does not notice. */
static void check_sigkill(void)
{
    int p[2], before = count_procs();
    snprintf(state + strlen(state), sizeof state - strlen(state), ".2");
    if (mkdir(state, 0700) < 0 || pipe2(p, O_CLOEXEC) < 0) abort();
    pid_t up = fork();
    if (up == 0) {
        struct fabric_proc f;
        int port, n = start(&f, &port) == 0 && status_has("plain", "ready=1", 3000);
        if (write(p[1], &n, sizeof n) < 0) _exit(1);
        for (;;) pause();
    }
    int n = 0;
    expect(read(p[0], &n, sizeof n) == (ssize_t)sizeof n && n, "a second mesh", NULL);
    expect(count_procs() > before, "pods of both meshes run", NULL);
    kill(up, SIGKILL);
    waitpid(up, NULL, 0);
    int left = before + 1;
    for (uint64_t end = clock_ms() + 2000; clock_ms() < end && left > before; nap()) left = count_procs();
    expect(left == before, "nothing is left after kill -9 of weft up", NULL);
    cgroup_sweep(state); /* the killed one could not; the next fabric_start there would */
    char cmd[300];
    snprintf(cmd, sizeof cmd, "rm -r %s", state);
    expect(system(cmd) == 0, "the second state directory can be removed", NULL);
    state[strlen(state) - 2] = '\0';
}

static int test(void)
{
    struct fabric_proc f;
    struct err e = { 0 };
    enum preflight_mode mode;
    int port;
    if (preflight(userns, &mode, &e) < 0) {
        fprintf(stderr, "skipped: %s (%s)\n", e.what, e.hint);
        return 77;
    }
    snprintf(state, sizeof state, "/tmp/weft-fabric-test.%d", (int)getpid());
    int lock = state_lock(state, &e);
    expect(lock >= 0, "lock", e.what);
    expect(state_owner(state) == getpid(), "owner", NULL);
    uint64_t t0 = clock_ns();
    if (start(&f, &port) == 0) {
        status_has("plain", "ready=1", 3000);
        printf("first pod ready after %.1f ms\n", (double)(clock_ns() - t0) / 1e6);
        status_has("meshed", "ready=1", 3000);
        printf("two pods ready after %.1f ms\n", (double)(clock_ns() - t0) / 1e6);
        check_running();
        check_network();
        check_dial(port);
        if (getenv("WEFT_TEST_HOLD")) {
            printf("state %s, fabric %d\n", state, (int)f.pid);
            pause();
        }
        check_terminal();
        check_ends();
        check_sigkill();
        check_life();
        t0 = clock_ns();
        fabric_stop(&f, 2000);
        printf("stopped in %.1f ms\n", (double)(clock_ns() - t0) / 1e6);
        expect(count_procs() == 0, "nothing is left after fabric_stop", NULL);
    }
    char cmd[300];
    snprintf(cmd, sizeof cmd, "rm -r %s", state);
    expect(system(cmd) == 0, "the state directory can be removed", NULL);
    printf("%d checks, %d failed\n", checks, failures);
    return failures != 0;
}

int main(int argc, char **argv)
{
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    log_init("fabric_test", LOG_WARN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc >= 4 && strcmp(argv[1], "serve") == 0) return program_serve(argv[2], argv[3]);
    if (argc >= 4 && strncmp(argv[1], "get", 3) == 0) return program_get(argv[2], argv[3], argv[1][3] == 'm');
    if (argc >= 2 && strcmp(argv[1], "sidecar") == 0) {
        static const char *const ports[] = { "15001", "15006" };
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
            pid_t parent = getpid();
            if (fork() != 0) continue;
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) return 1;
            return program_serve("0.0.0.0", ports[i]);
        }
        return program_serve("0.0.0.0", "15021");
    }
    userns = geteuid() != 0 || (argc >= 2 && strcmp(argv[1], "--userns") == 0);
    return test();
}
