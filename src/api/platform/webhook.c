/* Webhooks of steps: asked before the step is entered; a 2xx answer lets it go on. Signed, so that the receiver knows who asks:
 *   X-Weft-Signature: sha256=HEX of HMAC-SHA256(secret, X-Weft-Timestamp + "." + body)
 * and with the same X-Weft-Event-Id each time the same question is asked again. */
#include "api/platform/engine_inside.h"

#include "api/platform/outgoing.h"
#include "base/clock.h"
#include "base/log.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* As admin.c keeps the settings. */
#define SETTINGS_KIND "~settings"

struct webhooks {
    struct engine *e;
    struct outgoing *out;
    char secret[1024];
};

/* One question under way. It outlives its release, whose pointer is taken away then. */
struct asked {
    struct link link;
    struct live *l;
    uint32_t key;
    struct outgoing_call *call;
};
static struct link under_way = { &under_way, &under_way };

struct outgoing *engine_outgoing(struct engine *e) { return e->hooks->out; }

/* The installation's secret (settings); "" when none was set: then nothing is signed. */
static const char *secret_of(struct webhooks *w)
{
    struct controller *ctl = platform_controller(w->e->cfg.platform);
    struct store_object *o = store_get(controller_store(ctl), STR(SETTINGS_KIND), STR(""), STR("main"));
    json_t *j = o ? json_loadb(o->json.p, o->json.n, 0, NULL) : NULL;
    const char *s = json_string_value(json_object_get(j, "webhookSecret"));
    snprintf(w->secret, sizeof w->secret, "%s", s ? s : "");
    json_decref(j);
    return w->secret;
}

static void sign(const char *secret, const char *stamp, const char *body, char hex[65])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    AUTO(free_p) char *text = xasprintf("%s.%s", stamp, body);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, strlen(text), mac, &n);
    for (unsigned i = 0; i < n && i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", mac[i]);
}

struct webhooks *webhooks_new(struct engine *e)
{
    struct webhooks *w = xcalloc(1, sizeof *w);
    w->e = e;
    w->out = outgoing_new(platform_loop(e->cfg.platform));
    return w;
}

void webhooks_free(struct webhooks *w)
{
    if (!w) return;
    outgoing_free(w->out);
    free(w);
}

void webhook_forget(struct live *l)
{
    list_foreach (a, &under_way, struct asked, link) {
        if (a->l != l) continue;
        list_del(&a->link);
        outgoing_cancel(a->call);
        free(a);
    }
}

static void answered(void *arg, int status, struct str text)
{
    struct asked *a = arg;
    struct live *l = a->l;
    list_del(&a->link);
    if (l->hook.key == a->key) {
        l->hook.under_way = false;
        l->hook.status = status;
        snprintf(l->hook.text, sizeof l->hook.text, "%.*s", (int)MIN(text.n, sizeof l->hook.text - 1), text.p ? text.p : "");
    }
    free(a);
}

static char *body_of(const struct live *l, const char *id)
{
    json_t *j = json_pack("{s:s, s:s, s:o, s:i, s:o}", "id", id, "type", "release.step", "at", model_time(engine_now(l->e)), "step",
                          l->r->step, "release", release_summary(l));
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(8));
    json_decref(j);
    return text;
}

void webhook_call(struct live *l, const struct release_order *o)
{
    struct webhooks *w = l->e->hooks;
    char stamp[32], hex[65] = "", id[80], h1[120], h2[60], h3[100];
    webhook_forget(l);
    snprintf(id, sizeof id, "%s-%d-%u", l->uid, l->r->step,
             l->r->attempt); /* the same question has the same id, however often it is asked */
    snprintf(stamp, sizeof stamp, "%" PRId64, clock_wall_ms() / 1000);
    AUTO(free_p) char *body = body_of(l, id);
    const char *secret = secret_of(w);
    if (secret[0]) sign(secret, stamp, body, hex);
    snprintf(h1, sizeof h1, "X-Weft-Event-Id: %s", id);
    snprintf(h2, sizeof h2, "X-Weft-Timestamp: %s", stamp);
    snprintf(h3, sizeof h3, "X-Weft-Signature: sha256=%s", hex);
    const char *const headers[] = { "Content-Type: application/json", h1, h2, hex[0] ? h3 : NULL, NULL };
    struct asked *a = xcalloc(1, sizeof *a);
    *a = (struct asked){ .l = l, .key = o->key };
    l->hook.key = o->key;
    l->hook.under_way = true;
    l->hook.status = 0;
    l->hook.text[0] = 0;
    list_append(&under_way, &a->link);
    a->call = outgoing_send(w->out, o->url, headers, body, o->timeout_ms > 0 ? o->timeout_ms : 10000, answered, a);
    if (a->call) return;
    list_del(&a->link);
    free(a);
    l->hook.under_way = false;
    snprintf(l->hook.text, sizeof l->hook.text, "%s is no address that can be called", o->url);
}
