/* Admission rules of Project: field by field. That no service is in two projects is analysis'. */
#include "config/validate_weft.h"

#include "config/syntax.h"

#include <ctype.h>

static void members(struct check *c, const W(ProjectSpec) * s)
{
    static const char *const roles[] = { "viewer", "developer", "releaser", "owner" };
    char at[80];
    check_max(c, &s->members, s->n_members, 500, "spec.members");
    for (size_t i = 0; i < s->n_members && i < 500; i++) {
        const W(Member) *m = s->members[i];
        struct err_at old = check_enter(c, &s->members[i]);
        snprintf(at, sizeof at, "spec.members[%zu].user", i);
        if (!m->user || !*m->user)
            check_error(c, NULL, "%s: is missing", at);
        else
            check_text(c, &m->user, 100, at);
        for (size_t k = 0; k < i && m->user; k++)
            if (s->members[k]->user && strcmp(s->members[k]->user, m->user) == 0)
                check_error(c, &m->user, "%s: \"%.60s\" is there already", at, m->user);
        snprintf(at, sizeof at, "spec.members[%zu].role", i);
        if (!m->role) check_error(c, NULL, "%s: is missing", at);
        check_one_of(c, &m->role, roles, ARRAY_LEN(roles), at);
        check_leave(c, old);
    }
}

static void environments(struct check *c, const W(ProjectSpec) * s)
{
    char at[80];
    check_max(c, &s->environments, s->n_environments, 50, "spec.environments");
    for (size_t i = 0; i < s->n_environments && i < 50; i++) {
        const W(Environment) *e = s->environments[i];
        struct err_at old = check_enter(c, &s->environments[i]);
        snprintf(at, sizeof at, "spec.environments[%zu].name", i);
        check_name(c, &e->name, at);
        for (size_t k = 0; k < i && e->name; k++)
            if (s->environments[k]->name && strcmp(s->environments[k]->name, e->name) == 0)
                check_error(c, &e->name, "%s: \"%.63s\" is there already", at, e->name);
        snprintf(at, sizeof at, "spec.environments[%zu].namespace", i);
        check_name(c, &e->namespace_, at);
        check_leave(c, old);
    }
}

static void services(struct check *c, const W(ProjectSpec) * s)
{
    char at[80];
    check_max(c, &s->services, s->n_services, 500, "spec.services");
    for (size_t i = 0; i < s->n_services && i < 500; i++) {
        const W(OwnedService) *v = s->services[i];
        struct err_at old = check_enter(c, &s->services[i]);
        snprintf(at, sizeof at, "spec.services[%zu].name", i);
        check_name(c, &v->name, at);
        for (size_t k = 0; k < i && v->name && v->namespace_; k++)
            if (s->services[k]->name && s->services[k]->namespace_ && strcmp(s->services[k]->name, v->name) == 0 &&
                strcmp(s->services[k]->namespace_, v->namespace_) == 0)
                check_error(c, &v->name, "%s: \"%.63s\" of %.63s is there already", at, v->name, v->namespace_);
        snprintf(at, sizeof at, "spec.services[%zu].namespace", i);
        check_name(c, &v->namespace_, at);
        check_leave(c, old);
    }
}

/* "18:00" in minutes, or -1. 24:00 is none: 00:00 is. */
static int clock_of(const char *s)
{
    if (!s || strlen(s) != 5 || s[2] != ':') return -1;
    for (int i = 0; i < 5; i++)
        if (i != 2 && !isdigit((unsigned char)s[i])) return -1;
    int h = (s[0] - '0') * 10 + s[1] - '0', m = (s[3] - '0') * 10 + s[4] - '0';
    return h < 24 && m < 60 ? h * 60 + m : -1;
}

static void freeze(struct check *c, const W(Freeze) * f, const char *path)
{
    static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" }, *const running[] = { "hold", "finish" };
    bool weekly = f->n_days || f->from || f->to, once = f->start || f->end;
    char at[120];
    snprintf(at, sizeof at, "%s.name", path);
    check_text(c, &f->name, 100, at);
    snprintf(at, sizeof at, "%s.running", path);
    check_one_of(c, &f->running, running, ARRAY_LEN(running), at);
    snprintf(at, sizeof at, "%s.timeZone", path);
    if (f->time_zone &&
        (!*f->time_zone ||
         strspn(f->time_zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != strlen(f->time_zone) ||
         f->time_zone[0] == '/' || strlen(f->time_zone) > 60))
        err_hint(check_error(c, &f->time_zone, "%s: \"%.60s\" is no time zone", at, f->time_zone), "write it like Asia/Shanghai");
    if (weekly == once)
        check_error(c, NULL, "%s: %s", path,
                    once ? "either weekly (days, from, to) or once (start, end)" : "days, from and to, or start and end are needed");
    for (size_t i = 0; i < f->n_days && i < 20; i++) {
        snprintf(at, sizeof at, "%s.days[%zu]", path, i);
        check_one_of(c, &f->days[i], days, ARRAY_LEN(days), at);
    }
    if (weekly && !f->n_days) check_error(c, NULL, "%s.days: is missing", path);
    char *const *clocks[] = { &f->from, &f->to };
    static const char *const names[] = { "from", "to" };
    for (size_t i = 0; i < 2 && weekly; i++)
        if (clock_of(*clocks[i]) < 0)
            err_hint(check_error(c, *clocks[i] ? clocks[i] : NULL, "%s.%s: %s%.20s", path, names[i],
                                 *clocks[i] ? "is no time: " : "is missing", *clocks[i] ? *clocks[i] : ""),
                     "write it like 18:00");
    if (once && !f->start) check_error(c, NULL, "%s.start: is missing", path);
    if (once && !f->end) check_error(c, NULL, "%s.end: is missing", path);
    if (f->start && f->end && f->end->seconds <= f->start->seconds) check_error(c, &f->end, "%s.end: it is not after start", path);
}

static void guard_rails(struct check *c, const W(ProjectSpec) * s)
{
    const W(GuardRails) *g = s->guard_rails;
    char at[80];
    if (!g) return;
    struct err_at old = check_enter(c, &s->guard_rails);
    if (g->has_max_first_step) check_percent(c, &g->max_first_step, 0.005, "spec.guardRails.maxFirstStep");
    if (g->has_max_step) check_percent(c, &g->max_step, 0.005, "spec.guardRails.maxStep");
    check_duration(c, &g->min_bake, g->min_bake, true, "spec.guardRails.minBake");
    check_approval(c, &g->approval, "spec.guardRails.approval");
    if (g->has_approval_from) check_percent(c, &g->approval_from, 0, "spec.guardRails.approvalFrom");
    check_text(c, &g->stopped_reason, 1000, "spec.guardRails.stoppedReason");
    check_max(c, &g->freezes, g->n_freezes, 50, "spec.guardRails.freezes");
    for (size_t i = 0; i < g->n_freezes && i < 50; i++) {
        struct err_at in = check_enter(c, &g->freezes[i]);
        snprintf(at, sizeof at, "spec.guardRails.freezes[%zu]", i);
        freeze(c, g->freezes[i], at);
        check_leave(c, in);
    }
    check_leave(c, old);
}

void validate_project(struct check *c)
{
    const W(ProjectSpec) *s = ((const W(Project) *)c->r->msg)->spec;
    char at[80];
    check_text(c, &s->title, 100, "spec.title");
    check_text(c, &s->description, 2000, "spec.description");
    members(c, s);
    environments(c, s);
    services(c, s);
    guard_rails(c, s);
    if (!s->limits) return;
    struct err_at old = check_enter(c, &s->limits);
    if (s->limits->has_max_first_step) check_percent(c, &s->limits->max_first_step, 0.005, "spec.limits.maxFirstStep");
    check_duration(c, &s->limits->min_bake, s->limits->min_bake, true, "spec.limits.minBake");
    check_max(c, &s->limits->namespaces, s->limits->n_namespaces, 200, "spec.limits.namespaces");
    for (size_t i = 0; i < s->limits->n_namespaces && i < 200; i++) {
        snprintf(at, sizeof at, "spec.limits.namespaces[%zu]", i);
        check_name(c, &s->limits->namespaces[i], at);
    }
    check_leave(c, old);
}
