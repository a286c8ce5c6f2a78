/* Signing in and out. */
#include "api/platform/events.h"
#include "api/platform/handlers.h"
#include "api/platform/people.h"
#include "base/clock.h"

#define ONE_TIME_MS (12 * 3600 * 1000LL)

static json_t *rights_of(uint32_t rights)
{
    json_t *list = json_array();
    for (enum project_right r = 0; r < RIGHTS_N; r++)
        if (rights >> r & 1) json_array_append_new(list, json_string(project_right_name(r)));
    return list;
}

static json_t *projects_of(const struct preq *q)
{
    json_t *list = json_array();
    struct resource_list all = world_list(platform_world(q->p), KIND_PROJECT);
    for (size_t i = 0; i < all.n; i++) {
        uint32_t rights = who_rights(&q->who, all.v[i], false);
        enum project_role role = who_role(&q->who, all.v[i]);
        if (!rights) continue;
        json_array_append_new(list,
                              json_pack("{s:s, s:s?, s:o, s:o}", "name", all.v[i]->name, "role", role ? project_role_name(role) : NULL,
                                        "rights", rights_of(rights), "protectedRights", rights_of(who_rights(&q->who, all.v[i], true))));
    }
    return list;
}

void session_get(struct preq *q)
{
    bool single = platform_settings(q->p)->single;
    if (!q->who.known) return problem_with(q, 401, "not-signed-in", json_pack("{s:s}", "mode", "users"), "nobody is signed in");
    json_t *settings = record_get(q->p, SETTINGS_KIND, STR("main"), NULL, NULL);
    const char *mesh = *record_text(settings, "name") ? arena_printf(q->arena, "%s", record_text(settings, "name")) : "weft";
    json_decref(settings);
    preq_json(q, 200,
              json_pack("{s:s%, s:s%, s:b, s:b, s:s, s:s?, s:o, s:s, s:s}", "user", q->who.user.p, q->who.user.n, "displayName",
                        q->who.display.p, q->who.display.n, "operator", q->who.operator_, "everything", q->who.single, "mode",
                        single ? "single" : "users", "csrf", people_csrf(platform_people(q->p), q), "projects", projects_of(q), "version",
                        WEFT_VERSION, "mesh", mesh));
}

/* ---- in ---- */

static void signed_in(struct preq *q, struct str user)
{
    struct batch b = { 0 };
    struct people *pp = platform_people(q->p);
    people_begin_session(pp, q, &b, user);
    char *target = arena_printf(q->arena, "user %.*s", STR_ARG(user));
    preq_audit(q, &b, "session:begin", target, NULL, NULL);
    if (!preq_commit(q, &b)) return;
    session_get(q);
}

struct sign_in {
    struct preq *q;
    struct password_job *job;
};

static void gone(struct call *c)
{
    struct sign_in *s = c->user;
    passwords_cancel(s->job);
}

static void checked(void *arg, bool ok, const char *stored)
{
    struct preq *q = ((struct sign_in *)arg)->q;
    struct str user = preq_text(q, "user");
    (void)stored;
    q->call->gone = NULL;
    if (!ok) return problem(q, 401, "wrong-password", "this user and password do not fit");
    limit_passed(people_limit(platform_people(q->p)), user, str_of(q->call->from));
    signed_in(q, user);
}

static void by_password(struct preq *q)
{
    struct people *pp = platform_people(q->p);
    struct sign_in *s = arena_zalloc(q->arena, sizeof *s);
    struct str user = preq_text(q, "user");
    uint64_t wait = limit_try(people_limit(pp), user, str_of(q->call->from), clock_ms());
    if (wait) {
        preq_set(q, "Retry-After", arena_printf(q->arena, "%" PRIu64, (wait + 999) / 1000));
        return problem(q, 429, "too-many-attempts", "too many attempts; try again in %" PRIu64 " s", (wait + 999) / 1000);
    }
    json_t *u = record_get(q->p, USER_KIND, user, NULL, NULL);
    const char *stored = u && !record_true(u, "disabled") ? record_text(u, "password") : NULL;
    s->q = q;
    s->job = passwords_verify(people_passwords(pp), preq_text(q, "password"), stored, checked, s);
    json_decref(u);
    if (!s->job) return problem(q, 503, "busy", "too many people sign in at this moment; try again");
    q->call->user = s;
    q->call->gone = gone;
}

void session_post(struct preq *q)
{
    struct str once = preq_text(q, "oneTime");
    struct people *pp = platform_people(q->p);
    if (!once.n && preq_text(q, "user").n && preq_text(q, "password").n) return by_password(q);
    if (!once.n)
        return problem_field(q, 400, "invalid-body", preq_text(q, "user").n ? "/password" : "/user",
                             "user and password, or oneTime, are needed");
    uint64_t wait = limit_try(people_limit(pp), STR("one-time"), str_of(q->call->from), clock_ms());
    if (wait) return problem(q, 429, "too-many-attempts", "too many attempts; try again in %" PRIu64 " s", (wait + 999) / 1000);
    if (!people_one_time_use(pp, once))
        return problem(q, 401, "one-time-used", "this address was used already, or is too old; `weft open` prints a new one");
    limit_passed(people_limit(pp), STR("one-time"), str_of(q->call->from));
    signed_in(q, STR(LOCAL));
}

void session_one_time(struct preq *q)
{
    char secret[65];
    int64_t ttl = preq_duration_ms(q, "ttl", ONE_TIME_MS);
    people_one_time_make(platform_people(q->p), ttl, secret);
    preq_json(q, 200,
              json_pack("{s:s, s:s, s:o}", "oneTime", secret, "path", arena_printf(q->arena, "/signin#token=%s", secret), "expiresAt",
                        record_time(clock_wall_ms() + ttl)));
}

/* ---- out ---- */

void session_delete(struct preq *q)
{
    struct batch b = { 0 };
    if (q->who.session.n) {
        batch_record_delete(&b, SESSION_KIND, q->who.session, 0);
        preq_audit(q, &b, "session:end", arena_printf(q->arena, "user %.*s", STR_ARG(q->who.user)), NULL, NULL);
        if (!preq_commit(q, &b)) return;
        events_cut(platform_events(q->p), (struct str){ 0 }, q->who.session, (struct str){ 0 });
    }
    people_clear_cookie(q);
    preq_empty(q);
}

/* ---- one's own password ---- */

static void made(void *arg, bool ok, const char *stored)
{
    struct preq *q = ((struct sign_in *)arg)->q;
    struct people *pp = platform_people(q->p);
    struct batch b = { 0 };
    json_t *u = record_get(q->p, USER_KIND, q->who.user, NULL, NULL);
    q->call->gone = NULL;
    if (!ok || !u) {
        json_decref(u);
        return problem(q, 500, "internal", "the password could not be kept");
    }
    json_object_set_new(u, "password", json_string(stored));
    record_put(&b, USER_KIND, q->who.user, u, 0);
    people_end_sessions(pp, &b, q->who.user, q->who.session);
    preq_audit(q, &b, "user:password", arena_printf(q->arena, "user %.*s", STR_ARG(q->who.user)), NULL, NULL);
    if (preq_commit(q, &b)) preq_empty(q);
}

static void old_checked(void *arg, bool ok, const char *stored)
{
    struct sign_in *s = arg;
    struct preq *q = s->q;
    struct people *pp = platform_people(q->p);
    (void)stored;
    if (ok) limit_passed(people_limit(pp), q->who.user, str_of(q->call->from));
    if (ok) s->job = passwords_make(people_passwords(pp), preq_text(q, "new"), made, s);
    if (ok && s->job) return;
    q->call->gone = NULL;
    if (!ok) return problem_field(q, 422, "wrong-password", "/old", "this is not your present password");
    problem(q, 503, "busy", "too many people sign in at this moment; try again");
}

void session_password(struct preq *q)
{
    struct people *pp = platform_people(q->p);
    const char *wrong = people_password_wrong(preq_text(q, "new"), q->who.user);
    json_t *u = record_get(q->p, USER_KIND, q->who.user, NULL, NULL);
    struct sign_in *s = arena_zalloc(q->arena, sizeof *s);
    s->q = q;
    if (u && !wrong && limit_try(people_limit(pp), q->who.user, str_of(q->call->from), clock_ms())) {
        json_decref(u);
        return problem(q, 429, "too-many-attempts", "too many attempts; try again in some minutes");
    }
    if (u && !wrong) s->job = passwords_verify(people_passwords(pp), preq_text(q, "old"), record_text(u, "password"), old_checked, s);
    bool known = u != NULL;
    json_decref(u);
    if (!known) return problem(q, 409, "no-password", "%.*s has no password", STR_ARG(q->who.user));
    if (wrong) return problem_field(q, 422, "bad-password", "/new", "%s", wrong);
    if (!s->job) return problem(q, 503, "busy", "too many people sign in at this moment; try again");
    q->call->user = s;
    q->call->gone = gone;
}
