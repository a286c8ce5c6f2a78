/* Access logs: sinks, formats and filters. */
#include "proxy/build.h"

#include "envoy.extensions.access_loggers.file.v3.pb-c.h"
#include "envoy.extensions.access_loggers.stream.v3.pb-c.h"

typedef Envoy__Config__Accesslog__V3__AccessLog AccessLog;
typedef Envoy__Config__Accesslog__V3__AccessLogFilter Filter;
typedef Envoy__Config__Accesslog__V3__ComparisonFilter Comparison;
typedef Envoy__Config__Core__V3__SubstitutionFormatString FormatString;
typedef Envoy__Extensions__AccessLoggers__File__V3__FileAccessLog FileLog;
typedef Envoy__Extensions__AccessLoggers__Stream__V3__StdoutAccessLog StreamLog; /* Stderr's has the same fields */

static int filter_build(struct log_filter *f, const Filter *m, int depth, struct build *b, struct err *e);

static void compare(struct log_filter *f, enum log_filter_kind kind, const Comparison *c)
{
    f->kind = kind;
    f->op = c ? (enum log_compare)c->op : LOG_EQ;
    f->value = c && c->value ? c->value->default_value : 0;
}

static int subs(struct log_filter *f, enum log_filter_kind kind, Filter *const *m, size_t n, int depth, struct build *b, struct err *e)
{
    f->kind = kind;
    f->n_sub = n;
    f->sub = arena_array(build_arena(b), struct log_filter, n + 1);
    for (size_t i = 0; i < n; i++)
        if (filter_build(&f->sub[i], m[i], depth + 1, b, e)) return -EINVAL;
    return 0;
}

static int filter_build(struct log_filter *f, const Filter *m, int depth, struct build *b, struct err *e)
{
    if (depth > 16) return err_set(e, -EINVAL, "access log filters nested more than 16 levels");
    switch (m->filter_specifier_case) {
    case ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_STATUS_CODE_FILTER:
        compare(f, LOGF_STATUS, m->status_code_filter->comparison);
        return 0;
    case ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_DURATION_FILTER:
        compare(f, LOGF_DURATION, m->duration_filter->comparison);
        return 0;
    case ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_NOT_HEALTH_CHECK_FILTER:
        f->kind = LOGF_NOT_HEALTH_CHECK;
        return 0;
    case ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_RUNTIME_FILTER:
        f->kind = LOGF_RUNTIME;
        f->fraction = fraction_of(m->runtime_filter->percent_sampled, (struct fraction){ 0, 100 });
        return 0;
    case ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_AND_FILTER:
        return subs(f, LOGF_AND, m->and_filter->filters, m->and_filter->n_filters, depth, b, e);
    case ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_OR_FILTER:
        return subs(f, LOGF_OR, m->or_filter->filters, m->or_filter->n_filters, depth, b, e);
    case ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_HEADER_FILTER:
        f->kind = LOGF_HEADER;
        if (!m->header_filter->header) return err_set(e, -EINVAL, "header_filter without a header");
        return header_match_compile(&f->header, m->header_filter->header, &b->rb, e);
    case ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_RESPONSE_FLAG_FILTER:
        f->kind = LOGF_FLAGS;
        f->flags = str_copies(m->response_flag_filter->flags, f->n_flags = m->response_flag_filter->n_flags, build_arena(b));
        return 0;
    case ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_GRPC_STATUS_FILTER:
        f->kind = LOGF_GRPC;
        f->exclude = m->grpc_status_filter->exclude;
        for (size_t i = 0; i < m->grpc_status_filter->n_statuses; i++)
            f->grpc_statuses |= 1u << ((unsigned)m->grpc_status_filter->statuses[i] & 31);
        return 0;
    default: return err_set(e, -EINVAL, "a kind of access log filter that is not supported");
    }
}

static const struct format *format_string(const FormatString *m, struct build *b, struct err *e)
{
    if (!m) return format_compile(str_of(format_default_log), build_arena(b), e);
    struct format *f = NULL;
    struct str text;
    if (m->n_formatters) return err_set(e, -EINVAL, "formatters are not supported"), NULL;
    switch (m->format_case) {
    case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT:
        f = format_compile(str_of(m->text_format), build_arena(b), e);
        break;
    case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT:
        f = format_compile_json(m->json_format, build_arena(b), e);
        break;
    case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT_SOURCE:
        if (data_source_build(&text, m->text_format_source, "text_format_source", b, e) == 0) f = format_compile(text, build_arena(b), e);
        break;
    default: err_set(e, -EINVAL, "a kind of log_format that is not supported");
    }
    if (f) f->omit_empty = m->omit_empty_values;
    return f;
}

static const struct format *file_format(const FileLog *m, struct build *b, struct err *e)
{
    switch (m->access_log_format_case) {
    case ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT_FORMAT:
        return *m->format ? format_compile(str_of(m->format), build_arena(b), e) : format_string(NULL, b, e);
    case ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT_JSON_FORMAT:
    case ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT_TYPED_JSON_FORMAT:
        return format_compile_json(m->json_format, build_arena(b), e);
    case ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT_LOG_FORMAT:
        return format_string(m->log_format, b, e);
    default: return format_string(NULL, b, e);
    }
}

static int sink(struct access_log *l, const Google__Protobuf__Any *any, struct build *b, struct err *e)
{
    const ProtobufCMessageDescriptor *file = &envoy__extensions__access_loggers__file__v3__file_access_log__descriptor;
    const ProtobufCMessageDescriptor *out = &envoy__extensions__access_loggers__stream__v3__stdout_access_log__descriptor;
    const ProtobufCMessageDescriptor *error = &envoy__extensions__access_loggers__stream__v3__stderr_access_log__descriptor;
    if (any && xdsmsg_is(any->type_url, file)) {
        const FileLog *m = (const void *)build_any(b, any, file, e);
        if (!m) return -EINVAL;
        l->path = build_str(b, m->path);
        if (!l->path.n) return err_set(e, -EINVAL, "path is missing");
        l->sink = str_eq(l->path, STR("/dev/stdout")) ? LOG_STDOUT : str_eq(l->path, STR("/dev/stderr")) ? LOG_STDERR : LOG_FILE;
        l->format = file_format(m, b, e);
    } else if (any && (xdsmsg_is(any->type_url, out) || xdsmsg_is(any->type_url, error))) {
        bool is_out = xdsmsg_is(any->type_url, out);
        const StreamLog *m = (const void *)build_any(b, any, is_out ? out : error, e);
        if (!m) return -EINVAL;
        l->sink = is_out ? LOG_STDOUT : LOG_STDERR;
        l->format = format_string(m->access_log_format_case ? m->log_format : NULL, b, e);
    } else {
        return err_set(e, -EINVAL, "%s is not supported", any ? any->type_url : "an access logger without typed_config");
    }
    return l->format ? 0 : -EINVAL;
}

int access_logs_build(struct access_log **ret, size_t *n, AccessLog *const *m, size_t n_m, struct build *b, struct err *e)
{
    *n = n_m;
    *ret = arena_array(build_arena(b), struct access_log, n_m + 1);
    for (size_t i = 0; i < n_m; i++) {
        struct access_log *l = &(*ret)[i];
        int rc = sink(l, m[i]->config_type_case ? m[i]->typed_config : NULL, b, e);
        if (!rc && m[i]->filter) {
            struct log_filter *f = arena_new(build_arena(b), struct log_filter);
            rc = filter_build(f, m[i]->filter, 0, b, e);
            l->filter = f;
        }
        if (rc) return err_prefix(e, "access_log %s: ", m[i]->name ? m[i]->name : "");
    }
    return 0;
}
