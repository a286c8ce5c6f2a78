/* Admission rules that several kinds share: names, labels, ports, durations; and which rules belong to which kind. */
#include "config/internal.h"

#include "config/labels.h"
#include "config/syntax.h"

#include "google.protobuf.pb-c.h"

static struct err_at place(struct check *c, const void *slot)
{
    struct err_at at = slot ? pb_where(c->pos, slot) : (struct err_at){ 0 };
    return at.line ? (struct err_at){ c->file, at.line, at.col } : c->here;
}

struct err_at check_enter(struct check *c, const void *slot)
{
    struct err_at old = c->here;
    c->here = place(c, slot);
    return old;
}

static struct err *put(struct check *c, struct errs *l, const void *slot, int code, const char *fmt, va_list ap)
{
    char text[320];
    vsnprintf(text, sizeof text, fmt, ap);
    return errs_add(l, place(c, slot), code, "%s", text);
}

struct err *check_error(struct check *c, const void *slot, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct err *e = put(c, c->errors, slot, -EINVAL, fmt, ap);
    va_end(ap);
    return e;
}

struct err *check_warn(struct check *c, const void *slot, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct err *e = put(c, c->warnings, slot, 0, fmt, ap);
    va_end(ap);
    return e;
}

void check_labels(struct check *c, const void *slot, void *entries, size_t n, const char *path)
{
    struct string_entry *const *e = STRING_ENTRIES(entries);
    for (size_t i = 0; i < n; i++) {
        const void *at = &e[i];
        if (!is_label_key(str_of(e[i]->key))) check_error(c, at, "%s: \"%.100s\" is no label key", path, e[i]->key);
        if (!is_label_value(str_of(e[i]->value)))
            err_hint(check_error(c, at, "%s[%.100s]: \"%.100s\" is no label value", path, e[i]->key, e[i]->value),
                     "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends");
    }
    (void)slot;
}

void check_port(struct check *c, const void *slot, int64_t port, const char *path)
{
    if (port < 1 || port > 65535) check_error(c, slot, "%s: %" PRId64 " is no port, expected 1 to 65535", path, port);
}

void check_duration(struct check *c, const void *slot, const Google__Protobuf__Duration *d, bool zero_ok, const char *path)
{
    char buf[48];
    if (!d || (zero_ok && d->seconds == 0 && d->nanos == 0)) return;
    pb_duration_text(d->seconds, d->nanos, buf, sizeof buf);
    if (d->seconds < 0 || d->nanos < 0)
        check_error(c, slot, "%s: %s is negative", path, buf);
    else if (d->seconds == 0 && d->nanos < 1000000)
        check_error(c, slot, "%s: %s is too short, 1ms is the least", path, buf);
    else if (d->nanos % 1000000)
        check_error(c, slot, "%s: %s is finer than a millisecond", path, buf);
}

/* Kinds whose names become DNS labels. */
static bool name_ok(const struct resource *r, const char **rule)
{
    struct str name = str_of(r->name);
    if (r->kind->id == KIND_SERVICE) {
        *rule = "a Service's name has at most 63 lower-case letters, digits and '-', and starts with a letter";
        return is_dns_label_1035(name);
    }
    if (r->kind->id == KIND_NAMESPACE) {
        *rule = "a Namespace's name has at most 63 lower-case letters, digits and '-'";
        return is_dns_label(name);
    }
    *rule = "names have at most 253 lower-case letters, digits, '-' and '.', with a letter or digit at both ends";
    return is_dns_subdomain(name);
}

void validate_meta(struct check *c)
{
    const char *rule;
    ObjectMeta *m = c->r->meta;
    struct err_at old = check_enter(c, (char *)c->r->msg + c->r->msg->descriptor->fields[0].offset);
    if (!m->name || !*m->name) {
        check_error(c, &m->name, "metadata.name is missing");
    } else if (!name_ok(c->r, &rule)) {
        err_hint(check_error(c, &m->name, "metadata.name: \"%.100s\" is no valid name", m->name), "%s", rule);
    }
    if (c->r->kind->namespaced) {
        if (!is_dns_label(str_of(m->namespace_)))
            check_error(c, &m->namespace_, "metadata.namespace: \"%.100s\" is no valid namespace", m->namespace_);
    } else if (m->namespace_ && *m->namespace_) {
        check_error(c, &m->namespace_, "metadata.namespace: a %s has no namespace", c->r->kind->kind);
    }
    check_labels(c, &m->labels, m->labels, m->n_labels, "metadata.labels");
    size_t bytes = 0;
    for (size_t i = 0; i < m->n_annotations; i++) {
        bytes += strlen(m->annotations[i]->key) + (m->annotations[i]->value ? strlen(m->annotations[i]->value) : 0);
        char lower[320];
        size_t n = 0;
        for (const char *p = m->annotations[i]->key; *p && n < sizeof lower - 1; p++)
            lower[n++] = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        if (!is_label_key(str_make(lower, n)))
            check_error(c, &m->annotations[i], "metadata.annotations: \"%.100s\" is no annotation key", m->annotations[i]->key);
    }
    if (bytes > 256 << 10) check_error(c, &m->annotations, "metadata.annotations: %zu bytes, at most 256 KiB are allowed", bytes);
    check_leave(c, old);
}

void validate_resource(struct check *c)
{
    static void (*const rules[KIND__N])(struct check *) = {
        [KIND_SERVICE] = validate_service,
        [KIND_POD] = validate_pod,
        [KIND_DEPLOYMENT] = validate_deployment,
        [KIND_SECRET] = validate_secret,
        [KIND_VIRTUAL_SERVICE] = validate_virtual_service,
        [KIND_DESTINATION_RULE] = validate_destination_rule,
        [KIND_GATEWAY] = validate_gateway,
        [KIND_SERVICE_ENTRY] = validate_service_entry,
        [KIND_TRAFFIC] = validate_traffic,
        [KIND_RELEASE] = validate_release,
        [KIND_PROJECT] = validate_project,
    };
    validate_meta(c);
    if (rules[c->r->kind->id]) rules[c->r->kind->id](c);
}
