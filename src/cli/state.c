/* The directory of a mesh, and whether one runs there. */
#include "cli/cli.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int state_require(const struct cli *c)
{
    if (c->server)
        return cli_usage(c, "%s is about the mesh of this machine; it does not go with --server or WEFT_SERVER", c->command->name);
    AUTO(free_p) char *path = state_path(c, "lock");
    AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    /* `weft up` holds the lock as long as the mesh runs: who gets it finds no mesh. */
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0) return 0;
    bool standard = strcmp(c->state, "/var/lib/weft") == 0 || getenv("WEFT_STATE");
    fprintf(stderr, "error: no mesh runs in %s; start one with: weft up -f FILE%s%s\n", c->state, standard ? "" : " --state ",
            standard ? "" : c->state);
    return EXIT_FAILED;
}
