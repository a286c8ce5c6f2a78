/* weft down: ends the mesh; returns when nothing of it is left. */
#include "base/clock.h"
#include "cli/cli.h"
#include "node/state.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

static int64_t timeout_ms = 20000;

static int run(struct cli *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int r = state_require(c);
    if (r) return r;
    pid_t owner = state_owner(c->state);
    if (owner <= 0) return cli_failf("the process that runs the mesh in %s is not known", c->state);
    if (kill(owner, SIGTERM) < 0 && errno != ESRCH) return cli_failf("cannot stop process %d: %s", (int)owner, strerror(errno));
    /* The lock is free when the owner has ended everything. Waiting for it blocks; the alarm bounds that. */
    AUTO(free_p) char *path = state_path(c, "lock");
    AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct sigaction act = { .sa_handler = SIG_DFL };
    sigaction(SIGALRM, &act, NULL);
    alarm((unsigned)((timeout_ms + 999) / 1000));
    while (fd >= 0 && flock(fd, LOCK_SH) < 0 && errno == EINTR) continue;
    alarm(0);
    printf("The mesh in %s has ended.\n", c->state);
    return EXIT_OK;
}

static const struct opt opts[] = { { "timeout", 0, OPT_TIME, &timeout_ms, "TIME", "how long it may take (default 20s)" } };

const struct command cmd_down = {
    .name = "down",
    .args = "",
    .brief = "stop the mesh; nothing stays behind",
    .examples = "  weft down\n  weft down --state /tmp/mesh\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 0,
    .max = 0,
    .run = run,
};
