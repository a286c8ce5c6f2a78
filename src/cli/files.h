/* Manifests named by -f: files, directories (their .yaml, .yml and .json, in order of name), "-" for stdin. */
#ifndef WEFT_CLI_FILES_H
#define WEFT_CLI_FILES_H

#include "cli/cli.h"
#include "config/read.h"

struct file {
    char *name;
    struct buf text;
};

struct file_list {
    struct file *v;
    size_t n, cap;
};

/* Reads all; a file over 16 MiB, a missing one or a directory without manifests is an error. 0 or negative. */
int files_read(const struct text_list *names, struct file_list *ret, struct err *e);
void file_list_free(struct file_list *l);
/* The body of /weft/v1/apply and its kin: {"files":[{"name":..., "text":...}]}. Heap string; NULL and e with the place when a
 * file is no text (e points at the file's name in the list). */
char *files_body(const struct file_list *l, struct err *e);
/* The files as config_read and analysis_files take them: l->n of them, valid as long as the list; the caller frees the array. */
struct config_input *files_inputs(const struct file_list *l);

/* Objects that files name. */
struct file_ref {
    const struct kind *kind;
    char *ns, *name;
};
struct file_refs {
    struct file_ref *v;
    size_t n, cap;
};
/* Reads the files and tells which objects they name; prints errors itself. EXIT_OK or EXIT_FAILED. */
int files_refs(const struct cli *c, const struct text_list *names, struct file_refs *ret);
void file_refs_free(struct file_refs *r);

#endif
