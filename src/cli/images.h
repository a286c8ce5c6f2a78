/* The node's image table: which program an image name stands for. Nothing is pulled: a container runs from the host's file
 * system. --image NAME=COMMAND adds to the table; the demo's and the proxy's images are in it from the start. */
#ifndef WEFT_CLI_IMAGES_H
#define WEFT_CLI_IMAGES_H

#include "cli/cli.h"

struct images;

/* given: NAME=COMMAND, split at the first '=', COMMAND by shell quoting. NULL and e for a bad one. */
struct images *images_new(const struct text_list *given, struct err *e);
void images_free(struct images *im);
/* The program and its arguments, ended by NULL; owned by the table. NULL: not in the table. */
char *const *images_find(const struct images *im, const char *image);
/* A program of ours by its file name ("weft-proxy", "weftd"): beside this one, or in the folders of an installation. Heap string. */
char *images_program(const char *name);

#endif
