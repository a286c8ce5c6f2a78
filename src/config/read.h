/* Manifests -> resources, with every mistake reported: syntax, kinds and versions, names, unknown fields, types, the rules
 * that Istio's and Kubernetes' admission check, duplicates; and warnings for what is accepted but not carried out. */
#ifndef WEFT_CONFIG_READ_H
#define WEFT_CONFIG_READ_H

#include "config/resource.h"

struct config_input {
    const char *file; /* for messages ("-" is shown as "<stdin>"); must outlive the result */
    struct str text;
};

struct config_options {
    const char *default_namespace; /* for objects that name none; NULL: "default" */
    bool keep_positions;           /* resource.pos is filled (analysis); costs memory */
    bool no_defaults;              /* leave unset what Kubernetes would fill in */
    bool no_checks;                /* read what a store gave back: no admission rules, no warnings */
};

struct config_set {
    VEC(struct resource *) resources; /* in the files' order; only those without errors */
    struct errs errors, warnings;
};

/* Reads all documents of all inputs; `List` objects are opened. Returns 0, or -EINVAL when errors were found: then nothing
 * should be applied. *out must be zeroed. */
int config_read(const struct config_input *in, size_t n, const struct config_options *opt, struct config_set *out);
/* One object that is already a tree (a REST body, a merge result). NULL when errors were added. warnings may be NULL. */
struct resource *config_read_tree(const struct node *n, const char *file, const struct config_options *opt, struct errs *errors,
                                  struct errs *warnings);
/* The same from JSON or YAML text that holds exactly one object. */
struct resource *config_read_text(struct str text, const char *file, const struct config_options *opt, struct errs *errors,
                                  struct errs *warnings);
void config_set_free(struct config_set *s);

#endif
