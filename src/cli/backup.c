/* weft backup, restore: everything that the mesh keeps, in one file. */
#include "cli/platform.h"
#include "node/state.h"
#include "store/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Written beside FILE and renamed, so that FILE is whole or not there; readable by its owner only. */
static int write_file(const char *file, struct str bytes)
{
    AUTO(free_p) char *part = xasprintf("%s.part", file);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return cli_failf("cannot write %s: %s", part, strerror(errno));
    bool ok = true;
    for (size_t at = 0; ok && at < bytes.n;) {
        ssize_t n = write(fd, bytes.p + at, bytes.n - at);
        ok = n > 0;
        at += ok ? (size_t)n : 0;
    }
    ok = ok && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && rename(part, file) == 0;
    if (ok) return EXIT_OK;
    int r = cli_failf("cannot write %s: %s", file, strerror(errno));
    unlink(part);
    return r;
}

static int backup(struct cli *c, int argc, char **argv)
{
    struct api_answer a;
    struct err e = { 0 };
    (void)argc;
    int r = platform_require(c);
    if (r != EXIT_OK) return r;
    bool to_stdout = strcmp(argv[0], "-") == 0;
    if (!to_stdout && access(argv[0], F_OK) == 0 && (r = platform_confirm("%s is there already. Write over it?", argv[0])) != EXIT_OK)
        return r;
    const struct api_request q = { .method = "POST", .path = "/weft/v1/backup", .accept = "*/*" };
    if (api_send(c, &q, &a, &e) < 0) return cli_fail(&e);
    if (a.status != 200)
        r = platform_problem(a.status, a.body);
    else if (to_stdout)
        fwrite(buf_data(&a.raw), 1, a.raw.len, stdout);
    else if ((r = write_file(argv[0], buf_str(&a.raw))) == EXIT_OK)
        printf("%s: %.1f MiB\n", argv[0], (double)a.raw.len / 1048576);
    api_answer_free(&a);
    return r;
}

static int restore(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    (void)argc;
    pid_t owner = state_owner(c->state);
    if (owner) return cli_failf("a mesh runs in %s; stop it first: weft down", c->state);
    AUTO(free_p) char *to = state_path(c, "weft.db");
    bool there = access(to, F_OK) == 0;
    int r = there ? platform_confirm("Put %s in the place of what %s holds? That is kept as weft.db.before-restore.", argv[0], c->state)
                  : EXIT_OK;
    if (r != EXIT_OK) return r;
    int lock = state_lock(c->state, &e); /* nobody starts a mesh on it meanwhile */
    if (lock < 0) return cli_fail(&e);
    r = store_restore(argv[0], to, &e);
    if (r < 0) {
        err_prefix(&e, "%s cannot be restored: ", argv[0]);
        r = cli_fail(&e);
    }
    close(lock);
    if (r == EXIT_OK)
        printf("%s holds what %s has; start it with: weft up%s%s\n", c->state, argv[0],
               strcmp(c->state, "/var/lib/weft") ? " --state " : "", strcmp(c->state, "/var/lib/weft") ? c->state : "");
    return r;
}

/* clang-format off */
static const struct opt opts[] = { OPT_YES };

const struct command cmd_backup = {
    .name = "backup", .args = "FILE", .brief = "everything that the mesh keeps, into one file, while it runs",
    .examples = "  weft backup weft-monday.db\n  weft backup - | gzip > weft.db.gz\n",
    .opts = opts, .n_opts = ARRAY_LEN(opts), .min = 1, .max = 1, .run = backup,
};
const struct command cmd_restore = {
    .name = "restore", .args = "FILE", .brief = "put a backup back; the mesh must be down",
    .examples = "  weft down; weft restore weft-monday.db --yes; weft up --detach\n",
    .opts = opts, .n_opts = ARRAY_LEN(opts), .min = 1, .max = 1, .run = restore,
};
/* clang-format on */
