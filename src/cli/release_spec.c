#include "cli/release_spec.h"
#include "cli/api.h"
#include "cli/traffic_spec.h"

#include <math.h>

static json_t *number(double v) { return v == floor(v) ? json_integer((json_int_t)v) : json_real(v); }

static int set_duration(json_t *to, const char *key, const char *option, const char *text, struct err *e)
{
    char buf[32];
    if (!spec_duration(text, buf, sizeof buf)) return err_set(e, -EINVAL, "%s \"%s\" is not a time such as 90s or 10m", option, text);
    return json_object_set_new(to, key, json_string(buf));
}

/* Who gets the new version at each step: [{"match": conditions}]. */
static void add_cohort(json_t *step, const json_t *match)
{
    if (json_array_size(match)) json_object_set_new(step, "match", json_pack("[{s:O}]", "match", match));
}

static int add_step(json_t *steps, struct str word, const struct release_words *w, const json_t *match, double *before, struct err *e)
{
    struct str bake = word, weight = str_cut(&bake, ':');
    AUTO(free_p) char *percent = str_dup(str_trim(weight));
    AUTO(free_p) char *time = bake.p ? str_dup(str_trim(bake)) : NULL;
    double v;
    if (!spec_percent(percent, &v)) {
        err_set(e, -EINVAL, "--steps: \"%s\" is not a percentage", percent);
        return err_hint(e, "for instance --steps 5,25,50,100 or --steps 5:2m,50:10m,100");
    }
    if (v < *before) return err_set(e, -EINVAL, "--steps: %g %% comes after %g %%; weights grow", v, *before);
    *before = v;
    json_t *step = json_object();
    json_array_append_new(steps, step);
    add_cohort(step, match);
    json_object_set_new(step, "weight", number(v));
    if ((time || w->bake) && set_duration(step, "bake", time ? "--steps" : "--bake", time ? time : w->bake, e) < 0) return e->code;
    return 0;
}

static int add_steps(json_t *spec, const struct release_words *w, const json_t *match, struct err *e)
{
    /* The weights of the strategy `gray`: what a cohort without weights of its own goes on with. */
    struct str rest = str_of(w->steps ? w->steps : "5,25,50,100");
    json_t *steps = json_array();
    double before = 0;
    json_object_set_new(spec, "steps", steps);
    if (json_array_size(match)) {
        json_t *first = json_pack("{s:s, s:i}", "name", "cohort", "weight", 0);
        json_array_append_new(steps, first);
        add_cohort(first, match);
        if (w->bake && set_duration(first, "bake", "--bake", w->bake, e) < 0) return e->code;
    }
    while (rest.p) {
        if (add_step(steps, str_cut(&rest, ','), w, match, &before, e) < 0) return e->code;
    }
    return 0;
}

static int add_approvals(json_t *spec, const char *from, struct err *e)
{
    double at;
    size_t i;
    json_t *step;
    if (!spec_percent(from, &at)) return err_set(e, -EINVAL, "--approval-from \"%s\" is not a percentage", from);
    json_array_foreach (json_object_get(spec, "steps"), i, step) {
        if (json_real_at(step, "weight") >= at) json_object_set_new(step, "approval", json_pack("{s:s}", "role", "releaser"));
    }
    if (i == 0) return err_set(e, -EINVAL, "--approval-from needs --steps: which steps there are");
    return 0;
}

static void set_text(json_t *spec, const char *key, const char *text)
{
    if (text) json_object_set_new(spec, key, json_string(text));
}

int release_spec_apply(json_t *spec, const struct release_words *w, const json_t *match, struct err *e)
{
    bool own_steps = w->steps || json_array_size(match);
    set_text(spec, "from", w->from);
    set_text(spec, "to", w->to);
    set_text(spec, "strategy", w->strategy);
    set_text(spec, "inconclusive", w->inconclusive);
    set_text(spec, "supersede", w->supersede);
    set_text(spec, "reason", w->reason);
    if (w->warm_for && set_duration(spec, "warmFor", "--warm-for", w->warm_for, e) < 0) return e->code;
    if (own_steps && w->strategy && strcmp(w->strategy, "gray") != 0 && strcmp(w->strategy, "custom") != 0) {
        err_set(e, -EINVAL, "--strategy %s has steps of its own", w->strategy);
        return err_hint(e, "leave it out where you say %s", w->steps ? "--steps" : "--header");
    }
    if (own_steps) json_object_del(spec, "strategy");
    if (own_steps && add_steps(spec, w, match, e) < 0) return e->code;
    if (!own_steps && !json_object_get(spec, "steps") && !json_object_get(spec, "strategy"))
        json_object_set_new(spec, "strategy", json_string("progressive"));
    if (w->bake && !own_steps) {
        err_set(e, -EINVAL, "--bake needs --steps (or --header): a strategy has its own times");
        return err_hint(e, "for instance --steps 5,25,50,100 --bake %s", w->bake);
    }
    return w->approval_from ? add_approvals(spec, w->approval_from, e) : 0;
}
