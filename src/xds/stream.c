/* One ADS stream of the server: what requests mean (subscription, ACK, NACK) in both framings.
 * The rules are those of dataplane.md section 3 and Envoy's xds_protocol page. */
#include "xds/stream.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

enum { GRPC_INVALID_ARGUMENT = 3, GRPC_RESOURCE_EXHAUSTED = 8, GRPC_INTERNAL = 13, GRPC_UNAUTHENTICATED = 16 };
enum { NODE_ID_MAX = 1024, NACK_TEXT_MAX = 2048 };
static char present; /* the value of map entries that are only keys */

struct xds_stream *xds_stream_new(struct xds_server *sv, enum xds_framing f, void *peer, uint64_t now_ms)
{
    if (sv->n_streams >= sv->limits.streams) return NULL;
    struct xds_stream *s = xcalloc(1, sizeof *s);
    *s = (struct xds_stream){
        .sv = sv, .framing = f, .peer = peer, .since_wall_ms = clock_wall_ms(), .tokens = sv->limits.burst, .tokens_ms = now_ms
    };
    list_append(&sv->streams, &s->link);
    sv->n_streams++;
    return s;
}

static void count_node(struct xds_stream *s, int by);

void xds_stream_free(struct xds_stream *s)
{
    if (!s) return;
    list_del(&s->link);
    list_del(&s->stale);
    s->sv->n_streams--;
    waits_answered(s, XDS__N, false);
    for (int t = 0; t < XDS__N; t++) sub_free(&s->sub[t]);
    map_free(&s->await, NULL);
    if (s->named && s->sv->ops.gone) s->sv->ops.gone(s->sv->ctx, s->user);
    if (s->named) count_node(s, -1);
    free(s->node);
    free(s->user_agent);
    free(s);
}

struct str xds_stream_node(const struct xds_stream *s) { return str_of(s->node); }
void *xds_stream_user(const struct xds_stream *s) { return s->user; }

void stream_wake(struct xds_stream *s)
{
    if (s->sv->ops.wake) s->sv->ops.wake(s->sv->ctx, s->peer);
}

/* --- what differs --- */

/* A warming cluster waits for its endpoints: they are sent again even if the client has them. */
static void answer_warming(struct xds_stream *s)
{
    struct xds_sub *u = &s->sub[XDS_ENDPOINT];
    map_foreach (e, &s->await)
        if ((uintptr_t)e->value == 1 && sub_wants(u, map_key(e)) && xds_set_get(u->want, map_key(e)))
            map_put(&u->answer, map_key(e), &present);
}

bool sub_diff(struct xds_stream *s, enum xds_type t)
{
    struct xds_sub *u = &s->sub[t];
    u->n_add = u->n_gone = u->n_refused = 0;
    if (!u->used || !u->want) return false;
    sub_count(u, s->framing == XDS_SOTW && !xds_types[t].complete); /* that has no way to say that something is gone */
    if (t == XDS_ENDPOINT) answer_warming(s);
    sub_settle(u);
    return u->n_add || u->n_gone;
}

bool sub_refresh(struct xds_stream *s, enum xds_type t)
{
    struct xds_sub *u = &s->sub[t];
    if (!u->used) return false;
    struct xds_interest want = { .wildcard = u->wildcard,
                                 .names = u->names ? &u->names->by_name : NULL,
                                 .id = u->names ? u->names->sum : 0 };
    struct xds_set *set = s->sv->ops.generate(s->sv->ctx, s->user, s, t, &want);
    if (set) {
        xds_set_free(u->want);
        u->want = set;
    }
    return sub_diff(s, t);
}

/* Clusters whose endpoints do not exist in the world stay cold, and are not waited for while that is so. */
static bool warming(const struct xds_stream *s)
{
    const struct xds_sub *eds = &s->sub[XDS_ENDPOINT];
    map_foreach (e, &s->await)
        if (!eds->used || xds_set_get(eds->want, map_key(e))) return true;
    return false;
}

bool clusters_settled(const struct xds_stream *s)
{
    const struct xds_sub *u = &s->sub[XDS_CLUSTER];
    return !u->used || (!u->reply && u->n_add == 0 && !u->pending && !warming(s));
}

bool routes_settled(const struct xds_stream *s)
{
    for (int t = XDS_LISTENER; t <= XDS_ROUTE; t++) {
        const struct xds_sub *u = &s->sub[t];
        if (u->used && (u->reply || u->n_add || u->pending || u->nacked || u->n_refused)) return false;
        if (!u->used && s->resumed) return false; /* it held clusters before: its routes will be asked for in a moment */
    }
    return true;
}

bool stream_quiet(const struct xds_stream *s)
{
    for (int t = 0; t < XDS__N; t++) {
        const struct xds_sub *u = &s->sub[t];
        if (u->used && (u->reply || u->answer.n || u->n_add || u->n_gone || u->pending)) return false;
    }
    return true;
}

/* --- subscriptions --- */

/* The cluster goes: nobody waits for its endpoints. (That they are not asked for any more is no reason: the client may
 * be about to ask again, for the cluster that it was just sent.) */
void await_forget(struct xds_stream *s, const struct xds_have *cluster)
{
    struct str eds = cluster && cluster->blob ? xds_cluster_eds_name(xds_blob_str(cluster->blob)) : STR("");
    if (eds.n) map_remove(&s->await, eds);
}

/* A name is asked for no more: what the client had of it is forgotten, so that asking again is answered again. The caller takes it out
 * of u->names afterwards. */
static void sub_drop(struct xds_stream *s, enum xds_type t, struct str name)
{
    struct xds_sub *u = &s->sub[t];
    struct xds_have have;
    if (!xds_names_has(u->names, name)) return; /* phantom: ignored */
    if (t == XDS_CLUSTER && sub_have(u, name, &have)) await_forget(s, &have);
    map_remove(&u->answer, name);
    if (!u->wildcard)
        sub_forget(u, name);
    else if (s->framing == XDS_DELTA)
        map_put(&u->answer, name, &present); /* does the wildcard cover it? */
}

static void names_change(struct xds_stream *s, struct xds_sub *u, const struct str *add, size_t n_add, const struct str *del, size_t n_del)
{
    for (size_t i = 0; i < n_add; i++) sub_will_want(u, add[i]);
    u->names = xds_names_with(&s->sv->names, u->names, add, n_add, del, n_del);
}

static void sub_leave_wildcard(struct xds_sub *u)
{
    sub_expand(u);
    u->wildcard = false;
    map_foreach (e, &u->sent)
        if (!xds_names_has(u->names, map_key(e))) sub_forget(u, map_key(e));
    if (u->names)
        map_foreach (e, &u->names->by_name) map_put(&u->answer, map_key(e), &present);
}

static void sub_enter_wildcard(struct xds_sub *u)
{
    sub_expand(u);
    u->wildcard = u->reply = true;
}

/* True when the list differs from what was known. */
static bool subscribe_sotw(struct xds_stream *s, enum xds_type t, const struct xds_request *r)
{
    struct xds_sub *u = &s->sub[t];
    VEC(struct str) add = { 0 }, del = { 0 };
    bool star = false, changed = false;
    vec_foreach (n, &r->names) {
        if (str_eq(*n, STR("*")))
            star = true;
        else
            vec_push(&add, *n);
    }
    if (r->names.n)
        u->named = true;
    else if (!u->named && xds_types[t].complete)
        star = true;
    if (!xds_names_are(u->names, add.v, add.n)) {
        struct map now = { 0 };
        changed = true;
        vec_foreach (n, &add) map_put(&now, *n, &present);
        if (u->names)
            map_foreach (e, &u->names->by_name)
                if (!map_get(&now, map_key(e))) {
                    sub_drop(s, t, map_key(e));
                    vec_push(&del, map_key(e));
                }
        names_change(s, u, add.v, add.n, del.v, del.n);
        map_free(&now, NULL);
    }
    vec_free(&add);
    vec_free(&del);
    if (star && !u->wildcard) {
        sub_enter_wildcard(u);
        changed = true;
    }
    if (!star && u->wildcard) {
        sub_leave_wildcard(u);
        map_free(&u->answer, NULL);
        changed = true;
    }
    return changed;
}

/* The answer of this nonce was taken, and now the same list comes once more: the client lost something and wants it again. */
static void repeat_sotw(struct xds_stream *s, struct xds_sub *u)
{
    if (u->repeated || u->nacked || u->pending) return;
    u->repeated = true;
    struct xds_have have;
    if (u->names)
        map_foreach (e, &u->names->by_name)
            if (sub_have(u, map_key(e), &have)) map_put(&u->answer, map_key(e), &present);
}

static void hold_initial(struct xds_stream *s, struct xds_sub *u, const struct xds_request *r)
{
    s->resumed |= r->held.n > 0;
    vec_foreach (h, &r->held) {
        char text[17] = "", *end = text;
        uint64_t hash = 0;
        if (h->version.n < sizeof text) {
            memcpy(text, h->version.p, h->version.n);
            hash = strtoull(text, &end, 16);
        }
        if (*end || end == text) hash = 0; /* not a version of ours: differs from everything */
        sub_put(u, h->name, NULL, hash, 0);
    }
}

static bool subscribe_delta(struct xds_stream *s, enum xds_type t, const struct xds_request *r, bool first)
{
    struct xds_sub *u = &s->sub[t];
    VEC(struct str) add = { 0 };
    bool leave = false;
    if (first) hold_initial(s, u, r);
    if (first && r->names.n == 0 && xds_types[t].complete) sub_enter_wildcard(u);
    vec_foreach (n, &r->unsubscribe) {
        if (!str_eq(*n, STR("*")))
            sub_drop(s, t, *n);
        else if (u->wildcard)
            leave = true;
    }
    names_change(s, u, NULL, 0, r->unsubscribe.v, r->unsubscribe.n);
    if (leave) sub_leave_wildcard(u);
    vec_foreach (n, &r->names) {
        if (str_eq(*n, STR("*"))) {
            if (!u->wildcard) sub_enter_wildcard(u);
            continue;
        }
        vec_push(&add, *n);
    }
    names_change(s, u, add.v, add.n, NULL, 0);
    vec_free(&add);
    if (first && !u->wildcard)
        map_foreach (e, &u->sent) /* held but not asked for: nobody's */
            if (!xds_names_has(u->names, map_key(e))) sub_forget(u, map_key(e));
    return first || r->names.n || r->unsubscribe.n;
}

/* Asked for again is answered again; what a reconnecting client holds at this version is not. What it does not have yet goes to it anyway,
 * if it exists: only what does not must be answered on its own. */
static void answer_asked(struct xds_sub *u, const struct xds_request *r, bool first)
{
    vec_foreach (n, &r->names) {
        struct xds_have have;
        if (str_eq(*n, STR("*"))) continue;
        if (sub_have(u, *n, &have) ? !first : !xds_set_get(u->want, *n)) map_put(&u->answer, *n, &present);
    }
}

/* --- ACK and NACK --- */

static uint64_t nonce_of(struct str nonce)
{
    uint64_t n = 0;
    return str_u64(nonce, &n) ? n : UINT64_MAX;
}

static void await_answered(struct xds_stream *s, uint64_t nonce)
{
    map_foreach (e, &s->await)
        if ((uintptr_t)e->value == 1 + nonce) map_remove(&s->await, map_key(e));
    if (!s->await.n) map_free(&s->await, NULL); /* its memory too: there are many streams */
}

/* A peer's text for logs and people: one line of plain characters. */
static char *plain_text(struct str text)
{
    char *t = str_dup(str_first(text, NACK_TEXT_MAX));
    for (char *c = t; *c; c++)
        if (*c < ' ' || *c > '~') *c = *c == '\n' || *c == '\t' ? ' ' : '?';
    return t;
}

/* Which resources of an answer were refused is only in the text: all of them count until they are sent again. */
static void mark_refused(struct xds_sub *u)
{
    bool all = u->base_nonce && u->base_nonce == u->nonce;
    if (all) sub_expand(u);
    map_foreach (e, &u->sent) {
        struct xds_sent *have = e->value;
        if (all || have->nonce == u->nonce) have->refused = true;
    }
}

static void answered(struct xds_stream *s, enum xds_type t, const struct xds_request *r)
{
    struct xds_sub *u = &s->sub[t];
    u->pending = u->repeated = false;
    u->nacked = r->has_error;
    if (t == XDS_ENDPOINT) await_answered(s, u->nonce);
    if (r->has_error) {
        s->sv->counts.nacks[t]++;
        mark_refused(u);
        free(u->nack);
        u->nack = plain_text(r->error);
        log_warn("%s refused %s: %s", s->node, xds_types[t].name, u->nack);
    } else {
        u->base_nonce = 0;
        s->sv->counts.acks[t]++;
        u->acked = true;
        u->acked_version = u->version;
        u->acked_wall_ms = clock_wall_ms();
    }
}

/* --- a request --- */

static bool printable(struct str s, char lowest)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < lowest || s.p[i] > '~') return false;
    return true;
}

/* One pod may not take all streams for itself; several gRPC processes in one pod are fine. */
static int streams_of_node(const struct xds_stream *s, struct str id, struct err *e)
{
    size_t n = (size_t)(uintptr_t)map_get(&s->sv->nodes, id);
    return n < s->sv->limits.per_node ? 0 : err_set(e, -E2BIG, "this node has %zu streams already", n);
}

static void count_node(struct xds_stream *s, int by)
{
    struct str id = str_of(s->node);
    size_t n = (size_t)(uintptr_t)map_get(&s->sv->nodes, id) + (size_t)(ssize_t)by;
    if (n)
        map_put(&s->sv->nodes, id, (void *)(uintptr_t)n);
    else
        map_remove(&s->sv->nodes, id);
}

static int stream_first(struct xds_stream *s, const struct xds_request *r, struct err *e)
{
    enum { NODE_ID = 1, NODE_USER_AGENT = 6 };
    struct str id = { 0 }, agent = { 0 };
    if (!r->has_node || !pb_find(r->node, NODE_ID, &id) || id.n == 0) return err_set(e, -EINVAL, "the first request names no node id");
    if (id.n > NODE_ID_MAX || !printable(id, '!'))
        return err_set(e, -EINVAL, "the node id is no plain text of at most %d bytes", NODE_ID_MAX);
    int rc = streams_of_node(s, id, e);
    if (rc == 0) rc = s->sv->ops.authorise(s->sv->ctx, r->node, s->peer, &s->user, e);
    if (rc) return rc;
    s->named = true;
    s->node = str_dup(id);
    count_node(s, 1);
    if (!pb_find(r->node, NODE_USER_AGENT, &agent) || agent.n > 128 || !printable(agent, ' ')) agent = STR("");
    s->user_agent = str_dup(agent);
    log_info("%s: %s stream opened by %s", s->node, s->framing == XDS_DELTA ? "delta" : "state-of-the-world",
             agent.n ? s->user_agent : "unknown");
    return 0;
}

/* What a request costs the server, in tokens: answers to what it sent are free (it sets their pace itself), the rest is
 * one request and what its names and bytes are worth of work. */
static double request_cost(const struct xds_stream *s, const struct xds_request *r, size_t bytes)
{
    enum xds_type t = xds_type_of(r->type_url);
    bool answer = t != XDS__N && s->sub[t].pending && nonce_of(r->nonce) == s->sub[t].nonce;
    size_t names = r->names.n + r->unsubscribe.n + r->held.n;
    return (answer ? 0 : 1) + (double)names / 100 + (double)bytes / (64 << 10);
}

static int take_tokens(struct xds_stream *s, double cost, uint64_t now_ms, struct err *e)
{
    const struct xds_server_limits *l = &s->sv->limits;
    s->tokens = MIN((double)l->burst, s->tokens + (double)(now_ms - MIN(now_ms, s->tokens_ms)) * l->per_s / 1000);
    s->tokens_ms = now_ms;
    /* one request that is dearer than the whole bucket passes when the bucket is full: a large mesh has long lists */
    if (s->tokens < MIN(cost, (double)l->burst))
        return err_set(e, -E2BIG, "requests come faster than %u per second, or name too much", l->per_s);
    s->tokens -= MIN(cost, (double)l->burst);
    return 0;
}

/* A delta stream could name more and more without ever being too large in one request. */
static int names_bounded(const struct xds_sub *u, struct err *e)
{
    if (xds_names_count(u->names) <= XDS_NAMES_MAX && u->answer.n <= 2 * XDS_NAMES_MAX) return 0;
    return err_set(e, -E2BIG, "more than %d resource names on one stream", XDS_NAMES_MAX);
}

static bool take_subscription(struct xds_stream *s, enum xds_type t, const struct xds_request *r, bool first, bool stale, bool answer)
{
    struct xds_sub *u = &s->sub[t];
    if (s->framing == XDS_DELTA) return subscribe_delta(s, t, r, first);
    if (stale) return false; /* it speaks of an older answer; the newer one will be answered too */
    bool changed = subscribe_sotw(s, t, r);
    if (!changed && !answer && !first && !r->has_error) repeat_sotw(s, u);
    return changed;
}

static int stream_request(struct xds_stream *s, enum xds_type t, const struct xds_request *r, struct err *e)
{
    struct xds_sub *u = &s->sub[t];
    bool first = !u->used, spontaneous = r->nonce.n == 0;
    bool stale = !first && (spontaneous ? u->nonce != 0 : nonce_of(r->nonce) != u->nonce);
    bool answer = !first && !spontaneous && !stale && u->pending;
    u->used = true;
    if (answer) answered(s, t, r);
    bool changed = take_subscription(s, t, r, first, stale, answer);
    int rc = names_bounded(u, e);
    if (rc) return rc;
    if (changed && t == XDS_LISTENER && !u->wildcard) /* a proxyless client: all else follows from the listeners it names */
        for (int i = 0; i < XDS__N; i++) sub_refresh(s, (enum xds_type)i);
    else if (changed)
        sub_refresh(s, t);
    else
        sub_diff(s, t);
    if (s->framing == XDS_DELTA) answer_asked(u, r, first);
    waits_answered(s, t, answer && u->nacked);
    stream_wake(s);
    return 0;
}

static int grpc_code(int rc)
{
    return rc == -EACCES   ? GRPC_UNAUTHENTICATED
           : rc == -EINVAL ? GRPC_INVALID_ARGUMENT
           : rc == -E2BIG  ? GRPC_RESOURCE_EXHAUSTED
                           : GRPC_INTERNAL;
}

int xds_stream_recv(struct xds_stream *s, struct str msg, uint64_t now_ms, int *ret_grpc, struct err *e)
{
    struct xds_request r = { 0 };
    s->sv->now_ms = now_ms;
    int rc = msg.n > XDS_MESSAGE_MAX ? err_set(e, -E2BIG, "a request of %zu bytes; %u is the most", msg.n, XDS_MESSAGE_MAX) : 0;
    if (rc == 0) rc = xds_request_read(&r, s->framing, msg, e);
    if (rc == 0) rc = take_tokens(s, request_cost(s, &r, msg.n), now_ms, e);
    if (rc == 0 && !s->named) rc = stream_first(s, &r, e);
    stream_update(s);
    if (rc == 0) {
        enum xds_type t = xds_type_of(r.type_url);
        if (t != XDS__N)
            rc = stream_request(s, t, &r, e);
        else
            log_debug("%s asks for %.*s, which is not served", s->node, (int)MIN(r.type_url.n, (size_t)200), r.type_url.p);
    }
    if (rc) *ret_grpc = grpc_code(rc);
    xds_request_free(&r);
    return rc;
}
