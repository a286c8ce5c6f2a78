#include "cli/files.h"
#include "base/str.h"
#include "base/vec.h"
#include "config/read.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LIMIT (16u << 20)

static int read_fd(int fd, const char *name, struct file_list *l, struct err *e)
{
    struct file f = { .name = xstrdup(name) };
    for (;;) {
        char *to = buf_reserve(&f.text, 65536);
        ssize_t n = read(fd, to, 65536);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            err_errno(e, "cannot read %s", name);
        else if (f.text.len + (size_t)n > FILE_LIMIT) {
            err_set(e, -EFBIG, "%s is larger than 16 MiB", name);
            err_hint(e, "split it: each resource may have 1 MiB");
            n = -1;
        }
        if (n <= 0) {
            vec_push(l, f);
            return n < 0 ? e->code : 0;
        }
        buf_added(&f.text, (size_t)n);
    }
}

static int read_file(const char *path, struct file_list *l, struct err *e)
{
    AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_errno(e, "cannot read %s", path);
    return read_fd(fd, path, l, e);
}

static int is_manifest(const struct dirent *d)
{
    static const char *const ends[] = { ".yaml", ".yml", ".json" };
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (d->d_name[0] != '.' && str_ends(str_of(d->d_name), str_of(ends[i]))) return 1;
    }
    return 0;
}

static int read_dir(const char *path, struct file_list *l, struct err *e)
{
    struct dirent **entries;
    int n = scandir(path, &entries, is_manifest, alphasort), r = 0;
    if (n < 0) return err_errno(e, "cannot read directory %s", path);
    if (n == 0) r = err_set(e, -ENOENT, "%s holds no .yaml, .yml or .json file", path);
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    for (int i = 0; i < n; i++) {
        char *file = xasprintf("%.*s/%s", (int)len, path, entries[i]->d_name);
        if (r == 0) r = read_file(file, l, e);
        free(file);
        free(entries[i]);
    }
    free(entries);
    return r;
}

int files_read(const struct text_list *names, struct file_list *ret, struct err *e)
{
    *ret = (struct file_list){ 0 };
    int r = 0;
    for (int i = 0; i < names->n && r == 0; i++) {
        struct stat st;
        if (strcmp(names->v[i], "-") == 0)
            r = read_fd(STDIN_FILENO, "(stdin)", ret, e);
        else if (stat(names->v[i], &st) < 0)
            r = err_errno(e, "cannot read %s", names->v[i]);
        else
            r = S_ISDIR(st.st_mode) ? read_dir(names->v[i], ret, e) : read_file(names->v[i], ret, e);
    }
    if (r < 0) file_list_free(ret);
    return r;
}

void file_list_free(struct file_list *l)
{
    vec_foreach (f, l) {
        free(f->name);
        buf_free(&f->text);
    }
    vec_free(l);
}

/* JSON holds UTF-8 only; the reader that the mesh uses too says where the text is none. */
static int not_text(const struct file *f, struct err *e)
{
    struct arena a;
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    arena_init(&a, 4096, 0);
    tree_read(buf_str(&f->text), f->name, &a, &docs, &errs);
    if (errs.n)
        *e = errs.v[0];
    else
        err_set(e, -EINVAL, "%s is no UTF-8 text", f->name);
    vec_free(&docs);
    errs_free(&errs);
    arena_free(&a);
    return e->code;
}

char *files_body(const struct file_list *l, struct err *e)
{
    json_t *files = json_array();
    vec_foreach (f, l) {
        json_t *text = json_stringn(buf_data(&f->text), f->text.len);
        if (!text) {
            not_text(f, e);
            json_decref(files);
            return NULL;
        }
        json_array_append_new(files, json_pack("{s:s, s:o}", "name", f->name, "text", text));
    }
    json_t *body = json_pack("{s:o}", "files", files);
    char *s = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return s;
}

struct config_input *files_inputs(const struct file_list *l)
{
    struct config_input *in = xcalloc(l->n, sizeof *in);
    for (size_t i = 0; i < l->n; i++) in[i] = (struct config_input){ l->v[i].name, buf_str(&l->v[i].text) };
    return in;
}

int files_refs(const struct cli *c, const struct text_list *names, struct file_refs *ret)
{
    struct file_list files;
    struct err e = { 0 };
    struct config_set set = { 0 };
    *ret = (struct file_refs){ 0 };
    if (files_read(names, &files, &e) < 0) return cli_fail(&e);
    struct config_input *in = files_inputs(&files);
    const struct config_options o = { .default_namespace = c->ns, .no_checks = true };
    int r = config_read(in, files.n, &o, &set) < 0 ? EXIT_FAILED : EXIT_OK;
    vec_foreach (one, &set.errors) cli_fail(one);
    vec_foreach (res, &set.resources) {
        struct file_ref ref = { (*res)->kind, xstrdup((*res)->ns), xstrdup((*res)->name) };
        vec_push(ret, ref);
    }
    config_set_free(&set);
    free(in);
    file_list_free(&files);
    return r;
}

void file_refs_free(struct file_refs *r)
{
    vec_foreach (f, r) {
        free(f->ns);
        free(f->name);
    }
    vec_free(r);
}
