/* What the node reports -> Kubernetes' pod status, as a merge patch. */
#include "base/clock.h"
#include "cli/agent.h"
#include "cli/api.h"

static json_t *time_of(int64_t wall_ms)
{
    char text[40];
    return wall_ms ? json_string(clock_rfc3339(wall_ms, text, sizeof text)) : json_null();
}

static json_t *condition(const char *type, bool on, int64_t since_ms, const char *reason)
{
    return json_pack("{s:s, s:s, s:o, s:s*}", "type", type, "status", on ? "True" : "False", "lastTransitionTime", time_of(since_ms),
                     "reason", on ? NULL : reason);
}

static json_t *terminated(const struct node_termination *t)
{
    json_t *j = json_pack("{s:i, s:s*, s:s*, s:o, s:o}", "exitCode", t->exit_code, "reason", t->reason, "message", t->message, "startedAt",
                          time_of(t->started_ms), "finishedAt", time_of(t->finished_ms));
    if (t->signal) json_object_set_new(j, "signal", json_integer(t->signal));
    return j;
}

static json_t *state_of(const struct node_container_status *c)
{
    if (c->state == NODE_RUNNING) return json_pack("{s:{s:o}}", "running", "startedAt", time_of(c->started_ms));
    if (c->state == NODE_TERMINATED) return json_pack("{s:o}", "terminated", terminated(&c->now));
    return json_pack("{s:{s:s*, s:s*}}", "waiting", "reason", c->reason, "message", c->message);
}

/* The image as the spec names it; the sidecar stands in no spec. */
static const char *image_of(const json_t *pod, const struct node_container_status *c)
{
    size_t i;
    json_t *v;
    json_array_foreach (json_path(pod, "spec.containers"), i, v) {
        const char *name = json_text(v, "name");
        if (name && strcmp(name, c->name) == 0) return json_text(v, "image");
    }
    const char *given = json_string_value(json_object_get(json_path(pod, "metadata.annotations"), "sidecar.istio.io/proxyImage"));
    return given ? given : "weft/proxy";
}

static json_t *container_status(const json_t *pod, const struct node_container_status *c)
{
    const char *image = image_of(pod, c);
    json_t *j = json_pack("{s:s, s:s, s:s, s:b, s:b, s:i, s:o}", "name", c->name, "image", image ? image : "", "imageID", "", "ready",
                          c->ready, "started", c->started, "restartCount", (int)c->restarts, "state", state_of(c));
    if (c->has_last) json_object_set_new(j, "lastState", json_pack("{s:o}", "terminated", terminated(&c->last)));
    return j;
}

/* Containers in the order of the spec, the proxy behind them (kubectl shows the first as the default). */
static json_t *container_statuses(const json_t *pod, const struct node_pod_status *s)
{
    json_t *list = json_array();
    for (int proxy = 0; proxy < 2; proxy++) {
        for (size_t i = 0; i < s->containers_n; i++) {
            if (s->containers[i].is_sidecar == proxy) json_array_append_new(list, container_status(pod, &s->containers[i]));
        }
    }
    return list;
}

static const char *const phases[] = {
    [NODE_PENDING] = "Pending", [NODE_PHASE_RUNNING] = "Running", [NODE_SUCCEEDED] = "Succeeded", [NODE_FAILED] = "Failed"
};

static bool asks_limits(const json_t *pod)
{
    size_t i;
    json_t *c;
    json_array_foreach (json_path(pod, "spec.containers"), i, c) {
        if (json_object_size(json_path(c, "resources.limits"))) return true;
    }
    return false;
}

/* Whether this machine could carry out the limits that the containers ask for. */
static json_t *limits_condition(const struct node_pod_status *s)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:s}", "type", "weft.dev/LimitsApplied", "status", s->limits_applied ? "True" : "False",
                     "lastTransitionTime", time_of(s->started_ms), "reason", s->limits_applied ? "Cgroup" : "NoWritableCgroup", "message",
                     s->limits_applied ? "resources.limits are enforced"
                                       : "no writable cgroup controller on this machine: limits have no effect");
}

json_t *agent_status_patch(const json_t *pod, const struct node_pod_status *s)
{
    json_t *status = json_pack("{s:s, s:o, s:[o, o, o, o], s:o}", "phase", phases[s->phase], "startTime", time_of(s->started_ms),
                               "conditions", condition("PodScheduled", true, s->started_ms, NULL),
                               condition("Initialized", s->initialized, s->initialized_ms, "PodInitializing"),
                               condition("ContainersReady", s->containers_ready, s->containers_ready_ms, "ContainersNotReady"),
                               condition("Ready", s->ready, s->ready_ms, s->terminating ? "PodTerminating" : "ContainersNotReady"),
                               "containerStatuses", container_statuses(pod, s));
    if (asks_limits(pod)) json_array_append_new(json_object_get(status, "conditions"), limits_condition(s));
    json_object_set_new(status, "message", s->message ? json_string(s->message) : json_null());
    return json_pack("{s:o}", "status", status);
}

json_t *agent_status_refused(const json_t *pod, const char *reason, const char *message)
{
    json_t *list = json_array(), *v;
    int64_t now = clock_wall_ms();
    size_t i;
    json_array_foreach (json_path(pod, "spec.containers"), i, v)
        json_array_append_new(list, json_pack("{s:s, s:s*, s:s, s:b, s:b, s:i, s:{s:{s:s, s:s}}}", "name", json_text(v, "name"), "image",
                                              json_text(v, "image"), "imageID", "", "ready", 0, "started", 0, "restartCount", 0, "state",
                                              "waiting", "reason", reason, "message", message));
    return json_pack("{s:{s:s, s:[o, o], s:o, s:s}}", "status", "phase", "Pending", "conditions",
                     condition("ContainersReady", false, now, "ContainersNotReady"), condition("Ready", false, now, "ContainersNotReady"),
                     "containerStatuses", list, "message", message);
}
