/* Tokens of a project: for robots. Kept by the hash of their secret. */
#include "api/platform/events.h"
#include "api/platform/handlers.h"
#include "api/platform/listing.h"
#include "api/platform/people.h"
#include "base/clock.h"

#define ID          16 /* digits of the hash that name it */
#define TTL_MAX_MS  (366 * 24 * 3600 * 1000LL)
#define TTL_MS      (90 * 24 * 3600 * 1000LL)
#define PER_PROJECT 200

static json_t *token_json(struct str key, const json_t *t, int64_t created_ms)
{
    return json_pack("{s:s%, s:s, s:s, s:O, s:o, s:o, s:o, s:s}", "id", key.p, (size_t)ID, "name", record_text(t, "name"), "prefix",
                     record_text(t, "prefix"), "scopes", json_object_get(t, "scopes"), "createdAt", record_time(created_ms), "expiresAt",
                     record_time(record_int(t, "untilMs")), "lastUsedAt", record_time(record_int(t, "usedMs")), "createdBy",
                     record_text(t, "by"));
}

static bool of_project(const struct preq *q, const json_t *t) { return strcmp(record_text(t, "project"), q->project->name) == 0; }

static void list_one(void *arg, struct str key, json_t *t, const struct store_object *o)
{
    struct listing *l = arg;
    if (of_project(l->q, t)) listing_add(l, str_first(key, ID), token_json(key, t, o->created_ms));
}

void tokens_list(struct preq *q)
{
    struct listing l;
    if (!listing_begin(&l, q)) return;
    record_each(q->p, TOKEN_KIND, list_one, &l);
    listing_answer(&l);
}

struct finding {
    struct preq *q;
    struct str id, name; /* one of them */
    struct str key;      /* found; in the arena */
    size_t n;            /* of the project */
};

static void find_one(void *arg, struct str key, json_t *t, const struct store_object *o)
{
    struct finding *f = arg;
    (void)o;
    if (!of_project(f->q, t)) return;
    f->n++;
    bool is = f->id.n ? str_eq(str_first(key, ID), f->id) : str_eqc(f->name, record_text(t, "name"));
    if (is) f->key = arena_str(f->q->arena, key);
}

/* Scopes of the body; NULL: answered. */
static json_t *scopes_of(struct preq *q)
{
    const struct node *list = tree_get(q->body, "scopes");
    json_t *scopes = json_array();
    if (list->n == 0) problem_field(q, 422, "bad-scope", "/scopes", "a token without scopes can do nothing; name at least one");
    for (size_t i = 0; i < list->n; i++) {
        char pointer[32];
        struct str s = list->items[i]->text;
        if (project_scope_rights(s.p)) {
            json_array_append_new(scopes, json_stringn(s.p, s.n));
            continue;
        }
        struct buf known = { 0 };
        for (size_t k = 0; k < project_scopes_n; k++) buf_printf(&known, "%s%s", k ? ", " : "", project_scopes[k]);
        snprintf(pointer, sizeof pointer, "/scopes/%zu", i);
        problem_field(q, 422, "bad-scope", pointer, "there is no scope \"%.*s\"; there are %.*s", (int)MIN(s.n, (size_t)60), s.p,
                      STR_ARG(buf_str(&known)));
        buf_free(&known);
        json_decref(scopes);
        return NULL;
    }
    if (list->n) return scopes;
    json_decref(scopes);
    return NULL;
}

/* When it ends: 90 days from now unless said; 0: answered. */
static int64_t expiry(struct preq *q)
{
    int64_t sec = 0, now = clock_wall_ms(), until = now + TTL_MS;
    int32_t nanos = 0;
    struct str given = preq_text(q, "expiresAt");
    if (given.n && pb_time(given, &sec, &nanos)) until = sec * 1000;
    if (until > now && until <= now + TTL_MAX_MS) return until;
    problem_field(q, 422, "bad-expiry", "/expiresAt", "a token ends in the future, and within a year");
    return 0;
}

void tokens_create(struct preq *q)
{
    struct batch b = { 0 };
    struct str name = preq_text(q, "name");
    struct finding f = { .q = q, .name = name };
    char random[41], secret[64], key[65];
    record_each(q->p, TOKEN_KIND, find_one, &f);
    if (f.key.n) return problem_field(q, 409, "exists", "/name", "there is a token %.*s already", STR_ARG(name));
    if (f.n >= PER_PROJECT) return problem(q, 409, "too-many-tokens", "a project has at most %d tokens; revoke some", PER_PROJECT);
    int64_t until = expiry(q);
    json_t *scopes = until ? scopes_of(q) : NULL;
    if (!scopes) return;
    record_secret(random, 20);
    snprintf(secret, sizeof secret, "weft_%s", random);
    record_hash(str_of(secret), key);
    json_t *t = json_pack("{s:s%, s:s, s:o, s:s%, s:I, s:s%}", "name", name.p, name.n, "project", q->project->name, "scopes", scopes,
                          "prefix", secret, (size_t)9, "untilMs", (json_int_t)until, "by", q->who.user.p, q->who.user.n);
    json_t *shown = token_json(str_of(key), t, clock_wall_ms());
    preq_audit(q, &b, "token:create", arena_printf(q->arena, "token %.*s", STR_ARG(name)), NULL, shown);
    record_put(&b, TOKEN_KIND, str_of(key), t, STORE_ABSENT);
    if (!preq_commit(q, &b)) return json_decref(shown);
    json_object_set_new(shown, "token", json_string(secret));
    q->committed = false; /* the secret is not kept, not even for an Idempotency-Key */
    preq_json(q, 201, shown);
}

void tokens_delete(struct preq *q)
{
    struct batch b = { 0 };
    struct finding f = { .q = q, .id = preq_value(q, 'i') };
    record_each(q->p, TOKEN_KIND, find_one, &f);
    if (!f.key.n) return problem(q, 404, "no-token", "the project has no such token");
    json_t *t = record_get(q->p, TOKEN_KIND, f.key, NULL, NULL);
    preq_audit(q, &b, "token:delete", arena_printf(q->arena, "token %s", record_text(t, "name")), NULL, NULL);
    json_decref(t);
    batch_record_delete(&b, TOKEN_KIND, f.key, 0);
    if (!preq_commit(q, &b)) return;
    events_cut(platform_events(q->p), (struct str){ 0 }, (struct str){ 0 }, f.key);
    preq_empty(q);
}
