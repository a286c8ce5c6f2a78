/* weft up: a mesh on this machine, from manifests. */
#include "cli/up.h"
#include "analysis/analyze.h"
#include "base/vec.h"
#include "cli/files.h"
#include "net/sock.h"
#include "node/preflight.h"
#include "node/state.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct up_options options = { .concurrency = 1, .timeout_ms = 60000 };

int ingress_open(const struct text_list *list, struct ingress *ret, struct err *e)
{
    for (int i = 0; i < list->n; i++) {
        struct str port = str_of(list->v[i]), where = str_cut(&port, '=');
        uint64_t inner = 80, outer;
        ssize_t colon = str_rindex(where, ':');
        struct str ip = colon >= 0 ? str_first(where, (size_t)colon) : STR("127.0.0.1");
        struct addr a;
        if (ip.n > 2 && ip.p[0] == '[') ip = str_make(ip.p + 1, ip.n - 2);
        if (!str_u64(str_skip(where, (size_t)(colon + 1)), &outer) || outer > 65535 ||
            (port.p && (!str_u64(port, &inner) || inner > 65535)) || !addr_ip(&a, ip, (uint16_t)outer)) {
            err_set(e, -EINVAL, "--ingress %s is not of the form [ADDR:]HOSTPORT[=PORT]", list->v[i]);
            return err_hint(e, "for instance --ingress 8080, or --ingress 0.0.0.0:8443=443");
        }
        ret[i].port = (uint16_t)inner;
        ret[i].fd = sock_listen(&a, false, e);
        if (ret[i].fd < 0) return ret[i].fd;
        sock_local(ret[i].fd, &a);
        addr_text(&a, ret[i].address, sizeof ret[i].address);
    }
    return 0;
}

/* Mistakes are told before anything starts. In a child, so that the supervisor (whose memory every pod shares) stays small. */
static int check_files(struct cli *c, const struct up_options *o)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct file_list files;
        struct err e = { 0 };
        struct config_set set = { 0 };
        if (files_read(&o->files, &files, &e) < 0) _exit(cli_fail(&e));
        struct config_input *in = files_inputs(&files);
        const struct config_options co = { .default_namespace = c->ns };
        int r = config_read(in, files.n, &co, &set);
        vec_foreach (one, &set.errors) cli_fail(one);
        fflush(NULL);
        _exit(r < 0 ? EXIT_FAILED : EXIT_OK);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) < 0) return cli_failf("cannot start a process: %s", strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

/* Only standard input can be read once: it is kept in a file for the starter. */
static int keep_stdin(struct up_options *o, char *path, size_t n)
{
    for (int i = 0; i < o->files.n; i++) {
        if (strcmp(o->files.v[i], "-") != 0) continue;
        snprintf(path, n, "/tmp/weft-stdin-XXXXXX.yaml");
        int fd = mkstemps(path, 5);
        char bytes[65536];
        ssize_t got;
        if (fd < 0) return cli_failf("cannot make a temporary file: %s", strerror(errno));
        while ((got = read(STDIN_FILENO, bytes, sizeof bytes)) > 0) {
            if (write(fd, bytes, (size_t)got) != got) return cli_failf("cannot write %s: %s", path, strerror(errno));
        }
        close(fd);
        o->files.v[i] = path;
    }
    return EXIT_OK;
}

/* A daemon: own session, no terminal, output into the state directory. */
static void become_daemon(const struct cli *c)
{
    AUTO(free_p) char *logs = state_path(c, "logs"), *path = state_path(c, "logs/weft-up.log");
    setsid();
    mkdir(c->state, 0700);
    mkdir(logs, 0700);
    int in = open("/dev/null", O_RDONLY), out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(in, STDIN_FILENO);
    if (out >= 0) {
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
    }
    if (chdir("/") < 0) return;
}

/* The supervisor's first line: "ok", or what went wrong. To its newline, not to the end: the fabric's forks hold the pipe too. */
static int wait_ready(int fd)
{
    char line[1024];
    ssize_t n, at = 0;
    while ((n = read(fd, line + at, sizeof line - 1 - (size_t)at)) > 0) {
        at += n;
        if (memchr(line, '\n', (size_t)at)) break;
    }
    line[at] = 0;
    if (strcmp(line, "ok\n") == 0) return EXIT_OK;
    fprintf(stderr, "%s", at ? line : "error: the mesh ended before it was up\n");
    return EXIT_FAILED;
}

/* The starter's copies: only the supervisor serves. */
static void close_doors(const struct up_options *o, const struct up_doors *doors)
{
    for (int i = 0; i < o->ingress.n; i++) close(doors->ingress[i].fd);
    if (doors->page.fd >= 0) close(doors->page.fd);
}

static int run_detached(struct cli *c, const struct up_options *o, const struct images *im, const struct up_doors *doors)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0) return cli_failf("cannot make a pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ready[0]);
        become_daemon(c);
        _exit(up_supervise(c, o, im, doors, ready[1], 0));
    }
    close(ready[1]);
    close_doors(o, doors);
    int r = pid < 0 ? cli_failf("cannot start a process: %s", strerror(errno)) : wait_ready(ready[0]);
    if (r == EXIT_OK && (r = up_start(c, o, doors)) != EXIT_OK) { /* a mesh that did not come up is not left running */
        up_tell_weftd_error(c);
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
    }
    return r;
}

static int run_foreground(struct cli *c, const struct up_options *o, const struct images *im, const struct up_doors *doors)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0) return cli_failf("cannot make a pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t starter = fork();
    if (starter == 0) {
        signal(SIGINT, SIG_IGN); /* Ctrl-C reaches the whole group; the supervisor ends us */
        close(ready[1]);
        close_doors(o, doors);
        int r = wait_ready(ready[0]);
        if (r == EXIT_OK) r = up_start(c, o, doors);
        if (r == EXIT_OK) printf("\nServing until Ctrl-C.\n");
        fflush(NULL);
        _exit(r);
    }
    close(ready[0]);
    if (starter < 0) return cli_failf("cannot start a process: %s", strerror(errno));
    return up_supervise(c, o, im, doors, ready[1], starter);
}

static int run(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    enum preflight_mode mode;
    static char stdin_copy[64]; /* the list of files points at it */
    (void)argc;
    (void)argv;
    if (options.concurrency < 1 || options.concurrency > 128) return cli_usage(c, "--concurrency must be 1 to 128");
    struct images *im = images_new(&options.images, &e);
    if (!im) return cli_fail(&e);
    pid_t owner = state_owner(c->state);
    if (owner)
        return cli_failf("a mesh already runs in %s (process %d); stop it with: weft down, or give another --state DIR", c->state,
                         (int)owner);
    int r = keep_stdin(&options, stdin_copy, sizeof stdin_copy);
    if (r == EXIT_OK) r = check_files(c, &options);
    if (r != EXIT_OK) return r;
    if (preflight(false, &mode, &e) < 0) return cli_fail(&e);
    static struct up_doors doors;
    _Static_assert(ARRAY_LEN(doors.ingress) == ARRAY_LEN(options.ingress.v), "a door for each --ingress");
    if (ingress_open(&options.ingress, doors.ingress, &e) < 0 || page_open(options.page, &doors.page, &e) < 0) return cli_fail(&e);
    r = options.detach ? run_detached(c, &options, im, &doors) : run_foreground(c, &options, im, &doors);
    if (stdin_copy[0]) unlink(stdin_copy);
    images_free(im);
    return r;
}

static const struct opt opts[] = {
    { "filename", 'f', OPT_LIST, &options.files, "FILE", "manifests: file, directory or - (may be repeated)" },
    { "detach", 'd', OPT_FLAG, &options.detach, NULL, "return when everything runs; stop with 'weft down'" },
    { "image", 0, OPT_LIST, &options.images, "NAME=COMMAND", "the program that an image name stands for (may be repeated)" },
    { "ingress", 0, OPT_LIST, &options.ingress, "[ADDR:]HOSTPORT[=PORT]", "a port of this machine into the ingress gateway" },
    { "page", 0, OPT_TEXT, &options.page, "[ADDR:]PORT|off",
      "where the platform's page is (default 127.0.0.1:15080, or the next free port)" },
    { "host", 0, OPT_LIST, &options.hosts, "NAME", "a name by which browsers reach the page (may be repeated)" },
    { "concurrency", 0, OPT_INT, &options.concurrency, "N", "worker threads of each proxy (default 1)" },
    { "sotw", 0, OPT_FLAG, &options.sotw, NULL, "proxies use state-of-the-world xDS instead of delta" },
    { "timeout", 0, OPT_TIME, &options.timeout_ms, "TIME", "how long everything may take to run (default 1m)" },
    { "restart-backoff", 0, OPT_TIME, &options.backoff_base_ms, "TIME", "first pause before a crashed container restarts (default 10s)" },
};

const struct command cmd_up = {
    .name = "up",
    .args = "-f FILE",
    .brief = "start a mesh on this machine from manifests",
    .examples = "  weft up -f examples/canary/\n  weft up -f app.yaml --detach --image shop/web:1='python3 -m http.server 8080'\n"
                "  weft up -f app.yaml --ingress 8080 --ingress 0.0.0.0:8443=443\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 0,
    .max = 0,
    .run = run,
};
