/* weft version */
#include "cli/cli.h"

static int run(struct cli *c, int argc, char **argv)
{
    (void)c;
    (void)argc;
    (void)argv;
    printf("weft %s\n", WEFT_VERSION);
    return EXIT_OK;
}

const struct command cmd_version = {
    .name = "version", .args = "", .brief = "print the version", .examples = "  weft version\n", .max = 0, .run = run
};
