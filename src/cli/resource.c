#include "cli/resource.h"
#include "pb/tree.h"

const struct kind *resource_kind(const char *word, struct err *e)
{
    const struct kind *k = kind_by_name(str_of(word));
    if (k) return k;
    const char *names[2 * KIND__N];
    for (int i = 0; i < KIND__N; i++) {
        names[2 * i] = kind_of((enum kind_id)i)->plural;
        names[2 * i + 1] = kind_of((enum kind_id)i)->singular;
    }
    const char *near = str_nearest(str_of(word), names, ARRAY_LEN(names));
    err_set(e, -ENOENT, "there is no kind \"%s\"", word);
    if (near) err_hint(e, "did you mean \"%s\"?", near);
    return NULL;
}

char *resource_path(const struct kind *k, const char *ns, const char *name)
{
    char *base = k->group[0] ? xasprintf("/apis/%s/%s", k->group, k->versions[0]) : xasprintf("/api/%s", k->versions[0]);
    char *path = k->namespaced && ns ? xasprintf("%s/namespaces/%s/%s%s%s", base, ns, k->plural, name ? "/" : "", name ? name : "")
                                     : xasprintf("%s/%s%s%s", base, k->plural, name ? "/" : "", name ? name : "");
    free(base);
    return path;
}

int resource_parse(int argc, char **argv, const struct kind **ret_kind, const char **ret_name, int *ret_used, struct err *e)
{
    char *slash = strchr(argv[0], '/');
    if (!slash && argc < 2) return err_set(e, -EINVAL, "a name is missing: KIND NAME or KIND/NAME");
    char *word = slash ? xstrndup(argv[0], (size_t)(slash - argv[0])) : xstrdup(argv[0]);
    const struct kind *k = resource_kind(word, e);
    free(word);
    if (!k) return -ENOENT;
    *ret_kind = k;
    *ret_name = slash ? slash + 1 : argv[1];
    *ret_used = slash ? 1 : 2;
    return 0;
}

json_t *resource_get(const struct cli *c, const struct kind *k, const char *ns, const char *name, struct err *e)
{
    char *path = resource_path(k, ns, name);
    json_t *j = api_get(c, path, e);
    free(path);
    return j;
}

/* The first running pod that the deployment's selector picks. */
static json_t *pod_of_deployment(const struct cli *c, const char *name, struct err *e)
{
    json_t *d = resource_get(c, kind_of(KIND_DEPLOYMENT), c->ns, name, e);
    if (!d) return NULL;
    char *path = resource_path(kind_of(KIND_POD), c->ns, NULL);
    json_t *list = api_get(c, path, e), *found = NULL, *pod, *want = json_path(d, "spec.selector.matchLabels");
    size_t i;
    json_array_foreach (json_object_get(list, "items"), i, pod) {
        const char *phase = json_text(pod, "status.phase");
        bool running = phase && strcmp(phase, "Running") == 0;
        if (running && !found && json_labels_hold(json_path(pod, "metadata.labels"), want)) found = json_incref(pod);
    }
    if (!found && list) err_set(e, -ENOENT, "no pod of deployment \"%s\" is running", name);
    json_decref(d);
    json_decref(list);
    free(path);
    return found;
}

json_t *resource_pod(const struct cli *c, const char *word, struct err *e)
{
    static const char *const deployments[] = { "deploy/", "deployment/", "deployments/" };
    for (size_t i = 0; i < ARRAY_LEN(deployments); i++) {
        size_t n = strlen(deployments[i]);
        if (strncmp(word, deployments[i], n) == 0) return pod_of_deployment(c, word + n, e);
    }
    const char *name = strncmp(word, "pod/", 4) == 0 ? word + 4 : strncmp(word, "pods/", 5) == 0 ? word + 5 : word;
    return resource_get(c, kind_of(KIND_POD), c->ns, name, e);
}

static void print_yaml(const char *json)
{
    struct arena a;
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    struct buf out = { 0 };
    arena_init(&a, 16384, 0);
    if (tree_read_json(str_of(json), "-", &a, &docs, &errs) == 0 && docs.n == 1) {
        tree_yaml(docs.v[0], &out);
        fwrite(buf_data(&out), 1, out.len, stdout);
    }
    buf_free(&out);
    vec_free(&docs);
    errs_free(&errs);
    arena_free(&a);
}

int resource_print(const struct cli *c, const json_t *object)
{
    if (strcmp(c->output, "name") == 0) {
        size_t i;
        json_t *o, *items = json_object_get(object, "items");
        if (!items) return printf("%s/%s\n", json_text(object, "kind"), json_text(object, "metadata.name")) < 0;
        json_array_foreach (items, i, o) resource_print(c, o);
        return EXIT_OK;
    }
    bool yaml = strcmp(c->output, "yaml") == 0;
    if (!yaml && strcmp(c->output, "json") != 0) return cli_usage(c, "-o %s: there are json and yaml", c->output);
    char *text = json_dumps(object, yaml ? JSON_COMPACT : JSON_INDENT(4));
    if (yaml)
        print_yaml(text);
    else
        printf("%s\n", text);
    free(text);
    return EXIT_OK;
}
