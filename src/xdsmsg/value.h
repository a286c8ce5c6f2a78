/* Reading the small messages that stand for optional values: wrappers, durations, percentages. */
#ifndef WEFT_XDSMSG_VALUE_H
#define WEFT_XDSMSG_VALUE_H

#include "base/str.h"
#include "google.protobuf.pb-c.h"

#include "envoy.config.core.v3.pb-c.h"
#include "envoy.type.v3.pb-c.h"

static inline bool xdsmsg_bool(const Google__Protobuf__BoolValue *v, bool otherwise) { return v ? v->has_value && v->value : otherwise; }
static inline uint32_t xdsmsg_u32(const Google__Protobuf__UInt32Value *v, uint32_t otherwise) { return v ? v->value : otherwise; }
static inline uint64_t xdsmsg_u64(const Google__Protobuf__UInt64Value *v, uint64_t otherwise) { return v ? v->value : otherwise; }

/* Milliseconds, rounded up so that a positive duration never becomes "off"; negative ones count as 0. */
static inline uint64_t xdsmsg_ms(const Google__Protobuf__Duration *d, uint64_t otherwise)
{
    if (!d) return otherwise;
    if (d->seconds < 0 || d->nanos < 0) return 0;
    if ((uint64_t)d->seconds > UINT64_MAX / 4000) return UINT64_MAX / 4;
    return (uint64_t)d->seconds * 1000 + ((uint64_t)(uint32_t)d->nanos + 999999) / 1000000;
}

static inline double xdsmsg_percent(const Envoy__Type__V3__Percent *p, double otherwise) { return p ? p->value : otherwise; }

#endif
