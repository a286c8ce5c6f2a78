/* Small pieces that all snapshot builders need: Any, addresses, data sources, socket options. */
#include "proxy/build.h"

#include "base/log.h"

#include "udpa.type.v1.pb-c.h"
#include "xds.type.v3.pb-c.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

ProtobufCMessage *build_any(struct build *b, const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *d, struct err *e)
{
    if (!any || !xdsmsg_is(any->type_url, d)) {
        err_set(e, -EINVAL, "%s where %s is expected", any && any->type_url ? any->type_url : "nothing", d->name);
        return NULL;
    }
    ProtobufCMessage *m = pb_unpack(d, str_make(any->value.data, any->value.len), &b->scratch);
    if (!m) err_set(e, -EINVAL, "the %s cannot be read", d->name);
    return m;
}

struct str build_any_type(struct build *b, const Google__Protobuf__Any *any)
{
    const ProtobufCMessageDescriptor *structs[] = { &udpa__type__v1__typed_struct__descriptor, &xds__type__v3__typed_struct__descriptor };
    if (!any) return STR("");
    for (size_t i = 0; i < ARRAY_LEN(structs); i++) {
        if (!xdsmsg_is(any->type_url, structs[i])) continue;
        /* Both have the same fields. */
        Udpa__Type__V1__TypedStruct *t = (void *)pb_unpack(structs[i], str_make(any->value.data, any->value.len), &b->scratch);
        return t ? xdsmsg_type(str_of(t->type_url)) : STR("");
    }
    return xdsmsg_type(str_of(any->type_url));
}

int socket_address_build(struct addr *ret, const Envoy__Config__Core__V3__SocketAddress *m, struct err *e)
{
    if (m->protocol == ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PROTOCOL__UDP)
        return err_set(e, -EINVAL, "UDP addresses are not supported");
    uint32_t port = m->port_specifier_case == ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE ? m->port_value : 0;
    if (m->port_specifier_case == ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_NAMED_PORT)
        return err_set(e, -EINVAL, "named_port is not supported");
    if (port > 65535) return err_set(e, -EINVAL, "%u is no port", port);
    if (addr_ip(ret, str_of(m->address), (uint16_t)port)) return 0;
    return err_set(e, -EINVAL, "malformed IP address: %s", m->address ? m->address : "");
}

int address_build(struct addr *ret, const Envoy__Config__Core__V3__Address *m, struct err *e)
{
    switch (m ? m->address_case : ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS__NOT_SET) {
    case ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS: return socket_address_build(ret, m->socket_address, e);
    case ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_PIPE: return addr_unix(ret, m->pipe->path ? m->pipe->path : "", e);
    default: return err_set(e, -EINVAL, "an address without socket_address or pipe");
    }
}

int cidrs_build(struct cidr **ret, size_t *n, Envoy__Config__Core__V3__CidrRange *const *m, size_t n_m, struct build *b, struct err *e)
{
    *ret = arena_array(build_arena(b), struct cidr, n_m + 1);
    *n = n_m;
    for (size_t i = 0; i < n_m; i++) {
        char text[160];
        snprintf(text, sizeof text, "%s/%u", m[i]->address_prefix ? m[i]->address_prefix : "", xdsmsg_u32(m[i]->prefix_len, 0));
        if (cidr_parse(&(*ret)[i], str_of(text), e)) return -EINVAL;
    }
    return 0;
}

static int read_file(struct str *ret, const char *path, const char *what, struct build *b, struct err *e)
{
    enum { FILE_MAX = 1 << 20 };
    AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) return err_errno(e, "cannot read %s for %s", path, what);
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
        return err_set(e, -EFBIG, "%s for %s is no regular file of at most 1 MiB", path, what);
    char *p = arena_alloc(build_arena(b), (size_t)st.st_size + 1);
    ssize_t n = read(fd, p, (size_t)st.st_size);
    if (n < 0) return err_errno(e, "cannot read %s for %s", path, what);
    p[n] = 0;
    *ret = str_make(p, (size_t)n);
    return 0;
}

int data_source_build(struct str *ret, const Envoy__Config__Core__V3__DataSource *m, const char *what, struct build *b, struct err *e)
{
    *ret = STR("");
    switch (m ? m->specifier_case : ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER__NOT_SET) {
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_STRING: *ret = build_str(b, m->inline_string); return 0;
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES:
        *ret = arena_str(build_arena(b), str_make(m->inline_bytes.data, m->inline_bytes.len));
        return 0;
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_FILENAME: return read_file(ret, m->filename, what, b, e);
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_ENVIRONMENT_VARIABLE: {
        const char *v = getenv(m->environment_variable);
        if (!v) return err_set(e, -ENOENT, "the environment has no %s for %s", m->environment_variable, what);
        *ret = build_str(b, v);
        return 0;
    }
    default: return err_set(e, -EINVAL, "%s: a data source without filename, inline_string, inline_bytes or environment_variable", what);
    }
}

int socket_mark_build(uint32_t *mark, Envoy__Config__Core__V3__SocketOption *const *m, size_t n, struct err *e)
{
    enum { LEVEL_SOCKET = 1, NAME_MARK = 36 }; /* SOL_SOCKET, SO_MARK on Linux */
    for (size_t i = 0; i < n; i++) {
        if (m[i]->level != LEVEL_SOCKET || m[i]->name != NAME_MARK ||
            m[i]->value_case != ENVOY__CONFIG__CORE__V3__SOCKET_OPTION__VALUE_INT_VALUE)
            return err_set(e, -EINVAL, "socket option level %" PRId64 " name %" PRId64 " is not supported", m[i]->level, m[i]->name);
        *mark = (uint32_t)m[i]->int_value;
    }
    return 0;
}
