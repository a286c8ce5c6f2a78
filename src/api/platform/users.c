/* People who may sign in. */
#include "api/platform/events.h"
#include "api/platform/handlers.h"
#include "api/platform/listing.h"
#include "api/platform/people.h"
#include "api/platform/project_edit.h"

static json_t *user_json(struct str name, const json_t *u, int64_t created_ms)
{
    return json_pack("{s:s%, s:s, s:b, s:b, s:o, s:o}", "name", name.p, name.n, "displayName", record_text(u, "displayName"), "operator",
                     record_true(u, "operator"), "disabled", record_true(u, "disabled"), "createdAt", record_time(created_ms), "lastSeenAt",
                     record_time(record_int(u, "seenMs")));
}

static const char *target(const struct preq *q, struct str name) { return arena_printf(q->arena, "user %.*s", STR_ARG(name)); }

static void list_one(void *arg, struct str name, json_t *u, const struct store_object *o)
{
    listing_add(arg, name, user_json(name, u, o->created_ms));
}

void users_list(struct preq *q)
{
    struct listing l;
    if (!listing_begin(&l, q)) return;
    record_each(q->p, USER_KIND, list_one, &l);
    listing_answer(&l);
}

/* The person of the path; NULL: answered. */
static json_t *wanted(struct preq *q, uint64_t *version, int64_t *created_ms)
{
    struct str name = preq_value(q, 'u');
    json_t *u = record_get(q->p, USER_KIND, name, version, created_ms);
    if (!u) problem(q, 404, "no-user", "there is no user %.*s", (int)MIN(name.n, (size_t)100), name.p);
    return u;
}

static void answer(struct preq *q, int status, struct str name)
{
    uint64_t version = 0;
    int64_t created = 0;
    json_t *u = record_get(q->p, USER_KIND, name, &version, &created);
    preq_json_etag(q, status, user_json(name, u, created), version);
    json_decref(u);
}

void users_get(struct preq *q)
{
    json_t *u = wanted(q, NULL, NULL);
    json_decref(u);
    if (u) answer(q, 200, preq_value(q, 'u'));
}

/* ---- passwords, made elsewhere ---- */

struct making {
    struct preq *q;
    struct password_job *job;
    struct str name;
    void (*go_on)(struct preq *q, struct str name, const char *stored);
};

static void gone(struct call *c) { passwords_cancel(((struct making *)c->user)->job); }

static void made(void *arg, bool ok, const char *stored)
{
    struct making *m = arg;
    m->q->call->gone = NULL;
    if (ok) return m->go_on(m->q, m->name, stored);
    problem(m->q, 500, "internal", "the password could not be made");
}

static void with_password(struct preq *q, struct str name, void (*go_on)(struct preq *q, struct str name, const char *stored))
{
    struct making *m = arena_zalloc(q->arena, sizeof *m);
    const char *wrong = people_password_wrong(preq_text(q, "password"), name);
    if (wrong) return problem_field(q, 422, "bad-password", "/password", "%s", wrong);
    *m = (struct making){ .q = q, .name = name, .go_on = go_on };
    m->job = passwords_make(people_passwords(platform_people(q->p)), preq_text(q, "password"), made, m);
    if (!m->job) return problem(q, 503, "busy", "too many passwords are made at this moment; try again");
    q->call->user = m;
    q->call->gone = gone;
}

/* ---- changes ---- */

static void create(struct preq *q, struct str name, const char *stored)
{
    struct batch b = { 0 };
    struct str display = preq_text(q, "displayName");
    if (!display.n) display = name;
    json_t *u = json_pack("{s:s%, s:b}", "displayName", display.p, display.n, "operator", preq_bool(q, "operator"));
    preq_audit(q, &b, "user:create", target(q, name), NULL, u);
    if (stored) json_object_set_new(u, "password", json_string(stored));
    record_put(&b, USER_KIND, name, u, STORE_ABSENT);
    if (preq_commit(q, &b)) answer(q, 201, name);
}

void users_create(struct preq *q)
{
    struct str name = preq_text(q, "name");
    if (!people_name_ok(name))
        return problem_field(q, 422, "bad-name", "/name", "a user's name has small letters, digits and . _ @ - and is not \"%s\"", LOCAL);
    json_t *old = record_get(q->p, USER_KIND, name, NULL, NULL);
    json_decref(old);
    if (old) return problem_field(q, 409, "exists", "/name", "there is a user %.*s already", STR_ARG(name));
    with_password(q, name, create);
}

void users_patch(struct preq *q)
{
    uint64_t version = 0;
    struct batch b = { 0 };
    struct str name = preq_value(q, 'u');
    json_t *u = wanted(q, &version, NULL);
    if (!u) return;
    if (!preq_if_match(q, version)) return json_decref(u);
    static const char *const fields[] = { "displayName", "operator", "disabled" };
    json_t *before = json_object(), *after = json_object();
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!q->body || !tree_get(q->body, fields[i])) continue;
        struct str text = preq_text(q, fields[i]);
        json_t *old = json_object_get(u, fields[i]);
        json_object_set(before, fields[i], old ? old : json_false());
        json_object_set_new(after, fields[i], i == 0 ? json_stringn(text.p, text.n) : json_boolean(preq_bool(q, fields[i])));
    }
    json_object_update(u, after);
    bool cut = record_true(u, "disabled");
    record_put(&b, USER_KIND, name, u, version);
    if (cut) people_end_sessions(platform_people(q->p), &b, name, (struct str){ 0 });
    preq_audit(q, &b, "user:change", target(q, name), before, after);
    json_decref(before);
    json_decref(after);
    if (!preq_commit(q, &b)) return;
    events_cut(platform_events(q->p), name, (struct str){ 0 }, (struct str){ 0 }); /* they come back with what they are now */
    answer(q, 200, name);
}

void users_delete(struct preq *q)
{
    uint64_t version = 0;
    struct batch b = { 0 };
    struct str name = preq_value(q, 'u');
    json_t *u = wanted(q, &version, NULL);
    json_decref(u);
    if (!u || !preq_if_match(q, version)) return;
    if (str_eq(name, q->who.user)) return problem(q, 409, "self", "nobody removes oneself; another operator can");
    if (!project_edit_forget_user(q, &b, name)) return batch_free(&b);
    batch_record_delete(&b, USER_KIND, name, 0);
    people_end_sessions(platform_people(q->p), &b, name, (struct str){ 0 });
    preq_audit(q, &b, "user:delete", target(q, name), NULL, NULL);
    if (!preq_commit(q, &b)) return;
    events_cut(platform_events(q->p), name, (struct str){ 0 }, (struct str){ 0 });
    preq_empty(q);
}

static void set_password(struct preq *q, struct str name, const char *stored)
{
    struct batch b = { 0 };
    json_t *u = wanted(q, NULL, NULL);
    if (!u) return;
    json_object_set_new(u, "password", json_string(stored));
    record_put(&b, USER_KIND, name, u, 0);
    people_end_sessions(platform_people(q->p), &b, name, (struct str){ 0 });
    preq_audit(q, &b, "user:password", target(q, name), NULL, NULL);
    if (preq_commit(q, &b)) preq_empty(q);
}

void users_password(struct preq *q)
{
    json_t *u = wanted(q, NULL, NULL);
    json_decref(u);
    if (u) with_password(q, preq_value(q, 'u'), set_password);
}
