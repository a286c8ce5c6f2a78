#include "node/probe.h"
#include "net/sock.h"
#include "node/pod.h"
#include "node/probe_wire.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define EAGER_FIRST_MS 50

const char *const probe_names[PROBE__N] = { "Startup", "Readiness", "Liveness" };

/* One attempt: a dial and a short exchange, or a command. */
struct probe_try {
    struct probe *p;
    struct dial *dial;
    struct io io;
    struct timer timeout;
    struct run run;
    bool run_on;
    struct probe_exchange x;
};

static struct loop *loop_of(const struct probe *p) { return p->c->pod->f->loop; }

static void try_free(struct probe_try *t)
{
    struct probe *p = t->p;
    if (t->dial) dial_cancel(t->dial);
    if (t->io.on) {
        loop_del(loop_of(p), &t->io);
        close(t->io.fd);
    }
    timer_stop(&t->timeout);
    if (t->run_on) {
        pod_kill(p->c->pod, &t->run, SIGKILL, true);
        pod_forget_run(&t->run);
    }
    probe_exchange_free(&t->x);
    free(t);
    p->now = NULL;
}

/* What a change of a probe's verdict means for its container. */
static void verdict(struct probe *p, bool ok, const char *why)
{
    struct container *c = p->c;
    bool was = p->ok;
    p->ok = ok;
    if (p->role == PROBE_STARTUP && ok && !was) {
        c->st.started = true;
        probe_stop(p);
        probe_start(&c->probes[PROBE_READINESS]);
        probe_start(&c->probes[PROBE_LIVENESS]);
    } else if (p->role != PROBE_READINESS && !ok) {
        pod_event(c->pod, c, false, "Killing", "Container %s failed %s probe, will be restarted (%s)", c->spec->name,
                  p->role == PROBE_STARTUP ? "startup" : "liveness", why);
        probe_stop(p);
        c->liveness_kill = true;
        container_stop(c);
    }
    container_refresh_ready(c);
}

static unsigned next_delay(struct probe *p)
{
    unsigned period = p->spec->period_ms;
    if (p->role == PROBE_LIVENESS || p->ok || p->eager_ms == 0) return period;
    unsigned d = MIN(p->eager_ms, period);
    p->eager_ms = d == period ? 0 : d * 2;
    return d;
}

static void result(struct probe_try *t, bool ok, const char *why)
{
    struct probe *p = t->p;
    char text[160];
    snprintf(text, sizeof text, "%s", why);
    /* Early tries that fail are not held against a container that is still starting. */
    bool early = !ok && p->eager_ms != 0 && !p->ok && p->role != PROBE_LIVENESS && p->eager_ms < p->spec->period_ms;
    try_free(t);
    timer_set(loop_of(p), &p->timer, next_delay(p));
    if (early) return;
    p->passed = ok ? p->passed + 1 : 0;
    p->failed = ok ? 0 : p->failed + 1;
    /* The 1st, 2nd, 4th, 8th... in a row: a probe that fails for an hour is not an hour of events. */
    if (!ok && (p->failed & (p->failed - 1)) == 0)
        pod_event(p->c->pod, p->c, true, "Unhealthy", "%s probe failed: %s", probe_names[p->role], text);
    if (ok && p->passed >= p->spec->success_threshold && !p->ok)
        verdict(p, true, text);
    else if (!ok && p->failed >= p->spec->failure_threshold && (p->ok || p->role != PROBE_READINESS))
        verdict(p, false, text);
}

static void on_timeout(struct timer *tm)
{
    struct probe_try *t = container_of(tm, struct probe_try, timeout);
    char why[64];
    snprintf(why, sizeof why, "no answer within %u ms", t->p->spec->timeout_ms);
    result(t, false, why);
}

static void on_socket(struct io *io, uint32_t events)
{
    struct probe_try *t = container_of(io, struct probe_try, io);
    (void)events;
    char why[160] = "";
    int r = probe_exchange_step(&t->x, io->fd, why, sizeof why);
    if (r == 0)
        loop_mod(loop_of(t->p), io, t->x.out.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
    else
        result(t, r > 0, why);
}

static void on_dialed(void *ctx, int fd)
{
    struct probe_try *t = ctx;
    t->dial = NULL;
    if (fd < 0) {
        char why[128];
        snprintf(why, sizeof why, "cannot connect to port %u: %s", t->p->spec->port, strerror(-fd));
        result(t, false, why);
    } else if (t->p->spec->kind == NODE_PROBE_TCP) {
        close(fd);
        result(t, true, "");
    } else if (loop_add(loop_of(t->p), &t->io, fd, EPOLLIN | EPOLLOUT) < 0) {
        close(fd);
        result(t, false, "out of resources");
    }
}

static void on_exec_started(struct run *r, int err)
{
    struct probe_try *t = container_of(r, struct probe_try, run);
    if (!err) return;
    t->run_on = false;
    char why[128];
    snprintf(why, sizeof why, "cannot run %s: %s", t->p->spec->argv[0], strerror(err));
    result(t, false, why);
}

static void on_exec_exited(struct run *r, int status)
{
    struct probe_try *t = container_of(r, struct probe_try, run);
    char why[64];
    t->run_on = false;
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    snprintf(why, sizeof why, "the command ended with %d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    result(t, ok, why);
}

static void on_period(struct timer *tm)
{
    struct probe *p = container_of(tm, struct probe, timer);
    struct probe_try *t = xcalloc(1, sizeof *t);
    struct pod *pod = p->c->pod;
    char ip[ADDR_TEXT];
    p->now = t;
    t->p = p;
    t->io.ready = on_socket;
    t->timeout.fire = on_timeout;
    timer_set(loop_of(p), &t->timeout, p->spec->timeout_ms);
    if (p->spec->kind == NODE_PROBE_EXEC) {
        struct run_spec s = { .argv = p->spec->argv, .fds = { -1, -1, -1 } };
        t->run.started = on_exec_started;
        t->run.exited = on_exec_exited;
        t->run_on = pod_run(p->c, &t->run, &s) == 0;
        return;
    }
    probe_exchange_begin(&t->x, p->spec, addr_ip_text(&pod->spec->ip, ip, sizeof ip));
    t->dial = dial_start(pod, p->c->spec->is_sidecar ? "127.0.0.1" : NULL, p->spec->port, p->spec->timeout_ms + 1000, on_dialed, t);
}

void probe_start(struct probe *p)
{
    if (!p->spec || p->on) return;
    p->on = true;
    p->ok = false;
    p->passed = p->failed = 0;
    p->eager_ms = EAGER_FIRST_MS;
    p->timer.fire = on_period;
    timer_set(loop_of(p), &p->timer, MAX(p->spec->initial_delay_ms, p->role == PROBE_LIVENESS ? 0u : 10u));
}

void probe_stop(struct probe *p)
{
    if (p->now) try_free(p->now);
    timer_stop(&p->timer);
    p->on = false;
}
