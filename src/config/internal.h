/* What the files of src/config share with each other and with nobody else. */
#ifndef WEFT_CONFIG_INTERNAL_H
#define WEFT_CONFIG_INTERNAL_H

#include "config/read.h"
#include "config/types.h"

struct resource *resource_alloc(void);
/* Takes a message that lives in r->arena and fills what is derived from it. kind must be set. */
void resource_index(struct resource *r, ProtobufCMessage *msg);

/* What Kubernetes fills in on admission, where Weft reads it (defaults.c). */
void config_defaults(struct resource *r, const char *default_namespace);
/* Warnings for fields that are accepted and have no effect yet (fields.c). */
void config_warn_fields(const struct node *n, const struct resource *r, const char *file, struct errs *warnings);

/* --- admission rules: validate_*.c --- */

struct check {
    struct resource *r;
    struct pb_positions *pos;
    const char *file; /* the caller's: errors outlive the resource */
    struct errs *errors, *warnings;
    struct err_at here; /* the element we are in: where a field that is not written is reported */
};
/* Enter an element: errors on unwritten fields below are reported at its place. Returns the old one for check_leave. */
struct err_at check_enter(struct check *c, const void *slot);
static inline void check_leave(struct check *c, struct err_at old) { c->here = old; }
/* At the place of slot (NULL or unwritten: the element we are in). Text: "spec.http[0].route: the weights add up to 0". */
PRINTF_LIKE(3, 4) struct err *check_error(struct check *c, const void *slot, const char *fmt, ...);
PRINTF_LIKE(3, 4) struct err *check_warn(struct check *c, const void *slot, const char *fmt, ...);
void check_labels(struct check *c, const void *slot, void *entries, size_t n, const char *path);
void check_port(struct check *c, const void *slot, int64_t port, const char *path);
/* "5s" of a Duration, in milliseconds; wrong when under 1 ms, not whole ms or (zero_ok false) zero. */
struct Google__Protobuf__Duration;
void check_duration(struct check *c, const void *slot, const struct Google__Protobuf__Duration *d, bool zero_ok, const char *path);

/* A condition of retryOn, or a status code. */
void check_retry_condition(struct check *c, const void *slot, struct str term, const char *path);
bool grpc_status_known(const char *s);

void validate_meta(struct check *c);
void validate_service(struct check *c);
void validate_pod(struct check *c);
void validate_deployment(struct check *c);
void validate_secret(struct check *c);
void validate_virtual_service(struct check *c);
void validate_destination_rule(struct check *c);
void validate_gateway(struct check *c);
void validate_service_entry(struct check *c);
void validate_traffic(struct check *c);
void validate_release(struct check *c);
void validate_project(struct check *c);
/* All rules of a resource's kind. */
void validate_resource(struct check *c);

#endif
