/* weft delete: objects by kind and name, or those that files name. */
#include "cli/files.h"
#include "cli/resource.h"

static struct cli shared;
static struct text_list files;
static bool ignore_missing;

static int delete_one(const struct cli *c, const struct kind *k, const char *ns, const char *name)
{
    struct err e = { 0 };
    struct api_answer a;
    char *path = resource_path(k, ns, name);
    int r = api_call(c, "DELETE", path, NULL, (struct str){ 0 }, &a, &e);
    if (r == 0) r = api_check(&a, &e);
    bool fine = r == 0 || (r == -ENOENT && ignore_missing);
    if (r == 0) printf("%s%s%s \"%s\" deleted\n", k->singular, k->group[0] ? "." : "", k->group, name);
    api_answer_free(&a);
    free(path);
    return fine ? EXIT_OK : cli_fail(&e);
}

static int delete_files(const struct cli *c)
{
    struct file_refs refs;
    int r = files_refs(c, &files, &refs);
    if (r) return r;
    for (size_t i = refs.n; i-- > 0;) { /* what was made last goes first */
        int one = delete_one(c, refs.v[i].kind, refs.v[i].ns, refs.v[i].name);
        if (one) r = one;
    }
    file_refs_free(&refs);
    return r;
}

static int run(struct cli *c, int argc, char **argv)
{
    struct err e = { 0 };
    int r = state_require(c);
    if (shared.ns) c->ns = shared.ns, c->ns_given = true;
    if (r) return r;
    if (files.n && argc) return cli_usage(c, "give either -f FILE or KIND NAME");
    if (files.n) return delete_files(c);
    if (argc == 0) return cli_usage(c, "delete needs -f FILE or KIND NAME");
    const struct kind *k;
    const char *name;
    int used;
    if (resource_parse(argc, argv, &k, &name, &used, &e) < 0) return cli_fail(&e);
    r = delete_one(c, k, c->ns, name);
    for (int i = used; i < argc; i++) {
        int one = delete_one(c, k, c->ns, argv[i]);
        if (one) r = one;
    }
    return r;
}

static const struct opt opts[] = {
    OPT_NAMESPACE(shared),
    { "filename", 'f', OPT_LIST, &files, "FILE", "delete what this file, directory or - names" },
    { "ignore-not-found", 0, OPT_FLAG, &ignore_missing, NULL, "what is not there is no error" },
};

const struct command cmd_delete = {
    .name = "delete",
    .args = "-f FILE | KIND NAME...",
    .brief = "delete objects",
    .examples = "  weft delete virtualservice k8s-combat-service-vs\n  weft delete -f examples/canary/\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 0,
    .max = -1,
    .run = run,
};
