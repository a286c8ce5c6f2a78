/* weft get: objects as kubectl prints them. */
#include "cli/columns.h"
#include "cli/effective.h"
#include "cli/resource.h"

static struct cli shared; /* where the options of this command land before run() copies them */
static bool watch, no_headers, effective;
static const char *selector;

/* What `get all` shows, in kubectl's order, with Istio's routing behind it. */
static const char *const all_kinds[] = {
    "pods", "services", "deployments", "replicasets", "virtualservices", "destinationrules", "gateways"
};

static bool wide(const struct cli *c) { return c->output && strcmp(c->output, "wide") == 0; }

static bool label_matches(const json_t *object)
{
    struct str rest = str_of(selector);
    while (selector && rest.p) {
        struct str value = str_cut(&rest, ','), key = str_cut(&value, '=');
        if (value.n && value.p[0] == '=') value = str_skip(value, 1);
        char name[320];
        snprintf(name, sizeof name, "%.*s", STR_ARG(key));
        const char *have = json_string_value(json_object_get(json_path(object, "metadata.labels"), name));
        if (!have || (value.p && !str_eqc(value, have))) return false;
    }
    return true;
}

/* The objects of one kind, filtered; NULL and e. */
static json_t *fetch(const struct cli *c, const struct kind *k, char **names, int n, struct err *e)
{
    json_t *items = json_array();
    for (int i = 0; i < n; i++) {
        json_t *one = resource_get(c, k, c->ns, names[i], e);
        if (!one) {
            json_decref(items);
            return NULL;
        }
        json_array_append_new(items, one);
    }
    if (n) return items;
    char *path = resource_path(k, c->all_ns ? NULL : c->ns, NULL);
    json_t *list = api_get(c, path, e), *object;
    size_t i;
    free(path);
    if (!list) {
        json_decref(items);
        return NULL;
    }
    json_array_foreach (json_object_get(list, "items"), i, object) {
        if (label_matches(object)) json_array_append(items, object);
    }
    json_decref(list);
    return items;
}

/* "pod/" or "deployment.apps/": as kubectl names an object when several kinds are printed. */
static char *prefix_of(const struct kind *k) { return xasprintf("%s%s%s/", k->singular, k->group[0] ? "." : "", k->group); }

static void print_kind(const struct cli *c, const struct kind *k, const json_t *items, bool several)
{
    bool with_ns = c->all_ns && k->namespaced;
    struct table *t = columns_table(k->plural, with_ns, wide(c));
    char *prefix = several ? prefix_of(k) : xstrdup("");
    size_t i;
    json_t *object;
    json_array_foreach (items, i, object) columns_row(t, k->plural, with_ns, wide(c), prefix, object);
    if (no_headers)
        table_print_rows(t, 0, stdout);
    else
        table_print(t, stdout);
    table_free(t);
    free(prefix);
}

struct watching {
    const struct cli *c;
    const struct kind *k;
    bool headers; /* printed */
};

static bool on_event(json_t *event, void *arg)
{
    struct watching *w = arg;
    json_t *object = json_object_get(event, "object");
    const char *type = json_text(event, "type");
    if (!object || !type || strcmp(type, "BOOKMARK") == 0 || !label_matches(object)) return true;
    if (w->c->output && !wide(w->c)) {
        resource_print(w->c, object);
    } else {
        struct table *t = columns_table(w->k->plural, w->c->all_ns, wide(w->c));
        columns_row(t, w->k->plural, w->c->all_ns, wide(w->c), "", object);
        if (w->headers || no_headers)
            table_print_rows(t, 0, stdout);
        else
            table_print(t, stdout);
        w->headers = true;
        table_free(t);
    }
    fflush(stdout);
    return true;
}

static int watch_kind(const struct cli *c, const struct kind *k)
{
    struct watching w = { .c = c, .k = k };
    struct err e = { 0 };
    char *path = resource_path(k, c->all_ns ? NULL : c->ns, NULL), *url = xasprintf("%s?watch=1", path);
    int r = api_watch(c, url, on_event, &w, &e);
    free(path);
    free(url);
    return r < 0 ? cli_fail(&e) : EXIT_OK;
}

static int get_one_kind(const struct cli *c, const char *word, char **names, int n, bool several, json_t *collect, size_t *found)
{
    struct err e = { 0 };
    const struct kind *k = resource_kind(word, &e);
    json_t *items = k ? fetch(c, k, names, n, &e) : NULL;
    if (!items) return cli_fail(&e);
    if (collect) {
        json_array_extend(collect, items);
    } else if (json_array_size(items)) {
        if (several && *found) fputc('\n', stdout);
        print_kind(c, k, items, several);
    }
    *found += json_array_size(items);
    json_decref(items);
    return EXIT_OK;
}

static int print_collected(const struct cli *c, json_t *collect, bool single)
{
    if (single && json_array_size(collect) == 1) return resource_print(c, json_array_get(collect, 0));
    json_t *list =
        json_pack("{s:s, s:s, s:{s:s}, s:O}", "apiVersion", "v1", "kind", "List", "metadata", "resourceVersion", "", "items", collect);
    int r = resource_print(c, list);
    json_decref(list);
    return r;
}

static int run(struct cli *c, int argc, char **argv)
{
    c->ns = shared.ns ? shared.ns : c->ns;
    c->all_ns = shared.all_ns;
    c->output = shared.output && strcmp(shared.output, "table") == 0 ? NULL : shared.output;
    int r = state_require(c);
    if (r) return r;
    if (c->output && !wide(c) && strcmp(c->output, "json") != 0 && strcmp(c->output, "yaml") != 0 && strcmp(c->output, "name") != 0)
        return cli_usage(c, "-o %s: there are table, wide, json, yaml and name", c->output);
    bool data = c->output && !wide(c);
    json_t *collect = data ? json_array() : NULL;
    size_t found = 0;
    char *slash = strchr(argv[0], '/');
    if (slash) *slash = 0;
    char *one_name = slash ? slash + 1 : NULL;
    struct str kinds = str_of(argv[0]);
    if (effective) {
        struct err e = { 0 };
        const struct kind *k = resource_kind(argv[0], &e);
        json_decref(collect);
        if (!one_name && argc != 2) return cli_usage(c, "--effective needs one name");
        return k ? effective_get(c, k, one_name ? one_name : argv[1]) : cli_fail(&e);
    }
    bool all = strcmp(argv[0], "all") == 0, several = all || str_index(kinds, ',') >= 0;
    if (watch) {
        struct err e = { 0 };
        const struct kind *k = resource_kind(argv[0], &e);
        return k ? watch_kind(c, k) : cli_fail(&e);
    }
    for (size_t i = 0; all && i < ARRAY_LEN(all_kinds) && !r; i++) r = get_one_kind(c, all_kinds[i], NULL, 0, true, collect, &found);
    while (!all && kinds.p && !r) {
        char *word = str_dup(str_cut(&kinds, ','));
        r = get_one_kind(c, word, one_name ? &one_name : argv + 1, one_name ? 1 : argc - 1, several, collect, &found);
        free(word);
    }
    if (!r && data)
        r = print_collected(c, collect, one_name || argc == 2);
    else if (!r && found == 0)
        fprintf(stderr, c->all_ns ? "No resources found.\n" : "No resources found in %s namespace.\n", c->ns);
    json_decref(collect);
    return r;
}

static const struct opt opts[] = {
    OPT_NAMESPACE(shared),
    { "all-namespaces", 'A', OPT_FLAG, &shared.all_ns, NULL, "objects of all namespaces" },
    { "output", 'o', OPT_TEXT, &shared.output, "FORMAT", "table, wide, json, yaml or name" },
    { "selector", 'l', OPT_TEXT, &selector, "LABELS", "only objects with these labels: key=value,..." },
    { "watch", 'w', OPT_FLAG, &watch, NULL, "go on printing as objects change" },
    { "effective", 0, OPT_FLAG, &effective, NULL, "a VirtualService as it is carried out, with Traffic, and where each route comes from" },
    { "no-headers", 0, OPT_FLAG, &no_headers, NULL, "rows only" },
};

const struct command cmd_get = {
    .name = "get",
    .args = "KIND[,KIND...] [NAME...]",
    .brief = "print objects of a kind",
    .examples =
        "  weft get pods\n  weft get pods -A -o wide\n  weft get vs,dr\n  weft get deployment k8s-combat-service-v1 -o yaml\n  weft get pods -w\n  weft get vs k8s-combat-service-vs --effective\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 1,
    .max = -1,
    .run = run,
};
