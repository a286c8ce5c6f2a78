#include "api/platform/record.h"
#include "base/log.h"
#include "pb/pb.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

static json_t *read_object(const struct store_object *o)
{
    json_t *j = json_loadb(o->json.p, o->json.n, 0, NULL);
    if (!j) log_error("a record in the store cannot be read: %.*s %.16s", STR_ARG(o->kind), o->name.p);
    return j;
}

json_t *record_get(const struct platform *p, const char *kind, struct str name, uint64_t *version, int64_t *created_ms)
{
    const struct store_object *o = name.n ? store_get(controller_store(platform_controller(p)), str_of(kind), STR(""), name) : NULL;
    if (!o) return NULL;
    if (version) *version = o->version;
    if (created_ms) *created_ms = o->created_ms;
    return read_object(o);
}

void record_put(struct batch *b, const char *kind, struct str name, json_t *value, uint64_t expect)
{
    char *text = json_dumps(value, JSON_COMPACT);
    batch_record_put(b, kind, name, str_of(text), expect);
    free(text);
    json_decref(value);
}

struct each {
    void (*fn)(void *arg, struct str name, json_t *value, const struct store_object *o);
    void *arg;
};

static void one(void *arg, struct store_object *o)
{
    struct each *e = arg;
    json_t *j = read_object(o);
    if (j) e->fn(e->arg, o->name, j, o);
    json_decref(j);
}

void record_each(const struct platform *p, const char *kind,
                 void (*fn)(void *arg, struct str name, json_t *value, const struct store_object *o), void *arg)
{
    struct each e = { fn, arg };
    store_list(controller_store(platform_controller(p)), str_of(kind), STR(""), one, &e);
}

const char *record_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

int64_t record_int(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }
bool record_true(const json_t *o, const char *key) { return json_is_true(json_object_get(o, key)); }

json_t *record_time(int64_t ms)
{
    char text[40];
    if (ms <= 0) return json_null();
    pb_time_text(ms / 1000, (int32_t)(ms % 1000) * 1000000, text, sizeof text);
    return json_string(text);
}

void record_secret(char *out, size_t n)
{
    unsigned char b[64];
    must(n <= sizeof b && RAND_bytes(b, (int)n) == 1);
    for (size_t i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", b[i]);
}

void record_hash(struct str s, char out[65])
{
    unsigned char d[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)s.p, s.n, d);
    for (size_t i = 0; i < sizeof d; i++) snprintf(out + 2 * i, 3, "%02x", d[i]);
}
