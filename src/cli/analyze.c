/* weft analyze: finds mistakes in files, without a mesh. */
#include "analysis/analyze.h"
#include "cli/files.h"

static struct cli shared;

static int run(struct cli *c, int argc, char **argv)
{
    struct text_list names = { .n = 0 };
    struct file_list files;
    struct err e = { 0 };
    struct buf out = { 0 };
    if (argc > (int)ARRAY_LEN(names.v)) return cli_usage(c, "more than %zu files", ARRAY_LEN(names.v));
    for (int i = 0; i < argc; i++) names.v[names.n++] = argv[i];
    if (files_read(&names, &files, &e) < 0) return cli_fail(&e);
    struct config_input *in = files_inputs(&files);
    int r = analysis_files(in, files.n, shared.ns, NULL, &out);
    fwrite(buf_data(&out), 1, out.len, stdout);
    if (out.len == 0) printf("No mistakes found in %zu file%s.\n", files.n, files.n == 1 ? "" : "s");
    buf_free(&out);
    free(in);
    file_list_free(&files);
    return r;
}

static const struct opt opts[] = { OPT_NAMESPACE(shared) };

const struct command cmd_analyze = {
    .name = "analyze",
    .args = "FILE...",
    .brief = "find mistakes in manifests, without a mesh",
    .examples = "  weft analyze routes.yaml\n  weft analyze examples/canary/\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 1,
    .max = -1,
    .run = run,
};
