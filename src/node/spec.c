#include "node/spec.h"

#include <ctype.h>

/* Names become file names and host names: DNS labels and subdomains only (RFC 1123). */
static bool name_ok(const char *s)
{
    size_t n = s ? strlen(s) : 0;
    if (n == 0 || n > 253 || s[0] == '.' || s[0] == '-') return false;
    for (size_t i = 0; i < n; i++) {
        if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '-' && s[i] != '.') return false;
    }
    return true;
}

static bool file_ok(const char *path)
{
    if (!path || !*path || *path == '/' || strlen(path) > 255) return false;
    for (const char *s = path; *s;) {
        size_t n = strcspn(s, "/");
        if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.')) return false;
        s += n + (s[n] == '/');
    }
    return path[strlen(path) - 1] != '/';
}

static int check_container(const struct node_pod *p, size_t i, struct err *e)
{
    const struct node_container *c = &p->containers[i];
    if (!name_ok(c->name)) return err_set(e, -EINVAL, "container %zu has no valid name", i);
    if (!c->argv || !c->argv[0] || !*c->argv[0]) return err_set(e, -EINVAL, "container %s has no command", c->name);
    for (size_t k = 0; k < i; k++) {
        if (strcmp(p->containers[k].name, c->name) == 0) return err_set(e, -EINVAL, "container name %s is used twice", c->name);
        if (c->is_sidecar && p->containers[k].is_sidecar) return err_set(e, -EINVAL, "two containers are the sidecar");
    }
    return 0;
}

int spec_check(const struct node_pod *p, struct err *e)
{
    struct cidr net;
    if (!name_ok(p->ns) || !name_ok(p->name) || !p->uid || !*p->uid)
        return err_set(e, -EINVAL, "the pod has no valid namespace, name or uid");
    if (cidr_parse(&net, str_of(NODE_POD_NET), e) < 0) return -EINVAL;
    struct addr gw;
    if (!addr_ip(&gw, str_of(NODE_GATEWAY_IP), addr_port(&p->ip))) return -EINVAL;
    if (!cidr_contains(&net, &p->ip) || addr_eq(&gw, &p->ip)) return err_set(e, -EINVAL, "the pod's address is not in " NODE_POD_NET);
    if (p->containers_n == 0) return err_set(e, -EINVAL, "the pod has no containers");
    for (size_t i = 0; i < p->containers_n; i++) {
        int r = check_container(p, i, e);
        if (r < 0) return r;
    }
    for (size_t i = 0; i < p->files_n; i++) {
        if (!file_ok(p->files[i].path))
            return err_set(e, -EINVAL, "%s is no valid file name for a pod", p->files[i].path ? p->files[i].path : "(none)");
    }
    return 0;
}

static const char *copy(struct arena *a, const char *s) { return s ? arena_strndup(a, s, strlen(s)) : NULL; }

static const char *const *copy_list(struct arena *a, const char *const *list)
{
    size_t n = 0;
    if (!list) return NULL;
    while (list[n]) n++;
    const char **out = arena_array(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) out[i] = copy(a, list[i]);
    return out;
}

static const struct node_env *copy_env(struct arena *a, const struct node_env *env, size_t n)
{
    struct node_env *out = arena_array(a, struct node_env, n + 1);
    for (size_t i = 0; i < n; i++) out[i] = (struct node_env){ copy(a, env[i].name), copy(a, env[i].value ? env[i].value : "") };
    return out;
}

static struct node_probe copy_probe(struct arena *a, const struct node_probe *p)
{
    struct node_probe out = *p;
    out.path = copy(a, p->path ? p->path : "/");
    out.host = copy(a, p->host);
    out.headers = copy_env(a, p->headers, p->headers_n);
    out.service = copy(a, p->service ? p->service : "");
    out.argv = copy_list(a, p->argv);
    if (!out.period_ms) out.period_ms = 10000;
    if (!out.timeout_ms) out.timeout_ms = 1000;
    if (!out.success_threshold) out.success_threshold = 1;
    if (!out.failure_threshold) out.failure_threshold = 3;
    return out;
}

static struct node_container copy_container(struct arena *a, const struct node_container *c)
{
    struct node_container out = *c;
    out.name = copy(a, c->name);
    out.argv = copy_list(a, c->argv);
    out.env = copy_env(a, c->env, c->env_n);
    out.cwd = copy(a, c->cwd ? c->cwd : "/");
    out.startup = copy_probe(a, &c->startup);
    out.readiness = copy_probe(a, &c->readiness);
    out.liveness = copy_probe(a, &c->liveness);
    out.pre_stop = copy_list(a, c->pre_stop);
    out.drain_path = copy(a, c->drain_path);
    return out;
}

static const uint16_t *copy_ports(struct arena *a, const uint16_t *p, size_t n)
{
    uint16_t *out = arena_array(a, uint16_t, n + 1);
    if (n) memcpy(out, p, n * sizeof *p);
    return out;
}

struct node_pod *spec_copy(struct arena *a, const struct node_pod *p)
{
    struct node_pod *out = arena_new(a, struct node_pod);
    *out = *p;
    out->ns = copy(a, p->ns);
    out->name = copy(a, p->name);
    out->uid = copy(a, p->uid);
    out->hostname = copy(a, p->hostname ? p->hostname : p->name);
    out->resolv = copy(a, p->resolv);
    out->hosts_add = copy(a, p->hosts_add);
    struct node_container *cs = arena_array(a, struct node_container, p->containers_n);
    for (size_t i = 0; i < p->containers_n; i++) cs[i] = copy_container(a, &p->containers[i]);
    out->containers = cs;
    out->exclude_in = copy_ports(a, p->exclude_in, p->exclude_in_n);
    out->exclude_out = copy_ports(a, p->exclude_out, p->exclude_out_n);
    out->files = NULL; /* written to the pod's directory at once, not kept: they may hold keys */
    out->files_n = 0;
    return out;
}
