/* Fuzz target: bytes as a bootstrap, through the reader, the builders of its static resources and the pages of admin. What
 * was accepted must also be printable. */
#include "proxy/admin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void pages(struct config *c)
{
    static const struct admin_hooks hooks = { .concurrency = 1 };
    static const char *const paths[] = { "/config_dump",      "/clusters",    "/listeners", "/stats",
                                         "/stats/prometheus", "/server_info", "/init_dump" };
    struct admin *a = admin_new_detached(c, &hooks);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct buf body = { 0 };
        const char *type;
        bool quit;
        must(admin_answer(a, STR("GET"), str_of(paths[i]), STR("include_eds"), &body, &type, &quit) == 200);
        buf_free(&body);
    }
    admin_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct config_ops ops = { 0 };
    struct errs errs = { 0 };
    struct bootstrap *b = bootstrap_parse(str_make(data, n), "fuzz", NULL, &errs);
    must((b != NULL) == (errs_count(&errs) == 0));
    struct config *c = b ? config_new(b, &ops, NULL, &errs) : NULL;
    if (c) {
        config_start(c);
        must(config_snapshot(c));
        pages(c);
    }
    config_free(c);
    bootstrap_free(b);
    errs_free(&errs);
    return 0;
}
