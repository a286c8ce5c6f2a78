/* The life of a container: start, probes, end, restart with back-off. */
#include "base/clock.h"
#include "node/cgroup.h"
#include "node/client.h"
#include "node/init.h"
#include "node/log_file.h"
#include "node/pod.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fabric *fabric_of(const struct container *c) { return c->pod->f; }

static void set_text(struct container *c, const char **where, char *text)
{
    free(c->text);
    *where = c->text = text;
}

static void stop_probes(struct container *c)
{
    for (int i = 0; i < PROBE__N; i++) probe_stop(&c->probes[i]);
}

void container_refresh_ready(struct container *c)
{
    const struct probe *p = &c->probes[PROBE_READINESS];
    c->st.ready = c->alive && c->st.started && (!p->spec || p->ok);
    pod_container_changed(c->pod);
}

static void set_waiting(struct container *c, const char *reason, char *message)
{
    c->st.state = NODE_WAITING;
    c->st.reason = reason;
    set_text(c, &c->st.message, message);
}

/* Kubernetes: the first restart is at once, then 10 s doubling to 5 min; forgotten after a run of twice the longest. */
static unsigned next_backoff(struct container *c, int64_t ran_ms)
{
    const struct fabric_config *f = &fabric_of(c)->config;
    unsigned wait = c->backoff_ms;
    if (ran_ms >= 2 * (int64_t)f->backoff_max_ms) wait = 0;
    c->backoff_ms = wait ? MIN(wait * 2, f->backoff_max_ms) : f->backoff_base_ms;
    return wait;
}

static bool wants_restart(const struct container *c)
{
    if (c->pod->state >= POD_DRAINING) return false;
    if (c->spec->is_sidecar || c->pod->spec->restart == NODE_RESTART_ALWAYS) return true;
    return c->pod->spec->restart == NODE_RESTART_ON_FAILURE && c->st.now.exit_code != 0;
}

static void ended(struct container *c)
{
    c->alive = c->st.started = c->st.ready = false;
    c->stop_sent = c->liveness_kill = false;
    stop_probes(c);
    timer_stop(&c->kill_timer);
    c->st.state = NODE_TERMINATED;
    c->st.reason = c->st.message = NULL;
    if (wants_restart(c)) {
        unsigned wait = next_backoff(c, c->st.now.finished_ms - c->st.now.started_ms);
        c->st.last = c->st.now;
        c->st.has_last = true;
        if (wait) {
            set_waiting(c, "CrashLoopBackOff", xasprintf("back-off %u ms restarting failed container %s", wait, c->spec->name));
            pod_event(c->pod, c, true, "BackOff", "Back-off restarting failed container %s", c->spec->name);
        }
        timer_set(fabric_of(c)->loop, &c->restart, wait);
    }
    pod_container_changed(c->pod);
}

static void on_started(struct run *r, int err)
{
    struct container *c = container_of(r, struct container, run);
    c->start_pending = false;
    int64_t now = clock_wall_ms();
    if (err) {
        c->st.now = (struct node_termination){
            .exit_code = err == ENOENT ? 127 : 128, .reason = "StartError", .started_ms = now, .finished_ms = now
        };
        char *why = xasprintf("cannot run %s: %s", c->spec->argv[0], strerror(err));
        pod_event(c->pod, c, true, "Failed", "%s", why);
        ended(c);
        if (c->st.state == NODE_WAITING)
            set_waiting(c, "RunContainerError", why);
        else
            set_text(c, &c->st.now.message, why);
        return;
    }
    c->alive = true;
    c->st.state = NODE_RUNNING;
    c->st.reason = NULL;
    set_text(c, &c->st.message, NULL);
    c->st.started_ms = now;
    pod_event(c->pod, c, false, "Started", "Started container %s", c->spec->name);
    if (c->pod->state >= POD_DRAINING) { /* stopped while it was starting */
        container_stop(c);
        return;
    }
    c->st.started = c->probes[PROBE_STARTUP].spec == NULL;
    probe_start(&c->probes[PROBE_STARTUP]);
    if (c->st.started) {
        probe_start(&c->probes[PROBE_READINESS]);
        probe_start(&c->probes[PROBE_LIVENESS]);
    }
    container_refresh_ready(c);
}

static void on_exited(struct run *r, int status)
{
    struct container *c = container_of(r, struct container, run);
    bool by_signal = WIFSIGNALED(status);
    c->st.now = (struct node_termination){
        .exit_code = by_signal ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
        .signal = by_signal ? WTERMSIG(status) : 0,
        .started_ms = c->st.started_ms,
        .finished_ms = clock_wall_ms(),
    };
    c->st.now.reason = cgroup_oom(c->cgroup) && by_signal ? "OOMKilled" : c->st.now.exit_code == 0 ? "Completed" : "Error";
    if (c->pre_stop_runs) {
        pod_kill(c->pod, &c->pre_stop, SIGKILL, true);
        pod_forget_run(&c->pre_stop);
        c->pre_stop_runs = false;
    }
    timer_stop(&c->pre_stop_timer);
    ended(c);
}

void container_start(struct container *c)
{
    struct run_spec s = { .argv = c->spec->argv, .fds = { -1, c->log_write, c->log_write } };
    if (c->alive || c->start_pending) return;
    if (c->st.has_last) c->st.restarts++;
    c->start_pending = true;
    if (pod_run(c, &c->run, &s) == 0) return;
    on_started(&c->run, E2BIG); /* the order did not fit into a message */
}

static void on_restart(struct timer *t)
{
    struct container *c = container_of(t, struct container, restart);
    if (c->pod->state == POD_RUNNING) container_start(c);
}

/* ---- the end ---- */

static void on_kill(struct timer *t) { container_kill(container_of(t, struct container, kill_timer)); }

static void terminate(struct container *c)
{
    c->stop_sent = true;
    pod_kill(c->pod, &c->run, SIGTERM, false);
    /* In a pod that goes on (failed liveness) the grace runs per container; else the pod's own timer does. */
    if (c->liveness_kill) timer_set(fabric_of(c)->loop, &c->kill_timer, (uint64_t)c->pod->grace_ms);
}

static void pre_stop_done(struct container *c)
{
    c->pre_stop_runs = false;
    if (c->alive && !c->stop_sent) terminate(c);
}

static void on_pre_stop_started(struct run *r, int err)
{
    struct container *c = container_of(r, struct container, pre_stop);
    if (err) pre_stop_done(c);
}

static void on_pre_stop_exited(struct run *r, int status)
{
    (void)status;
    pre_stop_done(container_of(r, struct container, pre_stop));
}

static void on_pre_stop_slept(struct timer *t) { pre_stop_done(container_of(t, struct container, pre_stop_timer)); }

void container_stop(struct container *c)
{
    timer_stop(&c->restart);
    stop_probes(c);
    if (!c->alive) {
        /* Waiting for a restart that will not come any more. */
        if (c->st.state == NODE_WAITING && c->st.has_last && c->pod->state >= POD_DRAINING) c->st.state = NODE_TERMINATED;
        return;
    }
    if (c->stop_sent || c->pre_stop_runs || c->pre_stop_timer.on) return;
    if (c->spec->pre_stop && c->spec->pre_stop[0]) {
        struct run_spec s = { .argv = c->spec->pre_stop, .fds = { -1, c->log_write, c->log_write } };
        c->pre_stop.started = on_pre_stop_started;
        c->pre_stop.exited = on_pre_stop_exited;
        c->pre_stop_runs = pod_run(c, &c->pre_stop, &s) == 0;
        if (c->pre_stop_runs) return;
    } else if (c->spec->pre_stop_sleep_ms) {
        timer_set(fabric_of(c)->loop, &c->pre_stop_timer, c->spec->pre_stop_sleep_ms);
        return;
    }
    terminate(c);
}

void container_kill(struct container *c)
{
    if (c->alive || c->start_pending) pod_kill(c->pod, &c->run, SIGKILL, true);
}

void container_init(struct container *c, struct pod *p, const struct node_container *spec)
{
    const struct node_probe *probes[PROBE__N] = { &spec->startup, &spec->readiness, &spec->liveness };
    char path[512];
    c->pod = p;
    c->spec = spec;
    c->st = (struct node_container_status){ .name = spec->name, .is_sidecar = spec->is_sidecar, .reason = "ContainerCreating" };
    c->run.started = on_started;
    c->run.exited = on_exited;
    c->restart.fire = on_restart;
    c->kill_timer.fire = on_kill;
    c->pre_stop_timer.fire = on_pre_stop_slept;
    for (int i = 0; i < PROBE__N; i++) {
        bool is = probes[i]->kind != NODE_PROBE_NONE && (probes[i]->kind != NODE_PROBE_EXEC || (probes[i]->argv && probes[i]->argv[0]));
        c->probes[i] = (struct probe){ .c = c, .role = (enum probe_role)i, .spec = is ? probes[i] : NULL };
    }
    if (spec->memory_limit || spec->cpu_limit_milli) {
        AUTO(free_p) char *why = NULL;
        c->cgroup = cgroup_new(p->f->state_dir, p->id, (size_t)(c - p->containers), spec->memory_limit, spec->cpu_limit_milli, &why);
        if (!c->cgroup) {
            p->st.limits_applied = false;
            snprintf(p->message, sizeof p->message, "container %s: %s", spec->name, why);
        }
    }
    c->log_write = -1;
    int owner = !p->f->root ? -1 : spec->is_sidecar ? NODE_SIDECAR_UID : spec->uid;
    node_log_path(p->f->state_dir, p->spec->ns, p->spec->name, spec->name, path, sizeof path);
    c->log = log_open(p->f->loop, path, p->f->config.log_limit, owner, &c->log_write, NULL);
}

void container_free(struct container *c)
{
    stop_probes(c);
    timer_stop(&c->restart);
    timer_stop(&c->kill_timer);
    timer_stop(&c->pre_stop_timer);
    pod_forget_run(&c->run);
    pod_forget_run(&c->pre_stop);
    log_close(c->log);
    cgroup_free(c->cgroup);
    close_p(&c->log_write);
    free(c->text);
}
