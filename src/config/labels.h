/* Labels and selectors. All map<string, string> fields of generated messages have the same entry layout, so one set of functions
 * serves labels, annotations, selectors, headers to set and data of config maps. */
#ifndef WEFT_CONFIG_LABELS_H
#define WEFT_CONFIG_LABELS_H

#include "base/str.h"

#include <protobuf-c/protobuf-c.h>

struct K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__LabelSelector;

/* Layout of every generated XEntry message of a map<string, string>. value may be NULL: "". */
struct string_entry {
    ProtobufCMessage base;
    char *key, *value;
};
/* From a generated array: LABELS(meta->labels), meta->n_labels. */
#define STRING_ENTRIES(array) ((struct string_entry *const *)(void *)(array))

/* The value behind a key, or NULL. */
const char *entries_get(struct string_entry *const *e, size_t n, const char *key);
/* Every pair of the selector is among the labels. An empty selector matches everything: callers for which it selects nothing (a
 * Service) check that first. */
bool labels_match(struct string_entry *const *selector, size_t n_selector, struct string_entry *const *labels, size_t n_labels);
/* metav1.LabelSelector with matchLabels and matchExpressions (In, NotIn, Exists, DoesNotExist); NULL matches nothing, empty everything. */
bool label_selector_match(const struct K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__LabelSelector *s, struct string_entry *const *labels,
                          size_t n_labels);

#endif
