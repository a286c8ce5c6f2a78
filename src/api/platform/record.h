/* What the platform keeps for itself, as JSON objects in the store: users, sessions, tokens, settings. */
#ifndef WEFT_API_PLATFORM_RECORD_H
#define WEFT_API_PLATFORM_RECORD_H

#include "api/platform/platform.h"

#define USER_KIND     "~user"
#define SESSION_KIND  "~session"
#define TOKEN_KIND    "~token"
#define SETTINGS_KIND "~settings"

/* A new reference; NULL: not there. version and created_ms may be NULL. */
json_t *record_get(const struct platform *p, const char *kind, struct str name, uint64_t *version, int64_t *created_ms);
/* Takes over the reference. */
void record_put(struct batch *b, const char *kind, struct str name, json_t *value, uint64_t expect);
/* Calls fn for each of a kind, by name; value is borrowed. fn must not commit. */
void record_each(const struct platform *p, const char *kind,
                 void (*fn)(void *arg, struct str name, json_t *value, const struct store_object *o), void *arg);

/* Members of such objects; 0, false, "" when absent. */
const char *record_text(const json_t *o, const char *key);
int64_t record_int(const json_t *o, const char *key);
bool record_true(const json_t *o, const char *key);
/* "2026-11-25T12:00:00.000Z", or null for 0. */
json_t *record_time(int64_t ms);

/* Random bytes as hex digits; from the kernel. out: 2n + 1 bytes. */
void record_secret(char *out, size_t n);
/* SHA-256 as 64 hex digits. */
void record_hash(struct str s, char out[65]);

#endif
