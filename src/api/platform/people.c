/* Who calls: the socket's owner, the one user of single-user mode, a session, a token. */
#include "api/platform/people.h"
#include "api/platform/inside.h"
#include "base/clock.h"
#include "base/log.h"

#include <openssl/crypto.h>

#define COOKIE "weft_session"
#define TTL_MS (12 * 3600 * 1000LL)
#define ONCE   16
/* Of one person: one more ends the one that was not used for longest. */
#define SESSIONS 30

struct people {
    struct platform *p;
    struct passwords *passwords;
    struct limit limit;
    char csrf[33]; /* of this process: single-user mode has no sessions */
    struct once {
        char hash[65];
        int64_t until_ms;
    } once[ONCE];
    unsigned next_once;
};

struct passwords *people_passwords(struct people *pp) { return pp->passwords; }
struct limit *people_limit(struct people *pp) { return &pp->limit; }

/* ---- rules ---- */

bool people_name_ok(struct str s)
{
    bool ok = s.n >= 1 && s.n <= 64 && !str_eqc(s, LOCAL);
    for (size_t i = 0; ok && i < s.n; i++)
        ok = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || (i && strchr("._@-", s.p[i]));
    return ok;
}

const char *people_password_wrong(struct str password, struct str user)
{
    if (password.n < 10) return "a password needs at least 10 characters";
    if (password.n > 200) return "a password may have at most 200 bytes";
    if (user.n >= 4 && str_find(password, user) >= 0) return "the password must not contain the user's name";
    bool same = true;
    for (size_t i = 1; i < password.n; i++) same = same && password.p[i] == password.p[0];
    return same ? "one character again and again is no password" : NULL;
}

int64_t people_session_ttl(const struct people *pp)
{
    json_t *s = record_get(pp->p, SETTINGS_KIND, STR("main"), NULL, NULL);
    int64_t ttl = record_int(s, "sessionTtlMs");
    json_decref(s);
    return ttl > 0 ? ttl : TTL_MS;
}

/* ---- one-time tokens ---- */

void people_one_time_make(struct people *pp, int64_t ttl_ms, char out[65])
{
    struct once *o = &pp->once[pp->next_once++ % ONCE];
    record_secret(out, 32);
    record_hash(str_of(out), o->hash);
    o->until_ms = clock_wall_ms() + ttl_ms;
}

bool people_one_time_use(struct people *pp, struct str token)
{
    char hash[65];
    record_hash(token, hash);
    for (size_t i = 0; i < ONCE; i++) {
        struct once *o = &pp->once[i];
        if (o->until_ms < clock_wall_ms() || CRYPTO_memcmp(o->hash, hash, 64) != 0) continue;
        memset(o, 0, sizeof *o);
        return true;
    }
    return false;
}

/* ---- who ---- */

static void be_local(struct preq *q)
{
    q->who = (struct who){ .known = true, .operator_ = true, .single = true, .user = STR(LOCAL), .display = STR(LOCAL) };
    q->who.via = q->call->door == DOOR_SOCKET ? VIA_CLI : VIA_PAGE;
}

static struct str keep(struct preq *q, const char *s) { return arena_str(q->arena, str_of(s)); }

/* false: no such user any more. */
static bool be_user(struct people *pp, struct preq *q, struct str name)
{
    if (str_eqc(name, LOCAL)) return be_local(q), true;
    json_t *u = record_get(pp->p, USER_KIND, name, NULL, NULL);
    bool ok = u && !record_true(u, "disabled");
    if (ok)
        q->who = (struct who){ .known = true,
                               .operator_ = record_true(u, "operator"),
                               .user = arena_str(q->arena, name),
                               .display = keep(q, record_text(u, "displayName")),
                               .via = VIA_PAGE };
    json_decref(u);
    return ok;
}

static struct str cookie(const struct call *c)
{
    struct str rest = call_header((struct call *)c, "cookie");
    while (rest.p && rest.n) {
        struct str value = str_trim(str_cut(&rest, ';')), key = str_cut(&value, '=');
        if (str_eqc(key, COOKIE)) return value;
    }
    return (struct str){ 0 };
}

/* Who is in a session may leave it lying for a while: its end moves on with the requests. Written once in a twentieth of that time. */
static void slide(struct people *pp, struct str key, json_t *s, int64_t now)
{
    struct batch b = { 0 };
    struct err e = { 0 };
    int64_t ttl = people_session_ttl(pp);
    struct str user = str_of(record_text(s, "user"));
    if (now - record_int(s, "seenMs") < MAX(ttl / 20, (int64_t)1000)) return;
    json_object_set_new(s, "seenMs", json_integer(now));
    json_object_set_new(s, "untilMs", json_integer(now + ttl));
    record_put(&b, SESSION_KIND, key, json_incref(s), 0);
    json_t *u = record_get(pp->p, USER_KIND, user, NULL, NULL);
    if (u) {
        json_object_set_new(u, "seenMs", json_integer(now));
        record_put(&b, USER_KIND, user, u, 0);
    }
    if (platform_commit(pp->p, &b, &e) < 0) log_warn("a session is not prolonged: %s", e.what);
    batch_free(&b);
}

static void by_session(struct people *pp, struct preq *q, struct str secret)
{
    char hash[65];
    int64_t now = clock_wall_ms();
    record_hash(secret, hash);
    json_t *s = record_get(pp->p, SESSION_KIND, str_of(hash), NULL, NULL);
    if (s && record_int(s, "untilMs") > now && be_user(pp, q, str_of(record_text(s, "user")))) {
        q->who.ambient = true;
        q->who.session = keep(q, hash);
        q->who.user = arena_str(q->arena, q->who.user);
        slide(pp, q->who.session, s, now);
    }
    json_decref(s);
}

static void token_used(struct people *pp, struct str key, json_t *t, int64_t now)
{
    struct batch b = { 0 };
    struct err e = { 0 };
    if (now - record_int(t, "usedMs") < 60000) return;
    json_object_set_new(t, "usedMs", json_integer(now));
    record_put(&b, TOKEN_KIND, key, json_incref(t), 0);
    if (platform_commit(pp->p, &b, &e) < 0) log_warn("the last use of a token is not kept: %s", e.what);
    batch_free(&b);
}

static bool by_token(struct people *pp, struct preq *q, struct str secret)
{
    char hash[65];
    int64_t now = clock_wall_ms();
    record_hash(secret, hash);
    json_t *t = record_get(pp->p, TOKEN_KIND, str_of(hash), NULL, NULL), *scope;
    int64_t until = record_int(t, "untilMs");
    bool ok = t && (!until || until > now);
    size_t i;
    if (ok) {
        const char *name = arena_printf(q->arena, "token:%s", record_text(t, "name"));
        q->who = (struct who){ .known = true,
                               .user = str_of(name),
                               .display = str_of(name),
                               .via = VIA_API,
                               .token_id = keep(q, hash),
                               .token_project = keep(q, record_text(t, "project")) };
        json_array_foreach (json_object_get(t, "scopes"), i, scope) q->who.token_rights |= project_scope_rights(json_string_value(scope));
        token_used(pp, q->who.token_id, t, now);
    } else {
        preq_set(q, "WWW-Authenticate", "Bearer");
        problem(q, 401, t ? "token-expired" : "token-unknown", t ? "this token has expired" : "this token is not known (any more)");
    }
    json_decref(t);
    return ok;
}

bool people_identify(struct people *pp, struct preq *q)
{
    struct call *c = q->call;
    struct str given = call_header(c, "authorization"), secret = cookie(c), actor = call_header(c, "x-weft-actor");
    if (given.n && str_ieq(str_first(given, 7), STR("Bearer "))) return by_token(pp, q, str_trim(str_skip(given, 7)));
    if (c->door == DOOR_SOCKET) {
        be_local(q);
        if (actor.n && (people_name_ok(actor) || str_eqc(actor, LOCAL))) q->who.user = q->who.display = actor;
        return true;
    }
    if (secret.n) by_session(pp, q, secret);
    if (q->who.known || !pp->p->cfg.single) return true;
    be_local(q);
    q->who.ambient = true;
    return true;
}

const char *people_csrf(struct people *pp, const struct preq *q)
{
    if (!q->who.ambient) return NULL;
    if (!q->who.session.n) return pp->csrf;
    json_t *s = record_get(pp->p, SESSION_KIND, q->who.session, NULL, NULL);
    const char *csrf = arena_printf(q->arena, "%s", record_text(s, "csrf"));
    json_decref(s);
    return csrf;
}

bool people_csrf_fits(struct people *pp, const struct preq *q)
{
    struct str given = call_header(q->call, "x-weft-csrf"), want = str_of(people_csrf(pp, q));
    return want.n && given.n == want.n && CRYPTO_memcmp(given.p, want.p, want.n) == 0;
}

/* ---- sessions ---- */

struct eldest {
    struct str user;
    char key[65];
    int64_t seen;
    size_t n;
};

static void find_eldest(void *arg, struct str key, json_t *s, const struct store_object *o)
{
    struct eldest *e = arg;
    (void)o;
    if (!str_eqc(e->user, record_text(s, "user"))) return;
    if (e->n++ && record_int(s, "seenMs") >= e->seen) return;
    e->seen = record_int(s, "seenMs");
    snprintf(e->key, sizeof e->key, "%.*s", STR_ARG(key));
}

void people_begin_session(struct people *pp, struct preq *q, struct batch *b, struct str user)
{
    char secret[65], hash[65], csrf[33];
    int64_t now = clock_wall_ms(), ttl = people_session_ttl(pp);
    record_secret(secret, 32);
    record_secret(csrf, 16);
    record_hash(str_of(secret), hash);
    struct eldest eldest = { .user = user };
    record_each(pp->p, SESSION_KIND, find_eldest, &eldest);
    if (eldest.n >= SESSIONS) batch_record_delete(b, SESSION_KIND, str_of(eldest.key), 0);
    record_put(b, SESSION_KIND, str_of(hash),
               json_pack("{s:s%, s:s, s:I, s:I}", "user", user.p, user.n, "csrf", csrf, "seenMs", (json_int_t)now, "untilMs",
                         (json_int_t)(now + ttl)),
               STORE_ABSENT);
    be_user(pp, q, user);
    q->who.ambient = true;
    q->who.session = keep(q, hash);
    preq_set(q, "Set-Cookie", arena_printf(q->arena, COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000", secret));
}

void people_clear_cookie(struct preq *q) { preq_set(q, "Set-Cookie", COOKIE "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"); }

struct ending {
    struct batch *b;
    struct str user, but;
    int64_t before;
};

static void end_one(void *arg, struct str name, json_t *s, const struct store_object *o)
{
    struct ending *e = arg;
    bool old = record_int(s, "untilMs") < e->before, of_user = e->user.n && str_eqc(e->user, record_text(s, "user"));
    (void)o;
    if ((old || of_user) && !str_eq(name, e->but)) batch_record_delete(e->b, SESSION_KIND, name, 0);
}

void people_end_sessions(struct people *pp, struct batch *b, struct str user, struct str but)
{
    struct ending e = { b, user, but, clock_wall_ms() };
    record_each(pp->p, SESSION_KIND, end_one, &e);
}

bool people_still(struct people *pp, const struct who *w)
{
    if (!w->session.n && !w->token_id.n) return true;
    json_t *r = record_get(pp->p, w->session.n ? SESSION_KIND : TOKEN_KIND, w->session.n ? w->session : w->token_id, NULL, NULL);
    int64_t until = record_int(r, "untilMs");
    bool good = r && (!until || until > clock_wall_ms());
    json_decref(r);
    return good;
}

void people_purge(struct people *pp)
{
    struct batch b = { 0 };
    struct err e = { 0 };
    people_end_sessions(pp, &b, (struct str){ 0 }, (struct str){ 0 });
    if (platform_commit(pp->p, &b, &e) < 0) log_warn("old sessions are not forgotten: %s", e.what);
    batch_free(&b);
}

/* ---- life ---- */

struct people *people_new(struct platform *p)
{
    struct people *pp = xcalloc(1, sizeof *pp);
    pp->p = p;
    record_secret(pp->csrf, 16);
    pp->passwords = passwords_new(platform_loop(p));
    people_purge(pp);
    return pp;
}

void people_free(struct people *pp)
{
    passwords_free(pp->passwords);
    limit_free(&pp->limit);
    free(pp);
}
