/* Labels and selectors. */
#include "config/labels.h"

#include "k8s.io.apimachinery.pkg.apis.meta.v1.pb-c.h"

typedef K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__LabelSelector LabelSelector;
typedef K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__LabelSelectorRequirement Requirement;

const char *entries_get(struct string_entry *const *e, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(e[i]->key, key) == 0) return e[i]->value ? e[i]->value : "";
    return NULL;
}

bool labels_match(struct string_entry *const *selector, size_t n_selector, struct string_entry *const *labels, size_t n_labels)
{
    for (size_t i = 0; i < n_selector; i++) {
        const char *have = entries_get(labels, n_labels, selector[i]->key);
        if (!have || strcmp(have, selector[i]->value ? selector[i]->value : "") != 0) return false;
    }
    return true;
}

static bool requirement_match(const Requirement *r, struct string_entry *const *labels, size_t n)
{
    const char *have = r->key ? entries_get(labels, n, r->key) : NULL, *op = r->operator_ ? r->operator_ : "";
    if (strcmp(op, "Exists") == 0) return have != NULL;
    if (strcmp(op, "DoesNotExist") == 0) return have == NULL;
    bool in = false;
    for (size_t i = 0; have && i < r->n_values; i++) in |= strcmp(have, r->values[i]) == 0;
    return strcmp(op, "In") == 0 ? in : strcmp(op, "NotIn") == 0 && !in;
}

bool label_selector_match(const LabelSelector *s, struct string_entry *const *labels, size_t n_labels)
{
    if (!s || !labels_match(STRING_ENTRIES(s->match_labels), s->n_match_labels, labels, n_labels)) return false;
    for (size_t i = 0; i < s->n_match_expressions; i++)
        if (!requirement_match(s->match_expressions[i], labels, n_labels)) return false;
    return true;
}
