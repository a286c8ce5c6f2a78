/* Edits of a TrafficSpec (JSON, see weft.dev.v1alpha1.proto) from the words that a person types. Pure: no calls. All return 0, or
 * negative with an error for the command line. */
#ifndef WEFT_CLI_TRAFFIC_SPEC_H
#define WEFT_CLI_TRAFFIC_SPEC_H

#include "cli/cli.h"

#include <jansson.h>

/* --header NAME=VALUE and its kin, of rules, faults and releases. */
struct match_options {
    struct text_list header, metadata, cookie, query;
};
extern struct match_options match_options;

/* clang-format off */
#define OPT_MATCH \
    { "header", 'H', OPT_LIST, &match_options.header, "NAME=VALUE", "requests with this header; also NAME, NAME!=V, NAME^=PREFIX, NAME~=REGEX" }, \
    { "metadata", 0, OPT_LIST, &match_options.metadata, "NAME=VALUE", "gRPC calls with this metadata" }, \
    { "cookie", 0, OPT_LIST, &match_options.cookie, "NAME=VALUE", "requests with this cookie" }, \
    { "query", 0, OPT_LIST, &match_options.query, "NAME=VALUE", "requests with this query parameter" }
/* clang-format on */

/* The list of Conditions that the options say; empty without any. */
int spec_match(const struct match_options *o, json_t **ret, struct err *e);
/* "header:x-user-id" (header, metadata, cookie, query) as an Attribute. */
int spec_attribute(const char *text, json_t **ret, struct err *e);
/* The version of that name exists; an error names those that do. */
int spec_has_version(const json_t *spec, const char *name, struct err *e);
/* "v1=90 v2=10" -> split; the stable version (the first), when it is not named, gets the rest. */
int spec_split(json_t *spec, int n, char **words, struct err *e);
/* Puts the rule in the place of the one with its name, else in front or at the end. Takes `rule` over. */
void spec_put_rule(json_t *spec, json_t *rule, bool in_front);
/* The index of the rule of that name, or -1. */
int spec_rule_index(const json_t *spec, const char *name);
/* A duration in the API's words ("90s", "1m30s") from what a person types ("90", "1.5m"); false when it is none. */
bool spec_duration(const char *text, char *buf, size_t n);
/* A percentage with at most two decimals, also with "%" behind it. */
bool spec_percent(const char *text, double *ret);

#endif
