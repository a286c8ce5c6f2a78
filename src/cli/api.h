/* Calls to weftd over STATE/api.sock: Kubernetes' dialect and /weft/v1/, JSON in and out. */
#ifndef WEFT_CLI_API_H
#define WEFT_CLI_API_H

#include "cli/cli.h"

#include <jansson.h>

struct api_answer {
    long status;    /* HTTP status */
    json_t *body;   /* owned; NULL when it was no JSON */
    struct buf raw; /* the bytes as they came */
};

struct api_request {
    const char *method; /* NULL: GET */
    const char *path;
    const char *type;                                /* NULL: application/json */
    struct str body;                                 /* p NULL: none */
    const char *if_match, *idempotency_key, *accept; /* headers; NULL: none */
};

/* One call. body may be NULL; type NULL means application/json. 0 whenever an HTTP answer came, whatever its status. */
int api_call(const struct cli *c, const char *method, const char *path, const char *type, struct str body, struct api_answer *ret,
             struct err *e);
/* The same with headers of the platform's calls. WEFT_TOKEN is sent as a bearer token, WEFT_ACTOR (else SUDO_USER) as the person's name. */
int api_send(const struct cli *c, const struct api_request *q, struct api_answer *ret, struct err *e);
/* GET that must answer 200: its JSON, or NULL and e (the message of the Status that came). */
json_t *api_get(const struct cli *c, const char *path, struct err *e);
/* Turns an answer that is no success into e; 0 for 2xx. */
int api_check(const struct api_answer *a, struct err *e);
void api_answer_free(struct api_answer *a);
/* GET with watch=1: fn for each JSON line until it returns false or the stream ends (0) or breaks (negative). */
int api_watch(const struct cli *c, const char *path, bool (*fn)(json_t *event, void *arg), void *arg, struct err *e);

/* One event of /weft/v1/events. type: "release", "change", ...; data is borrowed. */
struct api_event {
    const char *type, *id;
    json_t *data;
};
/* Server-sent events from the path: fn for each, and once a second with NULL (time passes), until it returns false (0). A stream that
 * breaks is taken up again with Last-Event-ID for 15 s; then negative. A status that is no success: negative at once. */
int api_events(const struct cli *c, const char *path, bool (*fn)(const struct api_event *ev, void *arg), void *arg, struct err *e);

/* Text at a path of keys and indexes ("metadata.name", "status.containerStatuses.0.ready"), or NULL. */
const char *json_text(const json_t *j, const char *path);
json_t *json_path(const json_t *j, const char *path);
/* Whole number at a path; `missing` when there is none. */
int64_t json_number(const json_t *j, const char *path, int64_t missing);
/* Number of either kind at a path; NAN when there is none. */
double json_real_at(const json_t *j, const char *path);
/* Every label that `want` (a map of equals) names is in `labels` with that value. */
bool json_labels_hold(const json_t *labels, const json_t *want);

#endif
