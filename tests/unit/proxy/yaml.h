/* Messages from YAML or JSON text, for tests. */
#ifndef WEFT_TEST_YAML_H
#define WEFT_TEST_YAML_H

#include "pb/pb.h"
#include "xdsmsg/types.h"

static inline ProtobufCMessage *message_of(const struct node *n, const ProtobufCMessageDescriptor *d, struct arena *a, char *error,
                                           size_t error_n)
{
    struct pb_policy p = { .file = "test", .registry = xdsmsg_descriptor };
    struct errs errs = { 0 };
    ProtobufCMessage *m = pb_decode(n, d, &p, a, NULL, &errs);
    if (!m && errs.n) err_text(&errs.v[0], error, error_n);
    errs_free(&errs);
    return m;
}

static inline struct node *tree_of(const char *text, struct arena *a)
{
    struct errs errs = { 0 };
    tree_docs docs = { 0 };
    struct node *n = NULL;
    if (tree_read(str_of(text), "test", a, &docs, &errs) == 0 && docs.n == 1) n = docs.v[0];
    if (errs.n) fprintf(stderr, "%s\n", errs.v[0].what);
    vec_free(&docs);
    errs_free(&errs);
    return n;
}

static inline ProtobufCMessage *yaml_message(const char *text, const ProtobufCMessageDescriptor *d, struct arena *a)
{
    char error[700] = "";
    struct node *n = tree_of(text, a);
    ProtobufCMessage *m = n ? message_of(n, d, a, error, sizeof error) : NULL;
    if (!m) fprintf(stderr, "%s\n", error);
    return m;
}

#endif
