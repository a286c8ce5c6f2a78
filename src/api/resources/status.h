/* Answers that are no object: Kubernetes' Status (meta/v1), with its reasons and its words, since kubectl prints them. */
#ifndef WEFT_API_RESOURCES_STATUS_H
#define WEFT_API_RESOURCES_STATUS_H

#include "api/call.h"
#include "pb/errs.h"

/* A refusal. kind NULL, name empty: not about one. The reason follows from code (409: Conflict). */
PRINTF_LIKE(5, 6) void status_refuse(struct call *c, int code, const struct kind *k, struct str name, const char *fmt, ...);
void status_not_found(struct call *c, const struct kind *k, struct str name); /* pods "x" not found */
void status_exists(struct call *c, const struct kind *k, struct str name);    /* pods "x" already exists */
void status_conflict(struct call *c, const struct kind *k, struct str name);  /* Operation cannot be fulfilled ... */
/* 422 with all reasons: VirtualService.networking.istio.io "x" is invalid: ... */
void status_invalid(struct call *c, const struct kind *k, struct str name, const struct errs *errs);
void status_method(struct call *c);       /* 405 */
void status_unknown_path(struct call *c); /* 404 */
/* What controller_commit said. */
void status_commit(struct call *c, const struct kind *k, struct str name, int r, const struct err *e);
/* {"kind":"Status","status":"Success"}: a deletion that left nothing. */
void status_deleted(struct call *c, const struct kind *k, struct str name, const char *uid);
/* The text of a refusal, for a watch's ERROR event. */
void status_text(struct buf *out, int code, const char *reason, const char *message);

#endif
