/* Fuzz target: bytes as manifests, through both readers, decoding, admission rules and analysis. What was accepted must survive
 * being printed and read again. */
#include "analysis/analyze.h"

static void again(const struct resource *r)
{
    struct buf yaml = { 0 }, json = { 0 };
    struct errs errs = { 0 };
    struct config_options opt = { .no_checks = true };
    resource_to_yaml(r, NULL, &yaml);
    resource_to_json(r, NULL, 2, &json);
    /* Printing may take a large resource past a limit (more bytes as JSON), which is no mistake. */
    struct resource *y = config_read_text(buf_str(&yaml), "again", &opt, &errs, NULL),
                    *j = config_read_text(buf_str(&json), "again", &opt, &errs, NULL);
    if (yaml.len < TREE_DOC_MAX && json.len < TREE_DOC_MAX) {
        if (!y || !j) fprintf(stderr, "%s\n%.*s\n%.*s\n", errs.n ? errs.v[0].what : "?", STR_ARG(buf_str(&yaml)), STR_ARG(buf_str(&json)));
        must(y && j);
        if (!pb_equal(y->msg, j->msg) || !pb_equal(y->msg, r->msg))
            fprintf(stderr, "%.*s\n%.*s\n", STR_ARG(buf_str(&yaml)), STR_ARG(buf_str(&json)));
        must(pb_equal(y->msg, j->msg) && pb_equal(y->msg, r->msg));
    }
    resource_unref(y);
    resource_unref(j);
    errs_free(&errs);
    buf_free(&yaml);
    buf_free(&json);
}

static void read_as(const char *file, struct str text)
{
    struct config_input in = { file, text };
    struct config_options opt = { .keep_positions = true };
    struct config_set set = { 0 };
    if (config_read(&in, 1, &opt, &set) == 0) {
        for (size_t i = 0; i < set.resources.n; i++) again(set.resources.v[i]);
        struct world *empty = world_new(), *w = world_put(empty, set.resources.v, set.resources.n);
        struct analysis_list found = { 0 };
        char line[1600];
        analysis_run(w, &found);
        for (size_t i = 0; i < found.n; i++) analysis_text(&found.v[i], line, sizeof line);
        analysis_free(&found);
        world_unref(w);
        world_unref(empty);
    }
    config_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    read_as("f.yaml", str_make(data, n));
    read_as("f.json", str_make(data, n));
    return 0;
}
