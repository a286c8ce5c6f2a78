/* The audit log: one entry for each change, in the transaction of the change, each with the hash of the one before.
 *
 * An entry is one line of JSON: {"seq", "time", "actor", "via", "action", "target", "project", "reason", "requestId", "before", "after",
 * "evidence", "prev", "hash"}. hash is the SHA-256 of the line without `,"hash":"..."`; prev is the hash of the entry before, 64
 * zeros for the first. */
#ifndef WEFT_API_PLATFORM_AUDIT_H
#define WEFT_API_PLATFORM_AUDIT_H

#include "api/batch.h"
#include "api/platform/who.h"

#include <jansson.h>

struct platform;

#define AUDIT_LOG  "audit"
#define AUDIT_HASH 64 /* hex digits */

struct audit {
    struct str actor; /* "anna", "release-machine" */
    enum via via;
    const char *action; /* "project:create" */
    const char *target; /* "project checkout", "service reviews.default" */
    struct str project; /* n = 0: none */
    struct str reason, request_id;
    const json_t *before, *after, *evidence; /* borrowed; NULL: null */
};
/* Adds it to what is committed with platform_commit. */
void audit_add(struct batch *b, const struct audit *a);

/* In platform_commit: gives the entries of a batch their seq and hash. head: hash of the newest entry, AUDIT_HASH digits; it moves
 * on. first: seq of the first of them. */
void audit_chain(struct batch *b, uint64_t first, char head[AUDIT_HASH + 1]);
/* SHA-256 in hex. */
void audit_hash(struct str s, char out[AUDIT_HASH + 1]);
/* Checks one line against the one before it: 0, or -EBADMSG with what does not fit. head moves on. */
int audit_verify(struct str line, uint64_t seq, char head[AUDIT_HASH + 1], struct err *e);

#endif
