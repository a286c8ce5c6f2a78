/* Processes of a pod: orders to its init to start, signal, and to load rules. */
#include "node/cgroup.h"
#include "node/init.h"
#include "node/pod.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *default_env(const char *name, const struct pod *p)
{
    if (strcmp(name, "HOSTNAME") == 0) return p->spec->hostname;
    const char *v = getenv(name);
    if (v && *v) return v;
    return strcmp(name, "PATH") == 0   ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
           : strcmp(name, "HOME") == 0 ? "/"
                                       : NULL;
}

static void put_env(struct wire_out *w, const struct container *c, bool tty)
{
    static const char *const defaults[] = { "PATH", "HOME", "HOSTNAME" };
    VEC(char *) list = { 0 };
    for (size_t i = 0; i < c->spec->env_n; i++) vec_push(&list, xasprintf("%s=%s", c->spec->env[i].name, c->spec->env[i].value));
    for (size_t i = 0; i < ARRAY_LEN(defaults) + (tty ? 1 : 0); i++) {
        const char *name = i < ARRAY_LEN(defaults) ? defaults[i] : "TERM";
        bool set = false;
        for (size_t k = 0; k < c->spec->env_n; k++) set |= strcmp(c->spec->env[k].name, name) == 0;
        const char *v = i < ARRAY_LEN(defaults) ? default_env(name, c->pod) : "xterm";
        if (!set && v) vec_push(&list, xasprintf("%s=%s", name, v));
    }
    vec_push(&list, NULL);
    wire_list(w, (const char *const *)list.v);
    vec_foreach (s, &list) free(*s);
    vec_free(&list);
}

int pod_run(struct container *c, struct run *r, const struct run_spec *s)
{
    struct pod *p = c->pod;
    struct wire_out w = { 0 };
    bool side = c->spec->is_sidecar && p->f->root;
    uint32_t flags = (p->f->root            ? START_ROOT
                      : c->spec->is_sidecar ? START_NET_RAW
                                            : 0u) |
                     (s->tty ? START_TTY : 0u) | (r == &c->run ? START_CONTAINER : 0u);
    pod_forget_run(r);
    r->id = ++p->next_run;
    wire_u32(&w, INIT_START);
    wire_u32(&w, r->id);
    wire_u32(&w, flags);
    wire_list(&w, s->argv);
    put_env(&w, c, s->tty);
    wire_str(&w, c->spec->cwd);
    wire_u32(&w, side ? NODE_SIDECAR_UID : c->spec->uid > 0 ? (uint32_t)c->spec->uid : 0);
    wire_u32(&w, side ? NODE_SIDECAR_UID : c->spec->gid > 0 ? (uint32_t)c->spec->gid : 0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++) wire_fd(&w, s->fds[i] >= 0 ? s->fds[i] : null);
    int groups[2];
    cgroup_files(c->cgroup, groups);
    for (int i = 0; i < 2; i++) {
        if (groups[i] >= 0) wire_fd(&w, groups[i]);
    }
    int code = p->ctl.on ? wire_send(p->ctl.fd, &w) : -EPIPE;
    buf_free(&w.b);
    close_p(&null);
    if (code == 0) list_append(&p->runs, &r->link);
    return code;
}

void pod_forget_run(struct run *r) { list_del(&r->link); }

void pod_kill(struct pod *p, struct run *r, int sig, bool group)
{
    struct wire_out w = { 0 };
    wire_u32(&w, INIT_KILL);
    wire_u32(&w, r->id);
    wire_u32(&w, (uint32_t)sig);
    wire_u32(&w, group ? KILL_GROUP : 0);
    if (p->ctl.on) wire_send(p->ctl.fd, &w);
    buf_free(&w.b);
}

static int text_file(const char *text)
{
    int fd = memfd_create("rules", MFD_CLOEXEC);
    size_t n = strlen(text);
    if (fd >= 0 && write(fd, text, n) != (ssize_t)n) {
        close(fd);
        return -1;
    }
    return fd;
}

void pod_rules(struct pod *p, const char *text)
{
    AUTO(close_p) int fd = text_file(text);
    struct wire_out w = { 0 };
    if (fd < 0 || !p->ctl.on) return;
    wire_u32(&w, INIT_RULES);
    wire_u32(&w, 0);
    wire_fd(&w, fd);
    wire_send(p->ctl.fd, &w);
}
