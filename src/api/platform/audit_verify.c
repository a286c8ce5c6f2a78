/* The hash of an entry, and the check of a chain: by itself, so that the command line can check an export without the rest of weftd. */
#include "api/platform/audit.h"
#include "base/buf.h"

#include <openssl/sha.h>

void audit_hash(struct str s, char out[AUDIT_HASH + 1])
{
    unsigned char d[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)s.p, s.n, d);
    for (size_t i = 0; i < sizeof d; i++) snprintf(out + 2 * i, 3, "%02x", d[i]);
}

int audit_verify(struct str line, uint64_t seq, char head[AUDIT_HASH + 1], struct err *e)
{
    char want[48], got[AUDIT_HASH + 1], prev[AUDIT_HASH + 16];
    const size_t tail = sizeof ",\"hash\":\"\"}" - 1 + AUDIT_HASH, before = sizeof ",\"prev\":\"\"" - 1 + AUDIT_HASH;
    snprintf(want, sizeof want, "{\"seq\":%" PRIu64 ",", seq);
    if (!str_starts(line, str_of(want))) return err_set(e, -EBADMSG, "entry %" PRIu64 " is missing or out of order", seq);
    if (line.n < tail + before) return err_set(e, -EBADMSG, "entry %" PRIu64 " is cut off", seq);
    struct buf text = { 0 };
    struct str body = str_first(line, line.n - tail), hash = str_skip(line, line.n - AUDIT_HASH - 2);
    snprintf(prev, sizeof prev, ",\"prev\":\"%.*s\"", AUDIT_HASH, head);
    if (!str_ends(body, str_of(prev)))
        return err_set(e, -EBADMSG, "entry %" PRIu64 " does not follow the one before it: something was taken out or changed", seq);
    buf_str_append(&text, body);
    buf_puts(&text, "}");
    audit_hash(buf_str(&text), got);
    buf_free(&text);
    if (!str_eqc(str_first(hash, AUDIT_HASH), got))
        return err_set(e, -EBADMSG, "entry %" PRIu64 " was changed: its hash does not fit its text", seq);
    memcpy(head, got, AUDIT_HASH);
    return 0;
}
