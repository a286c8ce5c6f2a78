/* The agent: the fabric's event loop. Runs the glue (config.agent), pods, DNS, doors and node.sock. */
#include "base/clock.h"
#include "base/log.h"
#include "net/sock.h"
#include "node/control.h"
#include "node/dns_server.h"
#include "node/doors.h"
#include "node/fabric.h"
#include "node/intercept.h"
#include "node/link.h"
#include "node/pod.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

struct loop *fabric_loop(struct fabric *f) { return f->loop; }
bool fabric_is_root(const struct fabric *f) { return f->root; }
const char *fabric_state_dir(const struct fabric *f) { return f->state_dir; }

void fabric_callbacks(struct fabric *f, const struct node_callbacks *cb, void *ctx)
{
    f->cb = *cb;
    f->cb_ctx = ctx;
}

/* ---- pods ---- */

int fabric_spawn(struct fabric *f, uint32_t id, int ctl)
{
    struct wire_out w = { 0 };
    wire_u32(&w, SPAWN_POD);
    wire_u32(&w, id);
    wire_fd(&w, ctl);
    return wire_send(f->spawn.fd, &w);
}

int fabric_pod_start(struct fabric *f, const struct node_pod *pod, struct err *e)
{
    if (f->stopping) return err_set(e, -ESHUTDOWN, "the mesh is stopping");
    if (pod->uid && pod_find(f, pod->uid)) return 0;
    return pod_new(f, pod, false, e);
}

int fabric_pod_stop(struct fabric *f, const char *uid, int grace_ms)
{
    struct pod *p = pod_find(f, uid);
    if (!p) return -ENOENT;
    pod_stop(p, grace_ms);
    return 0;
}

int fabric_apply(struct fabric *f, const struct node_pod *pods, size_t n, struct err *e)
{
    if (f->stopping) return err_set(e, -ESHUTDOWN, "the mesh is stopping");
    struct map wanted = { 0 };
    for (size_t i = 0; i < n; i++) {
        if (pods[i].uid) map_put(&wanted, str_of(pods[i].uid), f);
    }
    for (size_t i = 0; i < f->pods.n; i++) {
        struct pod *p = f->pods.v[i];
        if (!map_get(&wanted, str_of(p->spec->uid))) pod_stop(p, -1);
    }
    map_free(&wanted, NULL);
    for (size_t i = 0; i < n; i++) {
        struct err one = { 0 };
        if (!pods[i].uid || !pod_find(f, pods[i].uid)) pod_new(f, &pods[i], true, &one); /* told by that pod's status */
    }
    return 0;
}

void fabric_door(struct fabric *f, size_t door, const struct addr *to, size_t n) { doors_target(f->doors, door, to, n); }

int fabric_dial(struct fabric *f, const char *uid, const char *ip, uint16_t port, unsigned timeout_ms, void (*done)(void *, int), void *ctx)
{
    struct pod *p = pod_find(f, uid);
    if (!p || p->init_pid == 0) return -ENOENT;
    dial_start(p, ip, port, timeout_ms, done, ctx);
    return 0;
}

/* ---- tables ---- */

int fabric_dns(struct fabric *f, const struct node_name *names, size_t n)
{
    dns_server_table(f->dns, dns_table_new(names, n));
    return 0;
}

int fabric_vips(struct fabric *f, const struct node_vip *vips, size_t n)
{
    struct buf text = { 0 };
    intercept_vips(vips, n, &text);
    char *rules = buf_steal(&text);
    bool same = f->vip_rules && strcmp(f->vip_rules, rules) == 0;
    free(f->vip_rules);
    f->vip_rules = rules;
    if (same) return 0;
    vec_foreach (p, &f->pods) {
        if (!(*p)->spec->intercept && (*p)->state >= POD_SETUP && (*p)->state < POD_ENDING) pod_rules(*p, rules);
    }
    return 0;
}

/* ---- the end ---- */

void fabric_check_stop(struct fabric *f)
{
    if (f->stopping && f->pods.n == 0) loop_stop(f->loop);
}

static void on_stop_timer(struct timer *t) { loop_stop(container_of(t, struct fabric, stop_timer)->loop); }

void fabric_shutdown(struct fabric *f, unsigned max_ms)
{
    f->stopping = true;
    f->stop_timer.fire = on_stop_timer;
    timer_set(f->loop, &f->stop_timer, max_ms + 500);
    for (size_t i = 0; i < f->pods.n; i++) {
        struct pod *p = f->pods.v[i];
        pod_stop(p, (int)MIN(max_ms, (unsigned)p->grace_ms));
    }
    fabric_check_stop(f);
}

/* ---- the sockets to weft up and to fabric init ---- */

static void on_link(struct io *io, uint32_t events)
{
    struct fabric *f = container_of(io, struct fabric, link);
    struct wire_in in;
    (void)events;
    ssize_t n = wire_recv(io->fd, f->inbox, WIRE_MAX, &in);
    if (n == 0 || (n < 0 && n != -EAGAIN)) _exit(0); /* weft up is gone */
    if (n > 0 && wire_get_u32(&in) == LINK_STOP) fabric_shutdown(f, wire_get_u32(&in));
    wire_close_fds(&in);
}

static void on_spawn(struct io *io, uint32_t events)
{
    struct fabric *f = container_of(io, struct fabric, spawn);
    struct wire_in in;
    (void)events;
    ssize_t n = wire_recv(io->fd, f->inbox, WIRE_MAX, &in);
    if (n == -EAGAIN) return;
    if (n <= 0) _exit(1);
    uint32_t type = wire_get_u32(&in), a = wire_get_u32(&in), b = wire_get_u32(&in);
    if (type == SPAWNED)
        pod_spawned(f, a, (pid_t)b, (int)wire_get_u32(&in));
    else if (type == SPAWN_EXITED)
        pod_init_ended(f, (pid_t)a);
    wire_close_fds(&in);
}

/* ---- birth ---- */

static int open_doors(struct fabric *f, const struct fabric_config *c, struct err *e)
{
    if (c->doors_n == 0) return 0;
    f->doors = doors_new(c->doors, c->doors_n, e);
    return f->doors ? 0 : -EIO;
}

static int serve(struct fabric *f, int *xds, struct err *e)
{
    struct addr at;
    if (!addr_ip(&at, str_of(NODE_GATEWAY_IP), 53)) return -EINVAL;
    f->dns = dns_server_new(f->loop, &at, e);
    if (!f->dns) return e->code;
    addr_set_port(&at, NODE_XDS_PORT);
    *xds = sock_listen(&at, false, e);
    if (*xds < 0) return *xds;
    f->control = control_new(f, e);
    return f->control ? 0 : e->code;
}

static void say_up(struct fabric *f, int code, int xds, const struct err *e)
{
    struct wire_out w = { 0 };
    wire_u32(&w, LINK_UP);
    wire_u32(&w, (uint32_t)-code);
    wire_str(&w, code ? e->what : NULL);
    wire_str(&w, code ? e->hint : NULL);
    if (!code) wire_fd(&w, xds);
    wire_send(f->link.fd, &w);
}

static void defaults(struct fabric_config *c)
{
    if (!c->backoff_base_ms) c->backoff_base_ms = 10000;
    if (!c->backoff_max_ms) c->backoff_max_ms = 300000;
    if (!c->log_limit) c->log_limit = 10 * 1024 * 1024;
}

/* A door's connection takes six files; a pod some five. Containers are not forks of this process. */
static void more_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0) return;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

int agent_main(const struct fabric_config *c, bool root, int link, int spawn)
{
    struct err e = { 0 };
    int xds = -1;
    struct fabric *f = xcalloc(1, sizeof *f);
    prctl(PR_SET_NAME, "weft-agent");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    more_files();
    f->config = *c;
    defaults(&f->config);
    f->root = root;
    f->state_dir = xstrdup(c->state_dir);
    f->inbox = xcalloc(1, WIRE_MAX);
    list_init(&f->dials);
    f->link.ready = on_link;
    f->spawn.ready = on_spawn;
    f->loop = loop_new(&e);
    f->netlink = f->loop ? link_open(&e) : -1;
    int r = f->netlink < 0 ? e.code : 0;
    if (r == 0) {
        loop_add(f->loop, &f->spawn, spawn, EPOLLIN);
        loop_add(f->loop, &f->link, link, EPOLLIN);
    } else {
        f->link.fd = link;
    }
    if (r == 0) r = open_doors(f, c, &e);
    if (r == 0) r = serve(f, &xds, &e);
    if (r == 0 && c->agent) r = c->agent(f, c->ctx, &e);
    say_up(f, r, xds, &e);
    close_p(&xds);
    if (r < 0) return 1;
    return loop_run(f->loop) < 0 ? 1 : 0;
}
