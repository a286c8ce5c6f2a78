#include "node/pod.h"
#include "base/clock.h"
#include "base/log.h"
#include "node/init.h"
#include "node/intercept.h"
#include "node/link.h"
#include "node/spec.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

struct pod *pod_find(struct fabric *f, const char *uid)
{
    vec_foreach (p, &f->pods) {
        if (strcmp((*p)->spec->uid, uid) == 0) return *p;
    }
    return NULL;
}

struct pod *pod_find_name(struct fabric *f, const char *ns, const char *name)
{
    vec_foreach (p, &f->pods) {
        if (strcmp((*p)->spec->ns, ns) == 0 && strcmp((*p)->spec->name, name) == 0) return *p;
    }
    return NULL;
}

static struct pod *pod_by_id(struct fabric *f, uint32_t id)
{
    vec_foreach (p, &f->pods) {
        if ((*p)->id == id) return *p;
    }
    return NULL;
}

struct container *pod_container(struct pod *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (name ? strcmp(p->containers[i].spec->name, name) == 0 : !p->containers[i].spec->is_sidecar) return &p->containers[i];
    }
    return name || p->n == 0 ? NULL : &p->containers[0];
}

/* ---- status ---- */

void pod_event(struct pod *p, const struct container *c, bool warning, const char *reason, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct node_event ev = { p->spec->ns, p->spec->name, p->spec->uid, c ? c->spec->name : NULL, warning, reason, text };
    if (p->f->cb.event) p->f->cb.event(p->f->cb_ctx, &ev);
}

static void condition(bool *flag, int64_t *when, bool now)
{
    if (*flag == now) return;
    *flag = now;
    *when = clock_wall_ms();
}

/* The pod's work: its applications, or the proxy where there is nothing else (a gateway). */
static bool is_main(const struct pod *p, const struct container *c) { return !c->spec->is_sidecar || p->n == 1; }

static enum node_phase phase_of(const struct pod *p)
{
    bool any_alive = false, all_started = true, failed = false;
    if (p->state == POD_FAILED) return NODE_FAILED;
    for (size_t i = 0; i < p->n; i++) {
        const struct container *c = &p->containers[i];
        if (is_main(p, c) && (c->st.state != NODE_TERMINATED || c->restart.on)) any_alive = true;
        if (c->st.state == NODE_WAITING && !c->st.has_last) all_started = false;
        if (c->st.state == NODE_TERMINATED && is_main(p, c) && c->st.now.exit_code != 0) failed = true;
    }
    if (!all_started) return NODE_PENDING;
    if (any_alive || p->state >= POD_DRAINING) return NODE_PHASE_RUNNING;
    return failed ? NODE_FAILED : NODE_SUCCEEDED;
}

static void send_status(struct deferred *d)
{
    struct pod *p = container_of(d, struct pod, notify);
    struct node_container_status *list = xcalloc(p->n + 1, sizeof *list);
    bool ready = p->n > 0 && p->state < POD_STOPPING;
    for (size_t i = 0; i < p->n; i++) {
        list[i] = p->containers[i].st;
        ready &= list[i].ready;
    }
    p->st.phase = phase_of(p);
    p->st.terminating = p->state >= POD_DRAINING && p->state != POD_FAILED;
    condition(&p->st.initialized, &p->st.initialized_ms, p->initialized);
    condition(&p->st.containers_ready, &p->st.containers_ready_ms, ready);
    condition(&p->st.ready, &p->st.ready_ms, ready && !p->st.terminating);
    p->st.message = p->message[0] ? p->message : NULL;
    p->st.containers = list;
    p->st.containers_n = p->n;
    if (p->f->cb.status) p->f->cb.status(p->f->cb_ctx, &p->st);
    p->st.containers = NULL;
    free(list);
}

void pod_changed(struct pod *p) { loop_defer(p->f->loop, &p->notify); }

static void pod_fail(struct pod *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void pod_fail(struct pod *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->message, sizeof p->message, fmt, ap);
    va_end(ap);
    if (p->state < POD_DRAINING) p->state = POD_FAILED;
    log_warn("pod %s/%s: %s", p->spec->ns, p->spec->name, p->message);
    pod_event(p, NULL, true, "Failed", "%s", p->message);
    pod_changed(p);
}

/* ---- start ---- */

static int put_file(const char *dir, const char *name, const void *data, size_t n, mode_t mode, int owner, struct err *e)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    for (char *s = strchr(path + strlen(dir) + 1, '/'); s; s = strchr(s + 1, '/')) {
        *s = '\0';
        int r = mkdir(path, 0755);
        *s = '/';
        if (r < 0 && errno != EEXIST) return err_errno(e, "cannot make a directory for %s", name);
    }
    AUTO(close_p) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return err_errno(e, "cannot make %s", path);
    if (n && write(fd, data, n) != (ssize_t)n) return err_errno(e, "cannot write %s", path);
    if (owner >= 0 && fchown(fd, (uid_t)owner, (gid_t)owner) < 0) return err_errno(e, "cannot give %s to its user", path);
    return fchmod(fd, mode) < 0 ? err_errno(e, "cannot set the mode of %s", path) : 0;
}

static int make_dir(struct pod *p, const struct node_pod *spec, struct err *e)
{
    char dir[512], files[600], ip[ADDR_TEXT];
    fabric_pod_dir(p->f, p->id, dir, sizeof dir);
    snprintf(files, sizeof files, "%s/files", dir);
    if (mkdir(dir, 0755) < 0 || mkdir(files, 0755) < 0) return err_errno(e, "cannot make %s", dir);
    p->dir_made = true;
    AUTO(free_p)
    char *resolv = spec->resolv ? xstrdup(spec->resolv)
                                : xasprintf("search %s.svc.cluster.local svc.cluster.local cluster.local\nnameserver " NODE_GATEWAY_IP
                                            "\noptions ndots:5\n",
                                            spec->ns);
    AUTO(free_p)
    char *hosts = xasprintf("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n%s\t%s\n%s",
                            addr_ip_text(&spec->ip, ip, sizeof ip), p->spec->hostname, spec->hosts_add ? spec->hosts_add : "");
    int r = put_file(dir, "resolv.conf", resolv, strlen(resolv), 0644, -1, e);
    if (r == 0) r = put_file(dir, "hosts", hosts, strlen(hosts), 0644, -1, e);
    for (size_t i = 0; r == 0 && i < spec->files_n; i++) {
        const struct node_file *f = &spec->files[i];
        r = put_file(files, f->path, f->data, f->len, f->sidecar ? 0400 : 0444, f->sidecar && p->f->root ? NODE_SIDECAR_UID : -1, e);
    }
    return r;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)!remove(path); /* what stays is on the fabric's own tmpfs and goes with it */
    return 0;
}

static void remove_tree(const char *path) { nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

static bool address_used(const struct pod *p)
{
    vec_foreach (other, &p->f->pods) {
        if (*other != p && addr_eq(&(*other)->spec->ip, &p->spec->ip)) return true;
    }
    return false;
}

static void send_setup(struct pod *p)
{
    char dir[512], ip[ADDR_TEXT];
    struct wire_out w = { 0 };
    struct buf rules = { 0 };
    const struct node_pod *s = p->spec;
    struct intercept c = { p->f->root, s->exclude_in, s->exclude_out, s->exclude_in_n, s->exclude_out_n };
    if (s->intercept)
        intercept_rules(&c, &rules);
    else if (p->f->vip_rules)
        buf_puts(&rules, p->f->vip_rules);
    buf_append(&rules, "", 1);
    wire_u32(&w, INIT_SETUP);
    wire_str(&w, s->hostname);
    wire_str(&w, addr_ip_text(&s->ip, ip, sizeof ip));
    wire_str(&w, NODE_GATEWAY_IP);
    wire_str(&w, fabric_pod_dir(p->f, p->id, dir, sizeof dir));
    wire_str(&w, p->f->state_dir);
    wire_str(&w, rules.len < WIRE_MAX / 2 ? buf_data(&rules) : NULL); /* a large table comes by itself, as a file */
    wire_u32(&w, 16);
    wire_send(p->ctl.fd, &w);
    if (rules.len >= WIRE_MAX / 2) pod_rules(p, buf_data(&rules));
    buf_free(&rules);
}

void pod_spawned(struct fabric *f, uint32_t id, pid_t pid, int err)
{
    struct pod *p = pod_by_id(f, id);
    struct err e = { 0 };
    char link[16];
    if (!p) return;
    p->init_pid = pid;
    if (pid == 0) {
        pod_fail(p, "cannot make the pod's namespaces: %s", strerror(err));
        if (p->state == POD_ENDING) loop_defer_last(f->loop, &p->free_later);
        return;
    }
    if (p->state != POD_SPAWNING) return;
    snprintf(link, sizeof link, "pod%u", id);
    if (link_veth(f->netlink, link, FABRIC_BRIDGE, "eth0", &p->spec->ip, pid, &e) < 0) {
        pod_fail(p, "%s", e.what);
        return;
    }
    p->state = POD_SETUP;
    send_setup(p);
}

static void start_containers(struct pod *p)
{
    bool hold = false;
    for (size_t i = 0; i < p->n; i++) {
        if (!p->containers[i].spec->is_sidecar) continue;
        container_start(&p->containers[i]);
        hold = p->spec->hold_apps && !p->containers[i].st.ready;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (p->containers[i].spec->is_sidecar) continue;
        if (hold)
            p->containers[i].st.reason = "PodInitializing";
        else
            container_start(&p->containers[i]);
    }
}

static void on_ready_report(struct pod *p, struct wire_in *in)
{
    uint32_t code = wire_get_u32(in);
    const char *what = wire_get_str(in);
    uint32_t missing = wire_get_u32(in);
    if (p->state != POD_SETUP) return;
    if (code) {
        pod_fail(p, "%s", what ? what : "the pod could not be set up");
        return;
    }
    if (missing & INIT_NO_RESOLV)
        snprintf(p->message, sizeof p->message,
                 "this host has no /etc/resolv.conf or /etc/hosts to mount over: cluster names do not resolve in the pod");
    p->state = POD_RUNNING;
    p->initialized = true;
    p->st.started_ms = clock_wall_ms();
    start_containers(p);
    pod_changed(p);
}

static struct run *find_run(struct pod *p, uint32_t id)
{
    list_foreach (r, &p->runs, struct run, link) {
        if (r->id == id) return r;
    }
    return NULL;
}

static void report(struct pod *p, struct wire_in *in)
{
    enum init_report type = (enum init_report)wire_get_u32(in);
    if (type == INIT_READY) {
        on_ready_report(p, in);
        return;
    }
    uint32_t id = wire_get_u32(in), value = wire_get_u32(in);
    struct run *r = find_run(p, id);
    switch (type) {
    case INIT_READY: break;
    case INIT_STARTED:
        if (r && value) list_del(&r->link);
        if (r && r->started) r->started(r, (int)value);
        break;
    case INIT_EXITED:
        if (!r) break;
        list_del(&r->link);
        r->exited(r, (int)value);
        break;
    case INIT_DIALED: dial_answer(p, id, (int)value, wire_get_fd(in, 0)); break;
    case INIT_RULED: {
        const char *what = wire_get_str(in);
        if (value) log_warn("pod %s/%s: virtual addresses: %s", p->spec->ns, p->spec->name, what ? what : "not set");
        break;
    }
    }
}

static void on_ctl(struct io *io, uint32_t events)
{
    struct pod *p = container_of(io, struct pod, ctl);
    struct wire_in in;
    (void)events;
    ssize_t n = wire_recv(io->fd, p->f->inbox, WIRE_MAX, &in);
    if (n > 0) {
        report(p, &in);
        wire_close_fds(&in);
    } else if (n != -EAGAIN) {
        loop_del(p->f->loop, io); /* the end of init itself is reported by fabric init */
    }
}

static void free_pod(struct deferred *d);
static void release(struct pod *p);

int pod_new(struct fabric *f, const struct node_pod *spec, bool keep, struct err *e)
{
    struct pod *p = xcalloc(1, sizeof *p);
    int pair[2] = { -1, -1 };
    char ip[ADDR_TEXT];
    p->f = f;
    p->id = ++f->next_pod;
    arena_init(&p->arena, 2048, 0);
    p->spec = spec_copy(&p->arena, spec);
    p->grace_ms = (int)MIN(p->spec->grace_ms, (unsigned)INT_MAX);
    list_init(&p->runs);
    p->notify.run = send_status;
    p->free_later.run = free_pod;
    p->ctl.ready = on_ctl;
    p->st.ns = p->spec->ns;
    p->st.name = p->spec->name;
    p->st.uid = p->spec->uid;
    p->st.ip = p->spec->ip;
    p->st.limits_applied = true;
    vec_push(&f->pods, p);
    int r = spec_check(spec, e);
    if (r == 0 && address_used(p)) r = err_set(e, -EADDRINUSE, "another pod has the address %s", addr_ip_text(&p->spec->ip, ip, sizeof ip));
    if (r == 0) r = make_dir(p, spec, e);
    if (r == 0 && wire_pair(pair) < 0) r = err_errno(e, "cannot make a socket pair");
    if (r == 0) {
        p->n = p->spec->containers_n;
        p->containers = xcalloc(p->n, sizeof *p->containers);
        for (size_t i = 0; i < p->n; i++) container_init(&p->containers[i], p, &p->spec->containers[i]);
        loop_add(f->loop, &p->ctl, pair[0], EPOLLIN);
        r = fabric_spawn(f, p->id, pair[1]);
        close(pair[1]);
    }
    if (r < 0 && !keep) {
        release(p);
        return r;
    }
    if (r < 0) pod_fail(p, "%s", e && e->what[0] ? e->what : strerror(-r));
    pod_changed(p);
    return r;
}

/* ---- end ---- */

static bool alive(const struct pod *p, bool sidecar)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct container *c = &p->containers[i];
        if (c->spec->is_sidecar == sidecar && (c->alive || c->start_pending)) return true;
    }
    return false;
}

static void end_init(struct pod *p)
{
    p->state = POD_ENDING;
    timer_stop(&p->stop_timer);
    if (p->init_pid > 0)
        kill(p->init_pid, SIGKILL); /* PID 1 of the pod: the kernel ends everything in it */
    else
        loop_defer_last(p->f->loop, &p->free_later);
}

/* Applications first, the sidecar after them, then init. */
static void stop_step(struct pod *p)
{
    if (p->state != POD_STOPPING) return;
    if (alive(p, false)) return;
    if (!alive(p, true)) {
        end_init(p);
        return;
    }
    if (p->sidecar_stopping) return;
    p->sidecar_stopping = true;
    for (size_t i = 0; i < p->n; i++) {
        if (p->containers[i].spec->is_sidecar) container_stop(&p->containers[i]);
    }
}

static void on_stop_timer(struct timer *t)
{
    struct pod *p = container_of(t, struct pod, stop_timer);
    if (p->state == POD_STOPPING) { /* the grace is over */
        end_init(p);
        return;
    }
    p->state = POD_STOPPING;
    uint64_t now = clock_ms();
    timer_set(p->f->loop, &p->stop_timer, p->stop_deadline > now ? p->stop_deadline - now : 0);
    for (size_t i = 0; i < p->n; i++) {
        if (!p->containers[i].spec->is_sidecar) container_stop(&p->containers[i]);
    }
    stop_step(p);
    pod_changed(p);
}

static void on_drain_dialed(void *ctx, int fd)
{
    AUTO(free_p) char *request = ctx;
    if (fd < 0) return;
    send(fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd); /* nobody waits for the answer: the proxy has read the request by then, or it has gone */
}

/* Tells the proxy to send its callers away (Envoy's admin, /drain_listeners). */
static void drain_send(struct pod *p, const struct container *c)
{
    if (!c->spec->drain_path || !c->alive) return;
    char *request = xasprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", c->spec->drain_path);
    dial_start(p, "127.0.0.1", c->spec->drain_port, 1000, on_drain_dialed, request);
}

void pod_stop(struct pod *p, int grace_ms)
{
    if (grace_ms < 0) grace_ms = p->grace_ms;
    uint64_t deadline = clock_ms() + (uint64_t)grace_ms;
    if (p->state >= POD_DRAINING && p->state != POD_FAILED) {
        if (p->state == POD_ENDING || deadline >= p->stop_deadline) return;
        p->stop_deadline = deadline; /* hurry */
        timer_set(p->f->loop, &p->stop_timer, p->state == POD_DRAINING ? 0 : (uint64_t)grace_ms);
        return;
    }
    bool running = p->state == POD_RUNNING;
    p->stop_deadline = deadline;
    p->grace_ms = grace_ms;
    p->stop_timer.fire = on_stop_timer;
    if (!running) {
        end_init(p);
        pod_changed(p);
        return;
    }
    p->state = POD_DRAINING;
    for (size_t i = 0; i < p->n; i++) timer_stop(&p->containers[i].restart);
    pod_event(p, NULL, false, "Killing", "Stopping pod %s", p->spec->name);
    for (size_t i = 0; i < p->n; i++) drain_send(p, &p->containers[i]);
    timer_set(p->f->loop, &p->stop_timer,
              p->f->stopping ? 0 : MIN((uint64_t)p->spec->drain_ms, (uint64_t)grace_ms)); /* the callers end as well */
    pod_changed(p);
}

void pod_container_changed(struct pod *p)
{
    pod_changed(p);
    if (p->state == POD_STOPPING) {
        stop_step(p);
        return;
    }
    if (p->state != POD_RUNNING) return;
    bool sidecar_ready = true;
    for (size_t i = 0; i < p->n; i++) sidecar_ready &= !p->containers[i].spec->is_sidecar || p->containers[i].st.ready;
    for (size_t i = 0; i < p->n && p->spec->hold_apps && sidecar_ready; i++) {
        struct container *c = &p->containers[i];
        if (!c->spec->is_sidecar && c->st.state == NODE_WAITING && !c->st.has_last) container_start(c);
    }
    /* A pod whose work is done (restart policy) needs no sidecar any more. */
    enum node_phase phase = phase_of(p);
    for (size_t i = 0; i < p->n && (phase == NODE_SUCCEEDED || phase == NODE_FAILED); i++) {
        if (!is_main(p, &p->containers[i]) && p->containers[i].alive) container_stop(&p->containers[i]);
    }
}

/* fabric init reaped a pod's init: wanted, or because something killed it from outside. */
void pod_init_ended(struct fabric *f, pid_t pid)
{
    vec_foreach (it, &f->pods) {
        struct pod *p = *it;
        if (p->init_pid != pid) continue;
        p->init_pid = 0;
        dial_pod_gone(p);
        if (p->state == POD_ENDING) {
            loop_defer_last(f->loop, &p->free_later);
            return;
        }
        for (size_t i = 0; i < p->n; i++) {
            struct container *c = &p->containers[i];
            if (c->alive) c->run.exited(&c->run, SIGKILL);
            c->start_pending = false;
            timer_stop(&c->restart);
        }
        pod_fail(p, "the pod's init was killed");
        return;
    }
}

static void release(struct pod *p)
{
    struct fabric *f = p->f;
    char text[512];
    dial_pod_gone(p);
    for (size_t i = 0; i < p->n; i++) container_free(&p->containers[i]);
    list_foreach (r, &p->runs, struct run, link) {
        list_del(&r->link);
        r->exited(r, SIGKILL); /* exec sessions end with the pod */
    }
    if (p->ctl.fd > 0) {
        loop_del(f->loop, &p->ctl);
        close(p->ctl.fd);
    }
    timer_stop(&p->stop_timer);
    deferred_cancel(&p->notify);
    snprintf(text, sizeof text, "pod%u", p->id);
    link_delete(f->netlink, text, NULL);
    if (p->dir_made) remove_tree(fabric_pod_dir(f, p->id, text, sizeof text));
    for (size_t i = 0; i < f->pods.n; i++) {
        if (f->pods.v[i] == p) {
            vec_delete(&f->pods, i);
            break;
        }
    }
    free(p->containers);
    arena_free(&p->arena);
    free(p);
}

static void free_pod(struct deferred *d)
{
    struct pod *p = container_of(d, struct pod, free_later);
    struct fabric *f = p->f;
    AUTO(free_p) char *uid = xstrdup(p->spec->uid);
    release(p);
    if (f->cb.gone) f->cb.gone(f->cb_ctx, uid);
    fabric_check_stop(f);
}
