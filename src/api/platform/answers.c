/* Answers by key, in the store. The key's record is written in the transaction of the change, so that a call which is repeated after a
 * crash is not carried out twice; the answer follows. */
#include "api/platform/answers.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#define KEEP_MS    (24 * 3600 * 1000LL)
#define ANSWER_MAX (256u << 10)
#define KEYS_MAX   20000

static struct str name_of(struct preq *q)
{
    struct buf b = { 0 };
    struct str part[] = { q->who.user, q->call->method, q->call->path, q->idempotency };
    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
        buf_str_append(&b, part[i]);
        buf_append(&b, "", 1);
    }
    char *name = arena_printf(q->arena, "%016" PRIx64 "%016" PRIx64, hash_str(buf_str(&b)), hash64_seed(buf_data(&b), b.len, 77));
    buf_free(&b);
    return str_of(name);
}

static json_t *begun(const struct preq *q)
{
    char hash[24];
    snprintf(hash, sizeof hash, "%016" PRIx64, hash_str(q->body_text));
    return json_pack("{s:I, s:s, s:i}", "at", (json_int_t)clock_wall_ms(), "body", hash, "status", 0);
}

bool answers_replay(struct preq *q)
{
    if (!q->idempotency.n) return false;
    struct store_object *o = store_get(controller_store(platform_controller(q->p)), STR(ANSWERS_KIND), STR(""), name_of(q));
    json_t *kept = o ? json_loadb(o->json.p, o->json.n, 0, NULL) : NULL, *now = begun(q);
    bool fresh = kept && clock_wall_ms() - json_integer_value(json_object_get(kept, "at")) < KEEP_MS, answered = fresh;
    int status = (int)json_integer_value(json_object_get(kept, "status"));
    if (fresh && !json_equal(json_object_get(kept, "body"), json_object_get(now, "body"))) {
        problem(q, 422, "idempotency-mismatch", "this Idempotency-Key was used with another body; take a new one");
    } else if (fresh && status == 0) {
        problem(q, 409, "answer-lost", "the call with this Idempotency-Key was carried out, but its answer was lost; read what is there");
    } else if (fresh) {
        const char *type = json_string_value(json_object_get(kept, "type")), *body = json_string_value(json_object_get(kept, "text"));
        preq_set(q, "Idempotency-Replayed", "true");
        call_respond(q->call, status, type, str_of(body));
    }
    json_decref(kept);
    json_decref(now);
    return answered;
}

void answers_begin(struct preq *q, struct batch *b)
{
    if (!q->idempotency.n) return;
    json_t *o = begun(q);
    char *text = json_dumps(o, JSON_COMPACT);
    batch_record_put(b, ANSWERS_KIND, name_of(q), str_of(text), 0);
    free(text);
    json_decref(o);
}

void answers_keep(struct preq *q, int status, const char *type, struct str body)
{
    if (!q->idempotency.n || !q->committed || body.n > ANSWER_MAX) return;
    struct batch b = { 0 };
    struct err e = { 0 };
    json_t *o = begun(q);
    q->committed = false;
    json_object_set_new(o, "status", json_integer(status));
    if (type) json_object_set_new(o, "type", json_string(type));
    json_object_set_new(o, "text", json_stringn(body.p, body.n));
    char *text = json_dumps(o, JSON_COMPACT);
    batch_record_put(&b, ANSWERS_KIND, name_of(q), str_of(text), 0);
    if (platform_commit(q->p, &b, &e) < 0) log_warn("an answer is not kept for its Idempotency-Key: %s", e.what);
    batch_free(&b);
    free(text);
    json_decref(o);
}

struct purge {
    struct batch b;
    int64_t before;
    size_t n;
};

static void old(void *arg, struct store_object *o)
{
    struct purge *p = arg;
    if (o->created_ms < p->before || ++p->n > KEYS_MAX) batch_record_delete(&p->b, ANSWERS_KIND, o->name, 0);
}

void answers_purge(struct platform *p, int64_t now_ms)
{
    struct purge old_ones = { .before = now_ms - KEEP_MS };
    struct err e = { 0 };
    store_list(controller_store(platform_controller(p)), STR(ANSWERS_KIND), (struct str){ 0 }, old, &old_ones);
    if (platform_commit(p, &old_ones.b, &e) < 0) log_warn("old answers are not forgotten: %s", e.what);
    batch_free(&old_ones.b);
}
