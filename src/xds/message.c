/* Reading and writing the envelopes. Field numbers: envoy/service/discovery/v3/discovery.proto. */
#include "xds/message.h"

#define WRAPPED_URL "type.googleapis.com/envoy.service.discovery.v3.Resource"

/* Numbers that differ between the framings, as a table instead of two readers. */
static const struct {
    uint32_t version, node, names, unsubscribe, held, type_url, nonce, error;
} request_fields[] = {
    [XDS_SOTW] = { .version = 1, .node = 2, .names = 3, .type_url = 4, .nonce = 5, .error = 6 },
    [XDS_DELTA] = { .node = 1, .type_url = 2, .names = 3, .unsubscribe = 4, .held = 5, .nonce = 6, .error = 7 },
};
enum { RESPONSE_VERSION = 1, RESPONSE_RESOURCES = 2, RESPONSE_TYPE_URL = 4, RESPONSE_NONCE = 5, RESPONSE_REMOVED = 6 };
enum { RESOURCE_VERSION = 1, RESOURCE_BODY = 2, RESOURCE_NAME = 3 };
enum { ANY_TYPE_URL = 1, ANY_VALUE = 2, STATUS_CODE = 1, STATUS_MESSAGE = 2, PAIR_KEY = 1, PAIR_VALUE = 2 };

static int bad_message(struct err *e) { return err_set(e, -EINVAL, "not a discovery message"); }

static int name_check(struct str name, size_t have, struct err *e)
{
    if (have >= XDS_NAMES_MAX) return err_set(e, -E2BIG, "more than %d resource names in one message", XDS_NAMES_MAX);
    if (name.n > XDS_NAME_MAX) return err_set(e, -E2BIG, "a resource name of %zu bytes; %d is the most", name.n, XDS_NAME_MAX);
    return 0;
}

static int read_status(struct xds_request *r, struct str msg, struct err *e)
{
    struct pb_field f;
    bool bad = false;
    r->has_error = true;
    while (pb_next(&msg, &f, &bad)) {
        if (f.number == STATUS_CODE && f.wire == PB_VARINT) r->error_code = (uint32_t)f.value;
        if (f.number == STATUS_MESSAGE && f.wire == PB_BYTES) r->error = f.bytes;
    }
    return bad ? bad_message(e) : 0;
}

static int read_held(struct xds_request *r, struct str msg, struct err *e)
{
    struct xds_held h = { 0 };
    struct pb_field f;
    bool bad = false;
    while (pb_next(&msg, &f, &bad)) {
        if (f.wire != PB_BYTES) continue;
        if (f.number == PAIR_KEY) h.name = f.bytes;
        if (f.number == PAIR_VALUE) h.version = f.bytes;
    }
    if (bad) return bad_message(e);
    int rc = name_check(h.name, r->held.n, e);
    if (rc == 0) vec_push(&r->held, h);
    return rc;
}

static int read_request_field(struct xds_request *r, enum xds_framing fr, const struct pb_field *f, struct err *e)
{
    __typeof__(&request_fields[0]) t = &request_fields[fr];
    if (f->wire != PB_BYTES) return 0; /* all of ours are; others are for a newer reader */
    if (f->number == t->node) {
        r->node = f->bytes;
        r->has_node = true;
    } else if (f->number == t->names) {
        int rc = name_check(f->bytes, r->names.n, e);
        if (rc) return rc;
        vec_push(&r->names, f->bytes);
    } else if (t->unsubscribe && f->number == t->unsubscribe) {
        int rc = name_check(f->bytes, r->unsubscribe.n, e);
        if (rc) return rc;
        vec_push(&r->unsubscribe, f->bytes);
    } else if (t->held && f->number == t->held) {
        return read_held(r, f->bytes, e);
    } else if (f->number == t->error) {
        return read_status(r, f->bytes, e);
    } else if (f->number == t->type_url) {
        r->type_url = f->bytes;
    } else if (f->number == t->nonce) {
        r->nonce = f->bytes;
    } else if (t->version && f->number == t->version) {
        r->version = f->bytes;
    }
    return 0;
}

int xds_request_read(struct xds_request *r, enum xds_framing fr, struct str msg, struct err *e)
{
    struct pb_field f;
    bool bad = false;
    *r = (struct xds_request){ 0 };
    while (pb_next(&msg, &f, &bad)) {
        int rc = read_request_field(r, fr, &f, e);
        if (rc) return rc;
    }
    return bad ? bad_message(e) : 0;
}

void xds_request_free(struct xds_request *r)
{
    vec_free(&r->names);
    vec_free(&r->unsubscribe);
    vec_free(&r->held);
}

static void put_some(struct buf *out, uint32_t number, struct str s)
{
    if (s.n) pb_put(out, number, s);
}

static void put_status(struct buf *out, uint32_t number, uint32_t code, struct str text)
{
    pb_put_head(out, number, 1 + pb_varint_size(code) + pb_size(STATUS_MESSAGE, text.n));
    pb_put_varint(out, STATUS_CODE << 3 | PB_VARINT);
    pb_put_varint(out, code);
    pb_put(out, STATUS_MESSAGE, text);
}

void xds_request_write(struct buf *out, enum xds_framing fr, const struct xds_request *r)
{
    __typeof__(&request_fields[0]) t = &request_fields[fr];
    if (r->has_node) pb_put(out, t->node, r->node);
    if (t->version) put_some(out, t->version, r->version);
    put_some(out, t->type_url, r->type_url);
    vec_foreach (n, &r->names) pb_put(out, t->names, *n);
    vec_foreach (n, &r->unsubscribe) pb_put(out, t->unsubscribe, *n);
    vec_foreach (h, &r->held) {
        pb_put_head(out, t->held, pb_size(PAIR_KEY, h->name.n) + pb_size(PAIR_VALUE, h->version.n));
        pb_put(out, PAIR_KEY, h->name);
        pb_put(out, PAIR_VALUE, h->version);
    }
    put_some(out, t->nonce, r->nonce);
    if (r->has_error) put_status(out, t->error, r->error_code, r->error);
}

static bool read_any(struct xds_entry *en, struct str msg)
{
    struct pb_field f;
    bool bad = false;
    en->bytes = STR("");
    while (pb_next(&msg, &f, &bad)) {
        if (f.wire != PB_BYTES) continue;
        if (f.number == ANY_TYPE_URL) en->type_url = f.bytes;
        if (f.number == ANY_VALUE) en->bytes = f.bytes;
    }
    return !bad;
}

static bool read_resource(struct xds_entry *en, struct str msg)
{
    struct pb_field f;
    bool bad = false;
    *en = (struct xds_entry){ 0 };
    while (pb_next(&msg, &f, &bad)) {
        if (f.wire != PB_BYTES) continue;
        if (f.number == RESOURCE_VERSION) en->version = f.bytes;
        if (f.number == RESOURCE_NAME) en->name = f.bytes;
        if (f.number == RESOURCE_BODY && !read_any(en, f.bytes)) return false;
    }
    return !bad;
}

static int read_entry(struct xds_response *r, enum xds_framing fr, struct str msg, struct err *e)
{
    struct xds_entry en = { 0 };
    if (r->resources.n >= XDS_NAMES_MAX) return err_set(e, -E2BIG, "more than %d resources in one answer", XDS_NAMES_MAX);
    if (fr == XDS_DELTA) {
        if (!read_resource(&en, msg)) return bad_message(e);
    } else {
        if (!read_any(&en, msg)) return bad_message(e);
        if (str_eqc(en.type_url, WRAPPED_URL) && !read_resource(&en, en.bytes)) return bad_message(e);
    }
    vec_push(&r->resources, en);
    return 0;
}

static int read_response_field(struct xds_response *r, enum xds_framing fr, const struct pb_field *f, struct err *e)
{
    if (f->wire != PB_BYTES) return 0;
    switch (f->number) {
    case RESPONSE_VERSION: r->version = f->bytes; return 0;
    case RESPONSE_TYPE_URL: r->type_url = f->bytes; return 0;
    case RESPONSE_NONCE: r->nonce = f->bytes; return 0;
    case RESPONSE_RESOURCES: return read_entry(r, fr, f->bytes, e);
    case RESPONSE_REMOVED: {
        if (fr != XDS_DELTA) return 0; /* the control plane's identifier */
        int rc = name_check(f->bytes, r->removed.n, e);
        if (rc == 0) vec_push(&r->removed, f->bytes);
        return rc;
    }
    default: return 0;
    }
}

int xds_response_read(struct xds_response *r, enum xds_framing fr, struct str msg, struct err *e)
{
    struct pb_field f;
    bool bad = false;
    *r = (struct xds_response){ 0 };
    while (pb_next(&msg, &f, &bad)) {
        int rc = read_response_field(r, fr, &f, e);
        if (rc) return rc;
    }
    return bad ? bad_message(e) : 0;
}

static size_t any_size(const struct xds_entry *en) { return pb_size(ANY_TYPE_URL, en->type_url.n) + pb_size(ANY_VALUE, en->bytes.n); }

static void put_any(struct buf *out, uint32_t number, const struct xds_entry *en)
{
    pb_put_head(out, number, any_size(en));
    pb_put(out, ANY_TYPE_URL, en->type_url);
    if (!en->parts) {
        pb_put(out, ANY_VALUE, en->bytes);
        return;
    }
    pb_put_head(out, ANY_VALUE, en->bytes.n);
    for (size_t i = 0; i < en->n_parts; i++) buf_str_append(out, en->parts[i]);
}

void xds_response_write(struct buf *out, enum xds_framing fr, const struct xds_response *r)
{
    put_some(out, RESPONSE_VERSION, r->version);
    vec_foreach (en, &r->resources) {
        if (fr == XDS_SOTW) {
            put_any(out, RESPONSE_RESOURCES, en);
            continue;
        }
        pb_put_head(out, RESPONSE_RESOURCES,
                    pb_size(RESOURCE_VERSION, en->version.n) + pb_size(RESOURCE_BODY, any_size(en)) + pb_size(RESOURCE_NAME, en->name.n));
        pb_put(out, RESOURCE_VERSION, en->version);
        put_any(out, RESOURCE_BODY, en);
        pb_put(out, RESOURCE_NAME, en->name);
    }
    put_some(out, RESPONSE_TYPE_URL, r->type_url);
    put_some(out, RESPONSE_NONCE, r->nonce);
    vec_foreach (n, &r->removed) pb_put(out, RESPONSE_REMOVED, *n);
}

void xds_response_free(struct xds_response *r)
{
    vec_free(&r->resources);
    vec_free(&r->removed);
}
