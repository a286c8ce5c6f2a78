/* What reading and analysing manifests found, as the lines of text that the answers of apply and diff carry. */
#ifndef WEFT_API_WEFT_FINDINGS_H
#define WEFT_API_WEFT_FINDINGS_H

#include "analysis/analyze.h"
#include "api/call.h"

#include <jansson.h>

/* Manifests of a call's body. The texts belong to `json`, which set's messages point into. */
struct manifests {
    json_t *json;
    struct config_input *in;
    size_t n;
    struct config_set set;
    const char *ns; /* for objects that name none */
};

/* Reads the body and the manifests in it. False: the body was none, and that was answered; set.errors may hold errors. */
bool manifests_read(struct call *c, struct manifests *m);
/* Adds an error for each object whose namespace neither exists nor is among the manifests. */
void manifests_check_namespaces(struct manifests *m, const struct world *w);
void manifests_free(struct manifests *m);

/* A JSON string of text that may be cut off or, coming from a peer, no UTF-8. */
json_t *findings_text(struct str s);
/* What analysis says of the manifests' resources in the world that would have them. */
json_t *findings_analysis(const struct manifests *m, const struct world *w);
/* "FILE:LINE:COL: error: ...": level "error" or "warning". */
json_t *findings_lines(const struct errs *errs, const char *level);
/* Answers with JSON; the reference is taken. */
void findings_answer(struct call *c, int status, json_t *body);

#endif
