/* weft traffic get, history, restore, clear, preview, set; weft undo: the service's traffic as it is ordered, and its past. */
#include "cli/traffic.h"

#include <math.h>

/* ---- what is shared by commands that change ---- */

/* Versions that run and that the spec does not name yet (a new Deployment): they may be ordered too. */
static void add_versions(json_t *spec, const json_t *service)
{
    size_t i, k;
    json_t *v, *have, *versions = json_object_get(spec, "versions");
    if (!versions) json_object_set_new(spec, "versions", versions = json_array());
    json_array_foreach (json_object_get(service, "versions"), i, v) {
        bool known = false;
        json_array_foreach (versions, k, have) known = known || json_equal(json_object_get(have, "name"), json_object_get(v, "name"));
        if (!known)
            json_array_append_new(versions,
                                  json_pack("{s:O, s:O}", "name", json_object_get(v, "name"), "labels", json_object_get(v, "labels")));
    }
}

int traffic_load(const struct cli *c, const char *word, struct traffic *t)
{
    *t = (struct traffic){ 0 };
    json_auto_t *now = NULL, *service = NULL;
    int r = platform_service(c, word, &t->service);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *path = xasprintf("%s/traffic", t->service.path);
    r = platform_get(c, path, &now);
    if (r == EXIT_OK) r = platform_get(c, t->service.path, &service);
    if (r != EXIT_OK) return r;
    const char *etag = json_text(now, "etag");
    t->etag = xstrdup(etag && *etag ? etag : "*");
    /* Nothing is ordered yet: what is so now, as a first spec. */
    const json_t *spec = json_object_get(now, "spec");
    t->spec = json_deep_copy(json_is_object(spec) ? spec : json_object_get(now, "suggested"));
    if (!t->spec) t->spec = json_object();
    add_versions(t->spec, service);
    return EXIT_OK;
}

void traffic_free(struct traffic *t)
{
    service_ref_free(&t->service);
    json_decref(t->spec);
    free(t->etag);
}

static void print_diff(const json_t *diff, bool colour)
{
    size_t i;
    json_t *line;
    json_array_foreach ((json_t *)diff, i, line) {
        const char *op = json_text(line, "op");
        AUTO(free_p) char *text = plain(json_text(line, "text"));
        const char *on = !colour || !op ? "" : *op == '+' ? "\033[32m" : *op == '-' ? "\033[31m" : "";
        printf("%s%s %s%s\n", on, op ? op : " ", text ? text : "", *on ? "\033[0m" : "");
    }
}

static void print_texts(const json_t *list, const char *before)
{
    size_t i;
    json_t *one;
    json_array_foreach ((json_t *)list, i, one) {
        AUTO(free_p) char *text = plain(json_is_string(one) ? json_string_value(one) : json_text(one, "message"));
        if (text) printf("%s%s\n", before, text);
    }
}

static void print_effect(const json_t *effect)
{
    static const char *const headers[] = { "VERSION", "REQUESTS/S NOW", "AFTER", NULL };
    struct table *t = table_new(headers);
    char text[32];
    size_t i;
    json_t *one;
    json_array_foreach ((json_t *)effect, i, one) {
        table_cell(t, json_text(one, "version"));
        table_cell(t, text_count(json_real_at(one, "now"), text, sizeof text));
        table_cell(t, text_count(json_real_at(one, "after"), text, sizeof text));
        table_row(t);
    }
    if (table_rows(t)) table_print(t, stdout);
    table_free(t);
}

int preview_print(const struct cli *c, const json_t *p)
{
    size_t i;
    json_t *one;
    bool refused = false;
    if (c->output) return platform_print(c, p, "sentence");
    AUTO(free_p) char *sentence = plain(json_text(p, "sentence"));
    if (sentence) printf("%s\n", sentence);
    if (json_array_size(json_object_get(p, "sentences")) > 1) print_texts(json_object_get(p, "sentences"), "  ");
    print_diff(json_object_get(p, "diff"), c->colour);
    if (json_array_size(json_object_get(p, "errors")) == 0) print_effect(json_object_get(p, "effect"));
    print_texts(json_object_get(p, "touches"), "touches: ");
    print_texts(json_object_get(p, "warnings"), "warning: ");
    json_array_foreach (json_object_get(p, "guardRails"), i, one) {
        if (json_is_true(json_object_get(one, "ok"))) continue;
        AUTO(free_p) char *message = plain(json_text(one, "message"));
        fprintf(stderr, "refused: %s\n", message ? message : "a guard rail");
        refused = true;
    }
    if (json_array_size(json_object_get(p, "errors"))) {
        json_auto_t *problem = json_pack("{s:s, s:O}", "detail", "this cannot be ordered", "errors", json_object_get(p, "errors"));
        return platform_problem(400, problem);
    }
    if (!refused) printf("Nothing was changed (--dry-run).\n");
    return refused ? EXIT_REFUSED : EXIT_OK;
}

static int print_change(const struct cli *c, const json_t *change)
{
    if (c->output) return platform_print(c, change, "k");
    const json_t *inner = json_object_get(change, "change");
    if (inner) change = inner;
    AUTO(free_p) char *sentence = plain(json_text(change, "sentence"));
    if (sentence) printf("%s\n", sentence);
    return platform_print_proxies(json_object_get(change, "proxies"));
}

int traffic_order(const struct cli *c, const struct traffic *t)
{
    json_t *answer = NULL, *body = json_object();
    int r;
    json_object_set(body, "spec", t->spec);
    if (po.dry_run) {
        AUTO(free_p) char *path = xasprintf("%s/traffic:preview", t->service.path);
        r = platform_call(c, "POST", path, NULL, body, &answer);
        if (r == EXIT_OK) r = preview_print(c, answer);
    } else {
        AUTO(free_p) char *path = xasprintf("%s/traffic", t->service.path);
        if (po.reason) json_object_set_new(body, "reason", json_string(po.reason));
        r = platform_call(c, "PUT", path, t->etag, body, &answer);
        if (r == EXIT_OK) r = print_change(c, answer);
    }
    json_decref(answer);
    return r;
}

static json_t *reason_body(void)
{
    json_t *body = json_object();
    if (po.reason) json_object_set_new(body, "reason", json_string(po.reason));
    return body;
}

/* ---- get ---- */

/* "95.0 %" of what is ordered or observed. */
static void share_cell(struct table *t, const json_t *v, const char *key)
{
    char text[32];
    table_cell(t, text_percent(json_real_at(v, key), text, sizeof text));
}

static void print_versions(const json_t *service)
{
    static const char *const headers[] = { "VERSION", "ROLE", "READY", "ORDERED", "OBSERVED", "REQUESTS/S",
                                           "ERRORS",  "P50",  "P95",   "P99",     "IMAGE",    NULL };
    struct table *t = table_new(headers);
    char text[32];
    size_t i;
    json_t *v;
    json_array_foreach (json_object_get(service, "versions"), i, v) {
        table_cell(t, json_text(v, "name"));
        table_cell(t, json_text(v, "role"));
        table_cellf(t, "%" PRId64 "/%" PRId64, json_number(v, "ready", 0), json_number(v, "pods", 0));
        share_cell(t, v, "ordered");
        share_cell(t, v, "observed");
        table_cell(t, text_count(json_real_at(v, "requests"), text, sizeof text));
        share_cell(t, v, "errors");
        table_cell(t, text_ms(json_real_at(v, "p50"), text, sizeof text));
        table_cell(t, text_ms(json_real_at(v, "p95"), text, sizeof text));
        table_cell(t, text_ms(json_real_at(v, "p99"), text, sizeof text));
        table_cell(t, json_text(v, "images.0") ? json_text(v, "images.0") : "-");
        table_row(t);
    }
    table_print(t, stdout);
    table_free(t);
}

static void print_pinned(const json_t *service)
{
    size_t i;
    json_t *p;
    json_array_foreach (json_object_get(service, "pinned"), i, p) {
        AUTO(free_p) char *match = plain(json_text(p, "match"));
        char text[32];
        double requests = json_real_at(p, "requests");
        printf("pinned by VirtualService %s, route %s: %s -> %s", json_text(p, "virtualService"),
               json_text(p, "route") ? json_text(p, "route") : "-", match ? match : "all", json_text(p, "to"));
        if (!isnan(requests)) printf(" (%s requests/s)", text_count(requests, text, sizeof text));
        printf("\n");
    }
}

static int get(struct cli *c, int argc, char **argv)
{
    struct service_ref s;
    json_t *service = NULL;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_service(c, argc ? argv[0] : NULL, &s);
    if (r != EXIT_OK) return r;
    r = platform_get(c, s.path, &service);
    if (r == EXIT_OK && c->output && strcmp(c->output, "name") != 0) {
        const json_t *spec = json_object_get(service, "traffic");
        json_auto_t *empty = json_object();
        platform_print(c, json_is_object(spec) ? spec : empty, "host");
    } else if (r == EXIT_OK && c->output) {
        platform_print(c, service, "id");
    } else if (r == EXIT_OK) {
        AUTO(free_p) char *sentence = plain(json_text(service, "sentence"));
        printf("%s  (project %s)\n%s\n\n", json_text(service, "id"), s.project, sentence ? sentence : "");
        print_versions(service);
        print_pinned(service);
        const json_t *release = json_object_get(service, "release");
        if (json_is_object(release))
            printf("\nrelease %s#%" PRId64 " is under way: weft release get %s#%" PRId64 " -w\n", s.project, json_number(release, "n", 0),
                   s.project, json_number(release, "n", 0));
    }
    json_decref(service);
    service_ref_free(&s);
    return r;
}

/* ---- the past ---- */

static void history_row(struct table *t, const json_t *h)
{
    char when[40], proxies[48] = "-";
    int64_t of = json_number(h, "proxies.of", 0);
    AUTO(free_p) char *sentence = plain(json_text(h, "sentence"));
    AUTO(free_p) char *reason = plain(json_text(h, "reason"));
    if (of) snprintf(proxies, sizeof proxies, "%" PRId64 "/%" PRId64, json_number(h, "proxies.acked", 0), of);
    table_cellf(t, "%" PRId64, json_number(h, "k", 0));
    table_cell(t, text_local(json_text(h, "at"), when, sizeof when));
    table_cell(t, json_text(h, "actor"));
    table_cell(t, json_text(h, "via"));
    table_cell(t, proxies);
    table_cellf(t, "%s%s%s%s%s", sentence ? sentence : "", json_is_true(json_object_get(h, "undone")) ? " [undone]" : "",
                reason && *reason ? " (" : "", reason ? reason : "", reason && *reason ? ")" : "");
    table_row(t);
}

static int history(struct cli *c, int argc, char **argv)
{
    static const char *const headers[] = { "CHANGE", "AT", "WHO", "VIA", "PROXIES", "WHAT", NULL };
    struct service_ref s;
    json_t *list = NULL, *h;
    size_t i;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_service(c, argc ? argv[0] : NULL, &s);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *path = xasprintf("%s/history", s.path);
    r = platform_list(c, path, &list);
    if (r == EXIT_OK && c->output) {
        platform_print(c, list, "k");
    } else if (r == EXIT_OK && json_array_size(list) == 0) {
        fprintf(stderr, "Nothing was changed yet for %s.\n", s.name);
    } else if (r == EXIT_OK) {
        struct table *t = table_new(headers);
        json_array_foreach (list, i, h) history_row(t, h);
        table_print(t, stdout);
        table_free(t);
    }
    json_decref(list);
    service_ref_free(&s);
    return r;
}

/* restore, undo and clear: one call about the service. */
static int act(struct cli *c, const char *word, const char *method, const char *rest, const char *if_match)
{
    struct service_ref s;
    json_t *change = NULL;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_service(c, word, &s);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *path = xasprintf("%s%s", s.path, rest);
    r = platform_call(c, method, path, if_match, reason_body(), &change);
    if (r == EXIT_OK) r = print_change(c, change);
    json_decref(change);
    service_ref_free(&s);
    return r;
}

static int restore(struct cli *c, int argc, char **argv)
{
    uint64_t k;
    const char *number = argv[argc - 1];
    if (!str_u64(str_of(number), &k)) return cli_usage(c, "\"%s\" is not the number of a change; see: weft traffic history", number);
    AUTO(free_p) char *rest = xasprintf("/history/%" PRIu64 ":restore", k);
    return act(c, argc == 2 ? argv[0] : NULL, "POST", rest, "*");
}

static int undo(struct cli *c, int argc, char **argv) { return act(c, argc ? argv[0] : NULL, "POST", "/traffic:undo", "*"); }

static int clear(struct cli *c, int argc, char **argv)
{
    int r = platform_confirm("Take everything back that was ordered for %s, so that only its VirtualServices count?",
                             argc ? argv[0] : "the service");
    return r == EXIT_OK ? act(c, argc ? argv[0] : NULL, "DELETE", "/traffic", "*") : r;
}

/* ---- set, preview ---- */

static int set(struct cli *c, int argc, char **argv)
{
    struct traffic t = { 0 };
    if (!po.file) return cli_usage(c, "-f FILE is missing");
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    json_t *spec = r == EXIT_OK ? platform_spec(po.file, "Traffic") : NULL;
    if (r == EXIT_OK && !spec) r = EXIT_FAILED;
    if (r == EXIT_OK) r = traffic_load(c, argc ? argv[0] : NULL, &t);
    if (r == EXIT_OK) {
        json_decref(t.spec);
        t.spec = json_incref(spec);
        r = traffic_order(c, &t);
    }
    json_decref(spec);
    traffic_free(&t);
    return r;
}

static int preview(struct cli *c, int argc, char **argv)
{
    po.dry_run = true;
    return set(c, argc, argv);
}

static const struct opt read_opts[] = { OPT_PROJECT, OPT_OUTPUT };
static const struct opt act_opts[] = { OPT_PROJECT, OPT_OUTPUT, OPT_REASON };
static const struct opt clear_opts[] = { OPT_PROJECT, OPT_OUTPUT, OPT_REASON, OPT_YES };
static const struct opt set_opts[] = { OPT_PROJECT, OPT_OUTPUT, OPT_REASON, OPT_DRY_RUN, OPT_FILE };

#define COMMAND(id, name_, args_, min_, max_, opts_, run_, brief_, examples_)                                                              \
    const struct command cmd_##id = { .name = name_,                                                                                       \
                                      .args = args_,                                                                                       \
                                      .brief = brief_,                                                                                     \
                                      .examples = examples_,                                                                               \
                                      .opts = opts_,                                                                                       \
                                      .n_opts = ARRAY_LEN(opts_),                                                                          \
                                      .min = min_,                                                                                         \
                                      .max = max_,                                                                                         \
                                      .run = run_ }

COMMAND(traffic_get, "traffic get", "[SERVICE]", 0, 1, read_opts, get, "where a service's traffic goes, ordered and observed",
        "  weft traffic get web\n  weft traffic get web -o yaml > traffic.yaml\n");
COMMAND(
    traffic_set, "traffic set", "[SERVICE] -f FILE", 0, 1, set_opts, set, "order a whole TrafficSpec from a file",
    "  weft traffic set web -f traffic.yaml --reason 'as in Git'\n  weft traffic get web -o yaml | sed s/5s/3s/ | weft traffic set web -f -\n");
COMMAND(traffic_preview, "traffic preview", "[SERVICE] -f FILE", 0, 1, set_opts, preview,
        "what a TrafficSpec would change, in words and as a diff", "  weft traffic preview web -f traffic.yaml\n");
COMMAND(traffic_history, "traffic history", "[SERVICE]", 0, 1, read_opts, history, "every change: who, when, why, what",
        "  weft traffic history web\n");
COMMAND(traffic_restore, "traffic restore", "[SERVICE] CHANGE", 1, 2, act_opts, restore, "bring the state after a change back",
        "  weft traffic restore web 12 --reason 'that one was right'\n");
COMMAND(traffic_clear, "traffic clear", "[SERVICE]", 0, 1, clear_opts, clear, "take everything back that was ordered for a service",
        "  weft traffic clear web --yes\n");
COMMAND(undo, "undo", "[SERVICE]", 0, 1, act_opts, undo, "take the last change of a service's traffic back",
        "  weft undo\n  weft undo web --reason 'wrong service'\n");
