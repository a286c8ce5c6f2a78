#include "cli/images.h"
#include "base/map.h"

#include <unistd.h>

struct images {
    struct map by_name; /* image -> argv */
};

char *images_program(const char *name)
{
    /* In the build folder the demo stands below examples/; installed, programs of the mesh stand in libexec. */
    static const char *const places[] = { "", "examples/canary/app/", "../libexec/weft/" };
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    must(n > 0);
    self[n] = 0;
    char *slash = strrchr(self, '/');
    must(slash);
    *slash = 0;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        char *path = xasprintf("%s/%s%s", self, places[i], name);
        if (access(path, X_OK) == 0) return path;
        free(path);
    }
    return xasprintf("%s/%s", self, name);
}

static void add_own(struct images *im, const char *image, const char *program)
{
    char **argv = xcalloc(2, sizeof *argv);
    argv[0] = images_program(program);
    map_put(&im->by_name, str_of(image), argv);
}

static void free_argv(void *argv) { text_split_free(argv); }

struct images *images_new(const struct text_list *given, struct err *e)
{
    struct images *im = xcalloc(1, sizeof *im);
    add_own(im, "crossoverjie/k8s-combat:istio", "weft-canary-app");
    add_own(im, "weft/proxy", "weft-proxy");
    for (int i = 0; i < given->n; i++) {
        struct str command = str_of(given->v[i]), name = str_cut(&command, '=');
        char **argv = command.p && name.n ? text_split(command.p, e) : NULL;
        if (!argv || !argv[0]) {
            if (!command.p || !name.n)
                err_set(e, -EINVAL, "--image %s is not of the form NAME=COMMAND", given->v[i]);
            else if (argv)
                err_set(e, -EINVAL, "--image %.*s has an empty command", STR_ARG(name));
            text_split_free(argv);
            images_free(im);
            return NULL;
        }
        text_split_free(map_put(&im->by_name, name, argv));
    }
    return im;
}

void images_free(struct images *im)
{
    if (!im) return;
    map_free(&im->by_name, free_argv);
    free(im);
}

char *const *images_find(const struct images *im, const char *image) { return map_get(&im->by_name, str_of(image)); }
