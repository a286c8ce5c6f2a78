/* The parts of the platform, and the commit that they share. */
#include "api/platform/inside.h"
#include "api/platform/admission.h"
#include "api/platform/people.h"
#include "api/platform/record.h"
#include "base/log.h"
#include "pb/pb.h"

#include "weft.dev.v1alpha1.pb-c.h"

struct controller *platform_controller(const struct platform *p) { return p->cfg.ctl; }
const struct world *platform_world(const struct platform *p) { return controller_world(p->cfg.ctl); }
struct loop *platform_loop(const struct platform *p) { return controller_loop(p->cfg.ctl); }
struct events *platform_events(const struct platform *p) { return p->events; }
struct people *platform_people(const struct platform *p) { return p->people; }
const struct platform_config *platform_settings(const struct platform *p) { return &p->cfg; }
struct engine *platform_engine(const struct platform *p) { return p->engine; }
void platform_set_engine(struct platform *p, struct engine *e) { p->engine = e; }
struct platform_hooks *platform_hooks(struct platform *p) { return &p->hooks; }

/* ---- the audit log's head ---- */

static bool newest_hash(void *arg, const struct store_log_entry *l)
{
    static const struct str key = STR_INIT(",\"hash\":\"");
    char *head = arg;
    if (l->json.n > key.n + AUDIT_HASH + 2) memcpy(head, l->json.p + l->json.n - AUDIT_HASH - 2, AUDIT_HASH);
    return false;
}

static void read_head(struct platform *p)
{
    struct err e = { 0 };
    struct store_log_query q = { .log = STR(AUDIT_LOG), .limit = 1 };
    memset(p->audit_head, '0', AUDIT_HASH);
    if (store_log_read(controller_store(p->cfg.ctl), &q, newest_hash, p->audit_head, &e) < 0) log_error("audit log: %s", e.what);
}

static void taken(struct platform *p, const struct batch *b, const char head[AUDIT_HASH + 1])
{
    memcpy(p->audit_head, head, AUDIT_HASH + 1);
    vec_foreach (l, &b->logs)
        if (str_eqc(l->log, AUDIT_LOG)) events_publish(p->events, "audit", l->keys[0].n ? l->keys[0] : STR("~"), l->json);
}

int platform_commit(struct platform *p, struct batch *b, struct err *e)
{
    char head[AUDIT_HASH + 1];
    struct store *store = controller_store(p->cfg.ctl);
    memcpy(head, p->audit_head, sizeof head);
    audit_chain(b, store_log_next(store, STR(AUDIT_LOG)), head);
    p->inside = true;
    int r = controller_commit(p->cfg.ctl, b, e);
    p->inside = false;
    if (r == 0) taken(p, b, head);
    return r;
}

/* The gate: commits that are not ours. */
static int before(void *ctx, struct batch *b, struct err *e)
{
    struct platform *p = ctx;
    if (p->inside) return 0;
    int r = admission_before(p, b, e);
    memcpy(p->next_head, p->audit_head, sizeof p->next_head);
    p->chained = r == 0 && b->logs.n > 0;
    if (p->chained) audit_chain(b, store_log_next(controller_store(p->cfg.ctl), STR(AUDIT_LOG)), p->next_head);
    return r;
}

static void after(void *ctx, struct batch *b, int result)
{
    struct platform *p = ctx;
    if (p->inside) return;
    if (TAKE(p->chained, false) && result == 0) taken(p, b, p->next_head);
    admission_after(p, b, result);
}

json_t *platform_json(const ProtobufCMessage *m)
{
    struct buf b = { 0 };
    if (!m) return json_null();
    pb_to_json(m, NULL, 0, &b);
    json_t *j = json_loadb(buf_data(&b), b.len, JSON_DECODE_ANY, NULL);
    buf_free(&b);
    return j ? j : json_null();
}

struct str platform_actor(const struct platform *p) { return p->actor.n ? p->actor : STR(LOCAL); }

/* ---- settings that others ask for ---- */

static bool listed(struct str hosts, struct str name)
{
    while (hosts.p && hosts.n)
        if (str_ieq(str_trim(str_cut(&hosts, ',')), name)) return true;
    return false;
}

bool platform_host_ok(const struct platform *p, struct str name)
{
    return listed(STR("localhost,127.0.0.1,[::1]"), name) || str_ends(name, STR(".localhost")) || listed(str_of(p->cfg.hosts), name) ||
           listed(str_of(p->hosts), name);
}

void platform_read_hosts(struct platform *p)
{
    struct buf b = { 0 };
    json_t *s = record_get(p, SETTINGS_KIND, STR("main"), NULL, NULL), *h;
    size_t i;
    json_array_foreach (json_object_get(s, "hosts"), i, h) buf_printf(&b, "%s%s", i ? "," : "", json_string_value(h));
    json_decref(s);
    free(p->hosts);
    p->hosts = buf_steal(&b);
}

char *platform_webhook_secret(const struct platform *p)
{
    json_t *s = record_get(p, SETTINGS_KIND, STR("main"), NULL, NULL);
    char *secret = xstrdup(record_text(s, "webhookSecret"));
    json_decref(s);
    return secret;
}

/* ---- projects ---- */

const struct resource *platform_project(const struct platform *p, struct str name)
{
    char text[256];
    if (!name.n || name.n >= sizeof text || memchr(name.p, 0, name.n)) return NULL;
    snprintf(text, sizeof text, "%.*s", STR_ARG(name));
    return world_get(platform_world(p), KIND_PROJECT, "", text);
}

const struct resource *platform_owner(const struct platform *p, struct str service, struct str ns)
{
    struct resource_list all = world_list(platform_world(p), KIND_PROJECT);
    for (size_t i = 0; i < all.n; i++) {
        const Weft__Dev__V1alpha1__ProjectSpec *spec = ((const Weft__Dev__V1alpha1__Project *)all.v[i]->msg)->spec;
        for (size_t k = 0; spec && k < spec->n_services; k++)
            if (str_eqc(service, spec->services[k]->name) && str_eqc(ns, spec->services[k]->namespace_)) return all.v[i];
    }
    return NULL;
}

/* ---- life ---- */

struct platform *platform_new(const struct platform_config *cfg)
{
    struct platform *p = xcalloc(1, sizeof *p);
    p->cfg = *cfg;
    p->events = events_new(controller_loop(cfg->ctl));
    read_head(p);
    platform_read_hosts(p);
    p->people = people_new(p);
    controller_set_gate(cfg->ctl, &(struct controller_gate){ before, after, admission_check, p });
    p->changes = changes_new(p);
    return p;
}

void platform_free(struct platform *p)
{
    if (!p) return;
    controller_set_gate(p->cfg.ctl, NULL);
    changes_free(p->changes);
    people_free(p->people);
    events_free(p->events);
    free(p->hosts);
    free(p);
}
