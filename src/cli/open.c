/* weft open: the address of the platform's page; where sign-in by a one-time token is asked, with a new one. */
#include "cli/page.h"

#include <sys/wait.h>
#include <unistd.h>

static bool print_only;

/* In the person's browser, where there is a desktop. */
static void browse(const char *url)
{
    if (print_only || !isatty(STDOUT_FILENO) || (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY"))) return;
    pid_t pid = fork();
    if (pid == 0) {
        int r = freopen("/dev/null", "w", stderr) == NULL;
        execlp("xdg-open", "xdg-open", url, (char *)NULL);
        _exit(127 + r);
    }
    if (pid > 0) waitpid(pid, NULL, 0);
}

static int run(struct cli *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int r = state_require(c);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *url = page_url(c);
    if (!url) return cli_failf("the mesh in %s serves no page; start it with: weft up --page ADDR:PORT", c->state);
    AUTO(free_p) char *full = page_sign_in_url(c, url);
    printf("%s\n", full);
    fflush(stdout);
    browse(full);
    return EXIT_OK;
}

static const struct opt opts[] = { { "print", 0, OPT_FLAG, &print_only, NULL, "only print the address" } };

const struct command cmd_open = {
    .name = "open",
    .args = "",
    .brief = "the address of the platform's page",
    .examples = "  weft open\n  curl -s \"$(weft open --print)\"\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 0,
    .max = 0,
    .run = run,
};
