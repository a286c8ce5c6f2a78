/* Header additions and removals from configuration. */
#include "route/mutate.h"

#include "envoy.config.core.v3.pb-c.h"

typedef Envoy__Config__Core__V3__HeaderValueOption Option;

/* RFC 9110 5.6.2: a token; what the peer's parser would refuse is refused here. */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
        if (!ok) return false;
    }
    return s.n > 0;
}

static int check_name(struct str name, struct err *e)
{
    if (name.n && name.p[0] == ':') return err_set(e, -EINVAL, "pseudo-header %.*s cannot be added or removed", STR_ARG(name));
    if (str_eq(name, STR("host")))
        return err_hint((err_set(e, -EINVAL, "header host cannot be added or removed"), e), "use host_rewrite_literal");
    if (!is_token(name)) return err_set(e, -EINVAL, "\"%.*s\" is no header name", STR_ARG(str_first(name, 100)));
    return 0;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') return true;
    return false;
}

static int compile_add(struct header_add *h, const Option *o, struct route_build *b, struct err *e)
{
    if (!o->header) return err_set(e, -EINVAL, "a header to add without a header");
    h->name = route_lower(b->arena, o->header->key);
    if (check_name(h->name, e)) return -EINVAL;
    struct str value = o->header->has_raw_value && o->header->raw_value.len ? str_make(o->header->raw_value.data, o->header->raw_value.len)
                                                                            : str_of(o->header->value);
    if (has_control(value)) return err_set(e, -EINVAL, "the value of header %.*s holds control characters", STR_ARG(h->name));
    h->value = format_compile(value, b->arena, e);
    if (!h->value) return err_prefix(e, "header %.*s: ", STR_ARG(h->name));
    h->action = (enum header_action)o->append_action;
    if (o->append_action > ENVOY__CONFIG__CORE__V3__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__OVERWRITE_IF_EXISTS)
        return err_set(e, -EINVAL, "header %.*s: unknown append action", STR_ARG(h->name));
    if (o->append && !o->has_append_action && !(o->append->has_value && o->append->value))
        h->action = HEADER_OVERWRITE; /* the older field */
    h->keep_empty = o->keep_empty_value;
    return 0;
}

int header_mutation_compile(struct header_mutation *m, Option **add, size_t n_add, char **remove, size_t n_remove, struct route_build *b,
                            struct err *e)
{
    *m = (struct header_mutation){ arena_array(b->arena, struct header_add, n_add), arena_array(b->arena, struct str, n_remove), n_add,
                                   n_remove };
    for (size_t i = 0; i < n_add; i++)
        if (compile_add(&m->add[i], add[i], b, e)) return -EINVAL;
    for (size_t i = 0; i < n_remove; i++) {
        m->remove[i] = route_lower(b->arena, remove[i]);
        if (check_name(m->remove[i], e)) return -EINVAL;
    }
    return 0;
}

static void apply_add(const struct header_add *h, const struct header_sink *sink, const struct format_source *src, struct buf *scratch)
{
    bool there = h->action != HEADER_APPEND && sink->has(sink->table, h->name);
    if (there && h->action == HEADER_ADD_IF_ABSENT) return;
    if (!there && h->action == HEADER_OVERWRITE_IF_EXISTS) return;
    struct str value;
    if (h->value->literal_only) {
        value = h->value->n ? h->value->parts[0].text : STR("");
    } else {
        buf_clear(scratch);
        format_write(h->value, src, STR(""), scratch);
        value = buf_str(scratch);
        if (has_control(value)) return; /* a peer's value must not split headers */
    }
    if (!value.n && !h->keep_empty) return;
    if (there) sink->remove(sink->table, h->name);
    sink->add(sink->table, h->name, value);
}

void header_mutation_apply(const struct header_mutation *m, const struct header_sink *sink, const struct format_source *src)
{
    for (size_t i = 0; i < m->n_remove; i++) sink->remove(sink->table, m->remove[i]);
    struct buf scratch = { 0 };
    for (size_t i = 0; i < m->n_add; i++) apply_add(&m->add[i], sink, src, &scratch);
    buf_free(&scratch);
}
