#include "proxy/flags.h"

static const struct {
    const char *brief, *full;
} names[] = {
#define X(name, text) { #name, text },
    RESPONSE_FLAGS(X)
#undef X
};

const char *flags_name(unsigned index) { return index < RFI__N ? names[index].brief : ""; }

bool flags_write(uint32_t flags, bool long_names, struct buf *out)
{
    bool any = false;
    for (unsigned i = 0; i < RFI__N; i++) {
        if (!(flags & (1u << i))) continue;
        if (any) (void)buf_append(out, ",", 1);
        (void)buf_puts(out, long_names ? names[i].full : names[i].brief);
        any = true;
    }
    return any;
}
