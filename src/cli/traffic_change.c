/* weft traffic split, rule, timeout, retries, fault, mirror, sticky: one field of a service's traffic each. They read what is
 * ordered, change that field, and order the whole: with the ETag of what was read, so that nobody's change is lost. */
#include "base/clock.h"
#include "cli/traffic.h"
#include "cli/traffic_spec.h"

static struct {
    const char *name, *to, *users, *by, *remove, *off, *on_again; /* rule */
    bool first;
    const char *per_try;
    struct text_list on; /* retries */
    const char *percent, *delay, *grpc;
    int status;
    int64_t for_ms; /* fault */
} o;

/* Loads, lets `edit` change the spec, orders. The service is argv[0] when it does not look like a value of the command. */
static int change(struct cli *c, const char *word, int (*edit)(json_t *spec, void *arg, struct err *e), void *arg)
{
    struct traffic t = { 0 };
    struct err e = { 0 };
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = traffic_load(c, word, &t);
    if (r == EXIT_OK && edit(t.spec, arg, &e) < 0) {
        char text[1024];
        r = cli_usage(c, "%s", err_text(&e, text, sizeof text) + strlen("error: "));
    }
    if (r == EXIT_OK) r = traffic_order(c, &t);
    traffic_free(&t);
    return r;
}

static int drop(json_t *object, const char *key)
{
    json_object_del(object, key);
    return 0;
}

struct words {
    int n;
    char **v;
};

/* ---- split ---- */

static int edit_split(json_t *spec, void *arg, struct err *e)
{
    struct words *w = arg;
    return spec_split(spec, w->n, w->v, e);
}

static int split(struct cli *c, int argc, char **argv)
{
    bool service = strchr(argv[0], '=') == NULL;
    struct words w = { argc - service, argv + service };
    if (w.n == 0) return cli_usage(c, "weights are missing, for instance: weft traffic split %s v1=90 v2=10", argv[0]);
    return change(c, service ? argv[0] : NULL, edit_split, &w);
}

/* ---- rule ---- */

static int remove_rule(json_t *spec, const char *name, struct err *e)
{
    int at = spec_rule_index(spec, name);
    if (at < 0) return err_set(e, -ENOENT, "there is no rule \"%s\"", name);
    return json_array_remove(json_object_get(spec, "rules"), (size_t)at);
}

static int switch_rule(json_t *spec, const char *name, bool off, struct err *e)
{
    int at = spec_rule_index(spec, name);
    if (at < 0) return err_set(e, -ENOENT, "there is no rule \"%s\"", name);
    json_t *rule = json_array_get(json_object_get(spec, "rules"), (size_t)at);
    return off ? json_object_set_new(rule, "off", json_true()) : drop(rule, "off");
}

/* "version-200": from the first condition, when the person gave no name. */
static char *name_of(const json_t *match, const char *to)
{
    static const char *const kinds[] = { "header", "metadata", "cookie", "query" };
    const json_t *first = json_array_get(match, 0);
    for (size_t i = 0; first && i < ARRAY_LEN(kinds); i++) {
        const char *name = json_text(first, kinds[i]), *value = json_text(first, "exact");
        if (name) return value ? xasprintf("%s-%s", name, value) : xstrdup(name);
    }
    return xasprintf("users-to-%s", to);
}

static int add_users(json_t *rule, struct err *e)
{
    double percent;
    json_t *by;
    if (!o.users) return 0;
    if (!spec_percent(o.users, &percent)) return err_set(e, -EINVAL, "--users \"%s\" is not a percentage", o.users);
    if (!o.by) {
        err_set(e, -EINVAL, "--users needs --by: what tells users apart");
        return err_hint(e, "for instance --by header:x-user-id");
    }
    if (spec_attribute(o.by, &by, e) < 0) return e->code;
    json_object_set_new(rule, "users", json_pack("{s:f, s:o}", "percent", percent, "by", by));
    return 0;
}

static int add_rule(json_t *spec, const char *name, struct err *e)
{
    json_t *match;
    if (!o.to) return err_set(e, -EINVAL, "--to VERSION is missing");
    if (spec_has_version(spec, o.to, e) < 0 || spec_match(&match_options, &match, e) < 0) return e->code;
    if (json_array_size(match) == 0 && !o.users) {
        json_decref(match);
        err_set(e, -EINVAL, "the rule does not say for whom");
        return err_hint(e, "for instance --header version=200, or --users 5 --by header:x-user-id");
    }
    AUTO(free_p) char *made = name ? xstrdup(name) : name_of(match, o.to);
    json_t *rule = json_pack("{s:s}", "name", made);
    if (json_array_size(match)) json_object_set(rule, "match", match);
    json_decref(match);
    if (add_users(rule, e) < 0) {
        json_decref(rule);
        return e->code;
    }
    json_object_set_new(rule, "to", json_string(o.to));
    spec_put_rule(spec, rule, o.first);
    return 0;
}

static int edit_rule(json_t *spec, void *arg, struct err *e)
{
    if (o.remove) return remove_rule(spec, o.remove, e);
    if (o.off || o.on_again) return switch_rule(spec, o.off ? o.off : o.on_again, o.off, e);
    return add_rule(spec, arg, e);
}

static int rule(struct cli *c, int argc, char **argv) { return change(c, argc ? argv[0] : NULL, edit_rule, (void *)(uintptr_t)o.name); }

/* ---- timeout, retries ---- */

static bool is_off(const char *word) { return strcmp(word, "off") == 0 || strcmp(word, "none") == 0; }

static int edit_timeout(json_t *spec, void *arg, struct err *e)
{
    char text[32];
    if (is_off(arg)) return drop(spec, "timeout");
    if (!spec_duration(arg, text, sizeof text)) return err_set(e, -EINVAL, "\"%s\" is not a time such as 5s, 500ms or off", (char *)arg);
    return json_object_set_new(spec, "timeout", json_string(text));
}

static int timeout(struct cli *c, int argc, char **argv) { return change(c, argc == 2 ? argv[0] : NULL, edit_timeout, argv[argc - 1]); }

static int edit_retries(json_t *spec, void *arg, struct err *e)
{
    uint64_t n;
    char text[32];
    if (is_off(arg)) return drop(spec, "retries");
    if (!str_u64(str_of(arg), &n) || n > 100) return err_set(e, -EINVAL, "\"%s\" is not a number of attempts, or off", (char *)arg);
    json_t *r = json_pack("{s:I}", "attempts", (json_int_t)n);
    json_object_set_new(spec, "retries", r);
    if (o.per_try && !spec_duration(o.per_try, text, sizeof text))
        return err_set(e, -EINVAL, "--per-try \"%s\" is not a time such as 2s", o.per_try);
    if (o.per_try) json_object_set_new(r, "perTryTimeout", json_string(text));
    json_t *on = json_array();
    for (int i = 0; i < o.on.n; i++) {
        struct str rest = str_of(o.on.v[i]);
        while (rest.p) {
            struct str one = str_trim(str_cut(&rest, ','));
            if (one.n) json_array_append_new(on, json_stringn(one.p, one.n));
        }
    }
    if (json_array_size(on)) json_object_set(r, "on", on);
    json_decref(on);
    return 0;
}

static int retries(struct cli *c, int argc, char **argv) { return change(c, argc == 2 ? argv[0] : NULL, edit_retries, argv[argc - 1]); }

/* ---- fault ---- */

static int fault_effect(json_t *f, struct err *e)
{
    char text[32];
    if (!o.delay + !o.status + !o.grpc != 2) {
        err_set(e, -EINVAL, "a fault is one of --delay, --status and --grpc");
        return err_hint(e, "for instance --percent 10 --delay 2s");
    }
    if (o.delay && !spec_duration(o.delay, text, sizeof text))
        return err_set(e, -EINVAL, "--delay \"%s\" is not a time such as 2s", o.delay);
    if (o.delay) json_object_set_new(f, "delay", json_string(text));
    if (o.status) json_object_set_new(f, "httpStatus", json_integer(o.status));
    if (o.grpc) json_object_set_new(f, "grpcStatus", json_string(o.grpc));
    return 0;
}

static int edit_fault(json_t *spec, void *arg, struct err *e)
{
    double percent = 100;
    char until[40];
    json_t *match, *f = json_object(), *faults = json_object_get(spec, "faults");
    if (arg) {
        json_decref(f);
        return drop(spec, "faults");
    }
    if (o.percent && !spec_percent(o.percent, &percent)) err_set(e, -EINVAL, "--percent \"%s\" is not a percentage", o.percent);
    if (e->code == 0 && spec_match(&match_options, &match, e) == 0) {
        if (json_array_size(match)) json_object_set(f, "match", match);
        json_decref(match);
    }
    if (e->code == 0) fault_effect(f, e);
    if (e->code) {
        json_decref(f);
        return e->code;
    }
    json_object_set_new(f, "percent", json_real(percent));
    if (o.for_ms) json_object_set_new(f, "until", json_string(clock_rfc3339(clock_wall_ms() + o.for_ms, until, sizeof until)));
    if (!faults) json_object_set_new(spec, "faults", faults = json_array());
    return json_array_append_new(faults, f);
}

static int fault(struct cli *c, int argc, char **argv)
{
    bool off = argc && is_off(argv[argc - 1]);
    if (argc == 2 && !off) return cli_usage(c, "unexpected argument \"%s\"", argv[1]);
    return change(c, argc > (off ? 1 : 0) ? argv[0] : NULL, edit_fault, off ? argv[argc - 1] : NULL);
}

/* ---- mirror, sticky ---- */

static int edit_mirror(json_t *spec, void *arg, struct err *e)
{
    struct words *w = arg;
    double percent = 100;
    if (is_off(w->v[0])) return drop(spec, "mirror");
    if (spec_has_version(spec, w->v[0], e) < 0) return e->code;
    if (o.percent && !spec_percent(o.percent, &percent)) return err_set(e, -EINVAL, "--percent \"%s\" is not a percentage", o.percent);
    json_t *m = json_pack("{s:s}", "to", w->v[0]);
    if (o.percent) json_object_set_new(m, "percent", json_real(percent));
    return json_object_set_new(spec, "mirror", m);
}

static int mirror(struct cli *c, int argc, char **argv)
{
    struct words w = { 1, argv + argc - 1 };
    return change(c, argc == 2 ? argv[0] : NULL, edit_mirror, &w);
}

static int edit_sticky(json_t *spec, void *arg, struct err *e)
{
    json_t *by;
    if (is_off(arg)) return drop(spec, "sticky");
    if (spec_attribute(arg, &by, e) < 0) return e->code;
    return json_object_set_new(spec, "sticky", by);
}

static int sticky(struct cli *c, int argc, char **argv) { return change(c, argc == 2 ? argv[0] : NULL, edit_sticky, argv[argc - 1]); }

/* clang-format off */
static const struct opt plain_opts[] = { OPT_PROJECT, OPT_REASON, OPT_DRY_RUN, OPT_OUTPUT };
static const struct opt rule_opts[] = {
    OPT_MATCH,
    { "name", 0, OPT_TEXT, &o.name, "RULE", "its name (default: made from the condition); a rule of that name is replaced" },
    { "users", 0, OPT_TEXT, &o.users, "PERCENT", "only this share of users; who is in stays in when it grows" },
    { "by", 0, OPT_TEXT, &o.by, "header:NAME", "what tells users apart (header, metadata, cookie, query)" },
    { "to", 0, OPT_TEXT, &o.to, "VERSION", "where they go" },
    { "first", 0, OPT_FLAG, &o.first, NULL, "before the other rules (the first that matches wins)" },
    { "remove", 0, OPT_TEXT, &o.remove, "RULE", "take a rule out" },
    { "off", 0, OPT_TEXT, &o.off, "RULE", "keep a rule, but do not carry it out" },
    { "on", 0, OPT_TEXT, &o.on_again, "RULE", "carry it out again" },
    OPT_PROJECT, OPT_REASON, OPT_DRY_RUN, OPT_OUTPUT,
};
static const struct opt retries_opts[] = {
    { "per-try", 0, OPT_TEXT, &o.per_try, "TIME", "how long one attempt may take" },
    { "on", 0, OPT_LIST, &o.on, "WHAT", "conditions and codes: connect-failure,unavailable,503 (may be repeated)" },
    OPT_PROJECT, OPT_REASON, OPT_DRY_RUN, OPT_OUTPUT,
};
static const struct opt fault_opts[] = {
    { "percent", 0, OPT_TEXT, &o.percent, "PERCENT", "of requests (default 100)" },
    { "delay", 0, OPT_TEXT, &o.delay, "TIME", "answer late" },
    { "status", 0, OPT_INT, &o.status, "CODE", "answer with this HTTP status" },
    { "grpc", 0, OPT_TEXT, &o.grpc, "STATUS", "answer with this gRPC status: UNAVAILABLE" },
    { "for", 0, OPT_TIME, &o.for_ms, "TIME", "it ends by itself after this time" },
    OPT_MATCH,
    OPT_PROJECT, OPT_REASON, OPT_DRY_RUN, OPT_OUTPUT,
};
static const struct opt mirror_opts[] = {
    { "percent", 0, OPT_TEXT, &o.percent, "PERCENT", "of requests (default 100)" },
    OPT_PROJECT, OPT_REASON, OPT_DRY_RUN, OPT_OUTPUT,
};

#define COMMAND(id, name_, args_, min_, max_, opts_, brief_, examples_)                                                                    \
    const struct command cmd_traffic_##id = { .name = "traffic " name_, .args = args_, .brief = brief_, .examples = examples_,             \
                                              .opts = opts_, .n_opts = ARRAY_LEN(opts_), .min = min_, .max = max_, .run = id }

COMMAND(split, "split", "[SERVICE] VERSION=PERCENT...", 1, -1, plain_opts, "how many percent each version gets",
        "  weft traffic split web v1=90 v2=10 --reason 'first look'\n  weft traffic split web v2=25          # the stable version gets the rest\n"
        "  weft traffic split web v2=50 --dry-run\n");
COMMAND(rule, "rule", "[SERVICE] --header NAME=VALUE --to VERSION", 0, 1, rule_opts, "who goes to a version whatever the split says",
        "  weft traffic rule web --header version=200 --to v2\n  weft traffic rule web --name testers --cookie beta=yes --to v2 --first\n"
        "  weft traffic rule web --users 5 --by header:x-user-id --to v2\n  weft traffic rule web --remove version-200\n");
COMMAND(timeout, "timeout", "[SERVICE] TIME|off", 1, 2, plain_opts, "how long a request may take",
        "  weft traffic timeout web 5s\n  weft traffic timeout web off\n");
COMMAND(retries, "retries", "[SERVICE] ATTEMPTS|off", 1, 2, retries_opts, "how often a failed request is tried again",
        "  weft traffic retries web 2 --per-try 1s --on connect-failure,503\n  weft traffic retries web 0     # never\n");
COMMAND(fault, "fault", "[SERVICE] [off]", 0, 2, fault_opts, "make requests late or fail, to see who can bear it",
        "  weft traffic fault web --percent 10 --delay 2s --for 10m\n  weft traffic fault web --grpc UNAVAILABLE --header x-test=1\n"
        "  weft traffic fault web off\n");
COMMAND(mirror, "mirror", "[SERVICE] VERSION|off", 1, 2, mirror_opts, "send copies of requests to a version; its answers are dropped",
        "  weft traffic mirror web v2 --percent 20\n  weft traffic mirror web off\n");
COMMAND(sticky, "sticky", "[SERVICE] header:NAME|off", 1, 2, plain_opts, "keep each user on a version, by a hash of what tells users apart",
        "  weft traffic sticky web header:x-user-id\n  weft traffic sticky web off\n");
/* clang-format on */
