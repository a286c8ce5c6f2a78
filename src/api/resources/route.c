/* /api/v1/... and /apis/GROUP/VERSION/... to a kind, a namespace and a name, and on to the verb's handler. */
#include "api/handlers.h"
#include "api/merge.h"
#include "api/platform/call_commit.h"
#include "api/object.h"
#include "api/resources/status.h"
#include "api/resources/target.h"

/* segments[at...] = [namespaces NS] PLURAL [NAME [SUB]] */
static bool parse(struct call *c, size_t at, struct str group, struct str version, struct target *t)
{
    struct str *s = c->segments + at;
    size_t n = c->n_segments - at;
    if (n >= 3 && str_eqc(s[0], "namespaces") && !(group.n == 0 && n == 3 && (str_eqc(s[2], "status") || str_eqc(s[2], "finalize")))) {
        t->ns = s[1].p;
        s += 2;
        n -= 2;
    }
    t->kind = n ? kind_by_plural(group, s[0]) : NULL;
    if (!t->kind || !kind_serves(t->kind, version) || n > 3) return false;
    if (t->ns && !t->kind->namespaced) return false;
    if (n > 1) t->name = s[1];
    if (n > 2) t->sub = s[2];
    t->api_version = group.n ? arena_printf(c->arena, "%.*s/%.*s", STR_ARG(group), STR_ARG(version)) : "v1";
    return !(t->kind->namespaced && t->name.p && !t->ns); /* an object has its namespace in the path */
}

static bool sub_known(const struct target *t)
{
    if (!t->sub.p || str_eqc(t->sub, "status")) return true;
    return str_eqc(t->sub, "scale") && (t->kind->id == KIND_DEPLOYMENT || t->kind->id == KIND_REPLICA_SET);
}

static void dispatch(struct call *c, const struct target *t)
{
    bool one = t->name.p != NULL, get = str_eqc(c->method, "GET");
    if (t->sub.p && str_eqc(t->sub, "scale")) return resource_scale(c, t);
    if (get && call_flag(c, "watch")) return resource_watch(c, t);
    if (get) return resource_read(c, t);
    if (str_eqc(c->method, "POST") && !one) return resource_create(c, t);
    if (str_eqc(c->method, "PUT") && one) return resource_update(c, t);
    if (str_eqc(c->method, "PATCH") && one) return resource_patch(c, t);
    if (str_eqc(c->method, "DELETE") && !t->sub.p) return resource_delete(c, t);
    status_method(c);
}

void resources_route(struct call *c)
{
    struct target t = { 0 };
    struct str none = STR(""), *s = c->segments;
    bool core = str_eqc(s[0], "api");
    size_t at = core ? 2 : 3;
    if (!core && c->n_segments == 2) return discovery_group(c, s[1]);
    if (c->n_segments == at) return discovery_resources(c, core ? none : s[1], s[at - 1]);
    if (c->n_segments < at || !parse(c, at, core ? none : s[1], s[at - 1], &t) || !sub_known(&t)) return status_unknown_path(c);
    dispatch(c, &t);
}

/* ---- shared pieces ---- */

struct resource *target_get(struct call *c, const struct target *t)
{
    return world_get(controller_world(c->ctl), t->kind->id, target_ns(t), t->name.p);
}

bool target_selector(struct call *c, const struct target *t, struct selector *s)
{
    struct err e = { 0 };
    struct str labels = call_query(c, "labelSelector"), fields = call_query(c, "fieldSelector");
    int r = labels.n ? selector_labels(s, labels, c->arena, &e) : 0;
    if (r == 0 && fields.n) r = selector_fields(s, fields, c->arena, &e);
    if (r == 0 && t->name.p) r = selector_fields(s, str_of(arena_printf(c->arena, "metadata.name=%s", t->name.p)), c->arena, &e);
    if (r == 0) return true;
    selector_free(s);
    status_refuse(c, 400, NULL, (struct str){ 0 }, "%s", e.what);
    return false;
}

void target_answer(struct call *c, const struct target *t, int status, const struct resource *r)
{
    struct buf b = { 0 };
    resource_to_json(r, t->api_version, 0, &b);
    call_json(c, status, &b);
}

struct node *target_body(struct call *c, const struct target *t)
{
    struct errs errs = { 0 };
    tree_docs docs = { 0 };
    bool yaml = str_ends(c->content_type, STR("yaml"));
    int r = (yaml ? tree_read_yaml : tree_read_json)(c->body, "body", c->arena, &docs, &errs);
    struct node *tree = r == 0 && docs.n == 1 && docs.v[0]->type == NODE_MAP ? docs.v[0] : NULL;
    if (!tree)
        status_refuse(c, 400, t->kind, t->name.p ? t->name : STR(""), "the body is no %s object: %s", yaml ? "YAML" : "JSON",
                      errs.n ? errs.v[0].what : "one mapping is expected");
    vec_free(&docs);
    errs_free(&errs);
    return tree;
}

/* The object must say what the path says; what it leaves out is filled in from there. */
static bool agrees(struct call *c, const struct target *t, struct node *tree)
{
    struct node *meta = tree_get(tree, "metadata");
    struct str kind = tree_text(tree, "kind"), version = tree_text(tree, "apiVersion"), group, unused;
    if (!meta || meta->type != NODE_MAP) {
        tree_remove(tree, "metadata");
        meta = tree_new(c->arena, NODE_MAP);
        tree_add(c->arena, tree, STR("metadata"), meta);
    }
    if (!kind.n) tree_remove(tree, "kind"), tree_add(c->arena, tree, STR("kind"), tree_string(c->arena, str_of(t->kind->kind)));
    if (!version.n)
        tree_remove(tree, "apiVersion"), tree_add(c->arena, tree, STR("apiVersion"), tree_string(c->arena, str_of(t->api_version)));
    kind_split(version.n ? version : str_of(t->api_version), &group, &unused);
    struct str name = tree_text(meta, "name"), ns = tree_text(meta, "namespace");
    struct str no = { 0 };
    if ((kind.n && !str_eqc(kind, t->kind->kind)) || !str_eqc(group, t->kind->group))
        return status_refuse(c, 400, t->kind, t->name.p ? t->name : no, "the object is a %.*s %.*s, the path is for %s", STR_ARG(version),
                             STR_ARG(kind), t->kind->kind),
               false;
    if (t->ns && ns.n && !str_eqc(ns, t->ns))
        return status_refuse(c, 400, t->kind, name,
                             "the namespace of the provided object does not match the namespace sent on the request"),
               false;
    if (t->name.p && name.n && !str_eq(name, t->name))
        return status_refuse(c, 400, t->kind, t->name, "the name of the object (%.*s) does not match the name on the URL (%.*s)",
                             STR_ARG(str_first(name, 300)), STR_ARG(t->name)),
               false;
    if (t->name.p && !name.n) tree_add(c->arena, meta, STR("name"), tree_string(c->arena, t->name));
    if (t->ns && !ns.n) tree_remove(meta, "namespace"), tree_add(c->arena, meta, STR("namespace"), tree_string(c->arena, str_of(t->ns)));
    return true;
}

struct resource *target_resource(struct call *c, const struct target *t, struct node *tree, bool checks)
{
    struct errs errs = { 0 };
    struct config_options opt = { .default_namespace = t->ns, .no_checks = !checks, .keep_positions = true };
    if (!agrees(c, t, tree)) return NULL;
    struct resource *r = config_read_tree(tree, "request", &opt, &errs, NULL);
    if (!r) status_invalid(c, t->kind, t->name.p ? t->name : tree_text(tree_get(tree, "metadata"), "name"), &errs);
    errs_free(&errs);
    return r;
}

bool target_ns_exists(struct call *c, const struct target *t)
{
    if (!t->kind->namespaced) return true;
    const struct resource *ns = world_get(controller_world(c->ctl), KIND_NAMESPACE, "", target_ns(t));
    if (ns && !ns->meta->deletion_timestamp) return true;
    if (!ns) return status_not_found(c, kind_of(KIND_NAMESPACE), str_of(target_ns(t))), false;
    status_refuse(c, 403, t->kind, STR(""), "unable to create new content in namespace %s because it is being terminated", ns->name);
    return false;
}

uint64_t target_expect(const struct node *tree)
{
    struct str text = tree_text(tree_get(tree, "metadata"), "resourceVersion");
    uint64_t v;
    if (!text.n || str_eqc(text, "0")) return 0;
    return str_u64(text, &v) && v != STORE_ABSENT ? v : STORE_ABSENT - 1; /* none of ours: a conflict */
}

void target_commit(struct call *c, const struct target *t, int status, struct resource *r, uint64_t expect)
{
    struct batch b = { 0 };
    struct err e = { 0 };
    int done = 0;
    batch_put(&b, r, expect);
    resource_unref(r);
    if (!str_eqc(call_query(c, "dryRun"), "All")) done = call_commit(c, &b, &e);
    if (done < 0)
        status_commit(c, t->kind, str_of(b.items.v[0].name), done, &e);
    else
        target_answer(c, t, status, b.items.v[0].put);
    batch_free(&b);
}

void target_replace(struct call *c, const struct target *t, const struct resource *old, struct resource *r, uint64_t expect)
{
    struct errs errs = { 0 };
    if (merge_allowed(old, r, (struct err_at){ 0 }, &errs)) return target_commit(c, t, 200, r, expect);
    status_invalid(c, t->kind, t->name, &errs);
    errs_free(&errs);
    resource_unref(r);
}
