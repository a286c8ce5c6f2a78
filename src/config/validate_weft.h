/* Admission rules that Weft's own kinds share. Every message is "PATH: what": the page puts it beside the field of that path. */
#ifndef WEFT_CONFIG_VALIDATE_WEFT_H
#define WEFT_CONFIG_VALIDATE_WEFT_H

#include "config/internal.h"

#include "google.protobuf.pb-c.h"
#include "weft.dev.v1alpha1.pb-c.h"

#define W(x) Weft__Dev__V1alpha1__##x

/* low..100 with at most two decimals. */
void check_percent(struct check *c, const double *slot, double low, const char *path);
void check_number(struct check *c, const double *slot, double low, double high, const char *path);
/* A name as Kubernetes' labels are: false when it is missing or wrong. */
bool check_name(struct check *c, char *const *slot, const char *path);
/* One of a list; absent is fine. */
void check_one_of(struct check *c, char *const *slot, const char *const *list, size_t n, const char *path);
void check_text(struct check *c, char *const *slot, size_t max, const char *path);
void check_max(struct check *c, const void *slot, size_t n, size_t max, const char *path);
void check_url(struct check *c, char *const *slot, const char *path);
void check_attribute(struct check *c, W(Attribute) *const *slot, const char *path);
void check_conditions(struct check *c, W(Condition) *const *v, size_t n, const char *path);
void check_users(struct check *c, W(Users) *const *slot, const char *path);
void check_versions(struct check *c, W(Version) *const *v, size_t n, const char *path);
void check_approval(struct check *c, W(Approval) *const *slot, const char *path);

#endif
