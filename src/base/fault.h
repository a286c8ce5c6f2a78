/* Fault injection for tests: WEFT_FAULT=alloc:17,write:short:30 makes the named place fail. Builds with -DWEFT_FAULTS only;
 * elsewhere fault_hit() is the constant false and costs nothing. */
#ifndef WEFT_BASE_FAULT_H
#define WEFT_BASE_FAULT_H

#include "base/prelude.h"

#ifdef WEFT_FAULTS
/* True when the place `name` must fail now: its n-th time ("alloc:17"), or a percentage of times ("write:30%"). */
bool fault_hit(const char *name);
#else
static inline bool fault_hit(const char *name)
{
    (void)name;
    return false;
}
#endif

#endif
