#include "api/resources/strategic.h"

/* patchMergeKey of k8s.io/api's types, by the name of the list; where two lists share a name, the keys are tried in turn. */
static const struct {
    const char *list, *key;
} keys[] = {
    { "containers", "name" },
    { "initContainers", "name" },
    { "env", "name" },
    { "volumes", "name" },
    { "volumeMounts", "mountPath" },
    { "ports", "containerPort" },
    { "ports", "port" },
    { "imagePullSecrets", "name" },
    { "conditions", "type" },
    { "ownerReferences", "uid" },
    { "hostAliases", "ip" },
    { "secrets", "name" },
    { "topologySpreadConstraints", "topologyKey" },
    { "podIPs", "ip" },
    { "hostIPs", "ip" },
};

static const char *directive(const struct node *n)
{
    return n->type == NODE_MAP && tree_text(n, "$patch").n ? tree_text(n, "$patch").p : "";
}

static bool all_have(const struct node *list, const char *key)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i]->type != NODE_MAP || (!tree_get(list->items[i], key) && strcmp(directive(list->items[i]), "replace") != 0))
            return false;
    }
    return true;
}

static const char *key_of(struct str list, const struct node *base, const struct node *patch)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (str_eqc(list, keys[i].list) && all_have(base, keys[i].key) && all_have(patch, keys[i].key)) return keys[i].key;
    }
    return NULL;
}

static ssize_t find(const struct node *list, const char *key, const struct node *item)
{
    const struct node *want = tree_get(item, key);
    for (size_t i = 0; want && i < list->n; i++) {
        const struct node *have = tree_get(list->items[i], key);
        if (have && str_eq(have->text, want->text)) return (ssize_t)i;
    }
    return -1;
}

static struct node *merge_list(struct arena *a, const char *key, struct node *base, const struct node *patch)
{
    for (size_t i = 0; i < patch->n; i++) {
        struct node *item = patch->items[i];
        ssize_t at = find(base, key, item);
        if (strcmp(directive(item), "delete") == 0) {
            if (at < 0) continue;
            memmove(&base->items[at], &base->items[at + 1], (base->n - (size_t)at - 1) * sizeof *base->items);
            base->n--;
        } else if (at >= 0) {
            base->items[at] = strategic_merge(a, base->items[at], item);
        } else {
            tree_push(a, base, strategic_merge(a, tree_new(a, NODE_MAP), item));
        }
    }
    return base;
}

static struct node *merge_value(struct arena *a, struct str name, struct node *old, struct node *new)
{
    if (new->type == NODE_MAP) return strategic_merge(a, old && old->type == NODE_MAP ? old : tree_new(a, NODE_MAP), new);
    if (new->type != NODE_SEQ || !old || old->type != NODE_SEQ) return tree_copy(a, new);
    for (size_t i = 0; i < new->n; i++) {
        if (strcmp(directive(new->items[i]), "replace") == 0) { /* the list as given, without the directive */
            struct node *list = tree_new(a, NODE_SEQ);
            for (size_t k = 0; k < new->n; k++)
                if (k != i) tree_push(a, list, tree_copy(a, new->items[k]));
            return list;
        }
    }
    const char *key = key_of(name, old, new);
    return key ? merge_list(a, key, old, new) : tree_copy(a, new);
}

struct node *strategic_merge(struct arena *a, struct node *base, const struct node *patch)
{
    if (strcmp(directive(patch), "replace") == 0) base = tree_new(a, NODE_MAP);
    for (size_t i = 0; i < patch->n; i++) {
        struct node_pair *p = &patch->pairs[i];
        if (p->key.n && p->key.p[0] == '$') continue;
        struct node_pair *old = tree_pair(base, p->key);
        const char *key = arena_strndup(a, p->key.p, p->key.n);
        if (p->value->type == NODE_NULL || strcmp(directive(p->value), "delete") == 0) {
            tree_remove(base, key);
            continue;
        }
        struct node *value = merge_value(a, p->key, old ? old->value : NULL, p->value);
        if (old)
            old->value = value;
        else
            tree_add(a, base, p->key, value);
    }
    return base;
}
