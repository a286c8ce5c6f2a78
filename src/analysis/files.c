/* `weft analyze FILE...`: mistakes in the files themselves first, then what the resources in them mean together. */
#include "analysis/analyze.h"

static void print_errs(const struct errs *l, const char *level, struct buf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct err *e = &l->v[i];
        if (e->at.file && e->at.line)
            buf_printf(out, "%s:%u:%u: ", e->at.file, e->at.line, e->at.col);
        else if (e->at.file)
            buf_printf(out, "%s: ", e->at.file);
        buf_printf(out, "%s: %s%s%s\n", level, e->what, e->hint[0] ? "; " : "", e->hint);
    }
    if (l->dropped) buf_printf(out, "and %zu more\n", l->dropped);
}

int analysis_files(const struct config_input *in, size_t n, const char *default_namespace, const struct world *base, struct buf *out)
{
    struct config_options opt = { .default_namespace = default_namespace, .keep_positions = true };
    struct config_set set = { 0 };
    bool bad = config_read(in, n, &opt, &set) < 0;
    print_errs(&set.errors, "error", out);
    print_errs(&set.warnings, "warning", out);
    /* With errors some resources are missing, and what refers to them would be reported for no reason. */
    if (!bad) {
        struct world *empty = world_new(), *w = world_put(base ? base : empty, set.resources.v, set.resources.n);
        struct analysis_list found = { 0 };
        char text[1600];
        analysis_run(w, &found);
        analysis_only(&found, set.resources.v, set.resources.n);
        for (size_t i = 0; i < found.n; i++) buf_printf(out, "%s\n", analysis_text(&found.v[i], text, sizeof text));
        bad = analysis_count(&found, ANALYSIS_ERROR) > 0;
        analysis_free(&found);
        world_unref(w);
        world_unref(empty);
    }
    config_set_free(&set);
    return bad ? 1 : 0;
}
