#include "node/cgroup.h"
#include "base/hash.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CPU_PERIOD_US 100000 /* as Kubernetes */

enum controller { MEMORY, CPU, CONTROLLERS };

struct cgroup {
    char *dir[CONTROLLERS]; /* NULL: not limited, or the same group as the other (version 2) */
    int procs[CONTROLLERS];
    uint64_t oom_kills;
    bool v2;
};

static int put(const char *dir, const char *file, const char *text)
{
    AUTO(free_p) char *path = xasprintf("%s/%s", dir, file);
    AUTO(close_p) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static bool has_word(const char *list, const char *word, const char *separators)
{
    for (size_t n; *list; list += n) {
        list += strspn(list, separators);
        n = strcspn(list, separators);
        if (n == strlen(word) && strncmp(list, word, n) == 0) return true;
    }
    return false;
}

/* Mount point of a hierarchy: version 1 with that controller, or version 2 for NULL. */
static char *mount_point(const char *controller)
{
    AUTO(free_p) char *line = NULL;
    size_t cap = 0;
    char *found = NULL;
    FILE *f = fopen("/proc/self/mountinfo", "re");
    while (f && !found && getline(&line, &cap, f) > 0) {
        char at[512], type[32], options[256];
        const char *tail = strstr(line, " - ");
        if (!tail || sscanf(line, "%*s %*s %*s %*s %511s", at) != 1 || sscanf(tail, " - %31s %*s %255s", type, options) != 2) continue;
        if (controller ? strcmp(type, "cgroup") == 0 && has_word(options, controller, ",") : strcmp(type, "cgroup2") == 0)
            found = xstrdup(at);
    }
    if (f) fclose(f);
    return found;
}

/* Our own group in that hierarchy: "/", "/user.slice/...". */
static char *own_path(const char *controller)
{
    AUTO(free_p) char *line = NULL;
    size_t cap = 0;
    char *found = NULL;
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f && !found && getline(&line, &cap, f) > 0) {
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (controller ? has_word(names + 1, controller, ",") : names[1] == '\0') found = xstrdup(path);
    }
    if (f) fclose(f);
    return found;
}

static bool v2_offers(const char *dir, const char *controller)
{
    char text[256] = "";
    AUTO(free_p) char *path = xasprintf("%s/cgroup.subtree_control", dir);
    AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0) return false;
    return has_word(text, controller, " \n");
}

/* "BASE/weft-HASH" for a controller, not yet made; NULL: there is none. */
static char *base_dir(const char *state_dir, const char *controller, bool *v2)
{
    AUTO(free_p) char *mount = mount_point(controller);
    *v2 = mount == NULL;
    if (*v2) mount = mount_point(NULL);
    AUTO(free_p) char *own = mount ? own_path(*v2 ? NULL : controller) : NULL;
    if (!own) return NULL;
    AUTO(free_p) char *base = xasprintf("%s%s", mount, strcmp(own, "/") == 0 ? "" : own);
    /* Version 2: a group with processes has no limited children, so from a session one goes to the root's. */
    if (*v2 && !v2_offers(base, controller)) {
        free(base);
        base = xstrdup(mount);
        if (!v2_offers(base, controller)) return NULL;
    }
    return xasprintf("%s/weft-%016" PRIx64, base, hash64(state_dir, strlen(state_dir)));
}

static int set_limit(const char *dir, enum controller c, bool v2, uint64_t memory, unsigned cpu_milli)
{
    char text[64];
    uint64_t quota = MAX((uint64_t)cpu_milli * CPU_PERIOD_US / 1000, (uint64_t)1000);
    if (c == MEMORY) {
        snprintf(text, sizeof text, "%" PRIu64, memory);
        return put(dir, v2 ? "memory.max" : "memory.limit_in_bytes", text);
    }
    if (v2)
        snprintf(text, sizeof text, "%" PRIu64 " %d", quota, CPU_PERIOD_US);
    else
        snprintf(text, sizeof text, "%" PRIu64, quota);
    return put(dir, v2 ? "cpu.max" : "cpu.cfs_quota_us", text);
}

static int add(struct cgroup *g, const char *state_dir, enum controller c, const char *name, uint64_t memory, unsigned cpu_milli)
{
    const char *controller = c == MEMORY ? "memory" : "cpu";
    AUTO(free_p) char *base = base_dir(state_dir, controller, &g->v2);
    if (!base) return -ENOENT;
    if (mkdir(base, 0755) < 0 && errno != EEXIST) return -errno;
    if (g->v2) put(base, "cgroup.subtree_control", c == MEMORY ? "+memory" : "+cpu");
    g->dir[c] = xasprintf("%s/%s", base, name);
    if (mkdir(g->dir[c], 0755) < 0 && errno != EEXIST) return -errno;
    int r = set_limit(g->dir[c], c, g->v2, memory, cpu_milli);
    if (r < 0) return r;
    AUTO(free_p) char *procs = xasprintf("%s/cgroup.procs", g->dir[c]);
    g->procs[c] = open(procs, O_WRONLY | O_CLOEXEC);
    return g->procs[c] < 0 ? -errno : 0;
}

struct cgroup *cgroup_new(const char *state_dir, uint32_t pod, size_t container, uint64_t memory, unsigned cpu_milli, char **why)
{
    struct cgroup *g = xcalloc(1, sizeof *g);
    char name[48];
    g->procs[MEMORY] = g->procs[CPU] = -1;
    snprintf(name, sizeof name, "%u-%zu", pod, container);
    int m = memory ? add(g, state_dir, MEMORY, name, memory, cpu_milli) : 0;
    int c = cpu_milli ? add(g, state_dir, CPU, name, memory, cpu_milli) : 0;
    if (m == 0 && c == 0) {
        cgroup_oom(g); /* what was counted before us does not count */
        return g;
    }
    int code = m ? m : c;
    *why =
        xasprintf("the %s limit is not applied: %s", m ? "memory" : "cpu", code == -ENOENT ? "no cgroup controller here" : strerror(-code));
    cgroup_free(g);
    return NULL;
}

void cgroup_files(const struct cgroup *g, int fds[2])
{
    for (int c = 0; c < CONTROLLERS; c++) fds[c] = g ? g->procs[c] : -1;
}

bool cgroup_oom(struct cgroup *g)
{
    char text[512] = "";
    if (!g || !g->dir[MEMORY]) return false;
    AUTO(free_p) char *path = xasprintf("%s/%s", g->dir[MEMORY], g->v2 ? "memory.events" : "memory.oom_control");
    AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) return false;
    const char *at = strstr(text, "oom_kill ");
    uint64_t kills = at ? strtoull(at + 9, NULL, 10) : 0;
    bool more = kills > g->oom_kills;
    g->oom_kills = kills;
    return more;
}

void cgroup_free(struct cgroup *g)
{
    if (!g) return;
    for (int c = 0; c < CONTROLLERS; c++) {
        close_p(&g->procs[c]);
        if (g->dir[c]) rmdir(g->dir[c]);
        free(g->dir[c]);
    }
    free(g);
}

void cgroup_sweep(const char *state_dir)
{
    static const char *const names[CONTROLLERS] = { "memory", "cpu" };
    for (int c = 0; c < CONTROLLERS; c++) {
        bool v2;
        AUTO(free_p) char *base = base_dir(state_dir, names[c], &v2);
        DIR *d = base ? opendir(base) : NULL;
        if (!d) continue;
        for (struct dirent *e; (e = readdir(d)) != NULL;) {
            if (e->d_type == DT_DIR && e->d_name[0] != '.') unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
        }
        closedir(d);
        rmdir(base);
    }
}
