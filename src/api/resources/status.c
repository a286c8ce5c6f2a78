/* Kubernetes' Status objects. Words: k8s.io/apimachinery/pkg/api/errors. */
#include "api/resources/status.h"
#include "api/object.h"
#include "pb/tree.h"

static const struct {
    int code;
    const char *reason;
} reasons[] = {
    { 400, "BadRequest" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "NotFound" },
    { 405, "MethodNotAllowed" },
    { 406, "NotAcceptable" },
    { 409, "Conflict" },
    { 410, "Expired" },
    { 413, "RequestEntityTooLarge" },
    { 415, "UnsupportedMediaType" },
    { 422, "Invalid" },
    { 500, "InternalError" },
    { 503, "ServiceUnavailable" },
};

static const char *reason_of(int code)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].code == code) return reasons[i].reason;
    }
    return "InternalError";
}

static void text_pair(struct buf *b, const char *key, struct str value)
{
    buf_printf(b, ",\"%s\":", key);
    tree_json_string(value, b);
}

/* causes: an array's text, or NULL. */
static void write_status(struct buf *b, int code, const char *reason, const struct kind *k, struct str name, const char *message,
                         struct str causes)
{
    buf_puts(b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"");
    text_pair(b, "message", str_of(message));
    text_pair(b, "reason", str_of(reason));
    buf_puts(b, ",\"details\":{");
    if (k) {
        buf_puts(b, "\"name\":");
        tree_json_string(name.p ? name : STR(""), b);
        if (k->group[0]) text_pair(b, "group", str_of(k->group));
        text_pair(b, "kind", str_of(k->plural));
    }
    if (causes.n) buf_printf(b, "%s\"causes\":[%.*s]", k ? "," : "", STR_ARG(causes));
    buf_printf(b, "},\"code\":%d}", code);
}

void status_text(struct buf *out, int code, const char *reason, const char *message)
{
    write_status(out, code, reason, NULL, (struct str){ 0 }, message, (struct str){ 0 });
}

static void answer(struct call *c, int code, const char *reason, const struct kind *k, struct str name, const char *message,
                   struct str causes)
{
    struct buf b = { 0 };
    write_status(&b, code, reason, k, name, message, causes);
    call_json(c, code, &b);
}

void status_refuse(struct call *c, int code, const struct kind *k, struct str name, const char *fmt, ...)
{
    char message[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    answer(c, code, reason_of(code), k, name, message, (struct str){ 0 });
}

void status_not_found(struct call *c, const struct kind *k, struct str name)
{
    status_refuse(c, 404, k, name, "%s \"%.*s\" not found", object_kind_name(k).p, STR_ARG(str_first(name, 300)));
}

void status_exists(struct call *c, const struct kind *k, struct str name)
{
    char message[700];
    snprintf(message, sizeof message, "%s \"%.*s\" already exists", object_kind_name(k).p, STR_ARG(str_first(name, 300)));
    answer(c, 409, "AlreadyExists", k, name, message, (struct str){ 0 });
}

void status_conflict(struct call *c, const struct kind *k, struct str name)
{
    status_refuse(
        c, 409, k, name,
        "Operation cannot be fulfilled on %s \"%.*s\": the object has been modified; please apply your changes to the latest version and try again",
        object_kind_name(k).p, STR_ARG(str_first(name, 300)));
}

void status_invalid(struct call *c, const struct kind *k, struct str name, const struct errs *errs)
{
    struct buf message = { 0 }, causes = { 0 };
    if (k) buf_printf(&message, "%s%s%s \"%.*s\" is invalid: ", k->kind, k->group[0] ? "." : "", k->group, STR_ARG(str_first(name, 300)));
    for (size_t i = 0; i < errs->n; i++) {
        const struct err *e = &errs->v[i];
        buf_printf(&message, "%s%s%s%s%s", i ? "; " : "", e->what, e->hint[0] ? " (" : "", e->hint, e->hint[0] ? ")" : "");
        buf_printf(&causes, "%s{\"reason\":\"FieldValueInvalid\"", i ? "," : "");
        text_pair(&causes, "message", str_of(e->what));
        buf_puts(&causes, "}");
    }
    if (errs->dropped) buf_printf(&message, "; and %zu more", errs->dropped);
    char *text = buf_steal(&message);
    answer(c, k ? 422 : 400, k ? "Invalid" : "BadRequest", k, name, text, buf_str(&causes));
    free(text);
    buf_free(&causes);
}

void status_method(struct call *c)
{
    status_refuse(c, 405, NULL, (struct str){ 0 }, "the server does not allow this method on the requested resource");
}

void status_unknown_path(struct call *c)
{
    status_refuse(c, 404, NULL, (struct str){ 0 }, "the server could not find the requested resource");
}

void status_commit(struct call *c, const struct kind *k, struct str name, int r, const struct err *e)
{
    switch (r) {
    case -EEXIST: status_exists(c, k, name); break;
    case -ESTALE: status_conflict(c, k, name); break;
    case -ENOENT: status_not_found(c, k, name); break;
    case -E2BIG: status_refuse(c, 413, k, name, "%s", e->what); break;
    case -EBUSY: status_refuse(c, 409, k, name, "%s%s%s", e->what, e->hint[0] ? "; " : "", e->hint); break;
    case -EINVAL:
    case -EPERM: status_refuse(c, 422, k, name, "%s%s%s", e->what, e->hint[0] ? "; " : "", e->hint); break;
    default: status_refuse(c, 500, k, name, "%s%s%s", e->what, e->hint[0] ? "; " : "", e->hint); break;
    }
}

void status_deleted(struct call *c, const struct kind *k, struct str name, const char *uid)
{
    struct buf b = { 0 };
    buf_puts(&b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Success\",\"details\":{\"name\":");
    tree_json_string(name, &b);
    if (k->group[0]) text_pair(&b, "group", str_of(k->group));
    text_pair(&b, "kind", str_of(k->plural));
    if (uid) text_pair(&b, "uid", str_of(uid));
    buf_puts(&b, "}}");
    call_json(c, 200, &b);
}
