/* weft release promote, approve, reject, pause, resume, skip, abort, rollback, retry, take-theirs, keep-ours, note: one call each, with
 * the step at which the release stood when the command looked (or the one that the person names), so that nobody acts on what is past. */
#include "cli/release_watch.h"

#include <math.h>

static struct {
    bool full, override;
    int step;
    const char *to;
} o;

static const char *verb_of(const struct cli *c) { return strchr(c->command->name, ' ') + 1; }

/* What a verb does, for the question that is asked first; NULL: no question. */
static char *question(const char *verb, const struct release_ref *ref)
{
    const char *service = json_text(ref->release, "service.name"), *from = json_text(ref->release, "from");
    if (strcmp(verb, "take-theirs") == 0)
        return xasprintf("Let what somebody else changed for %s stand, and end %s#%" PRId64 "?", service, ref->project, ref->n);
    if (strcmp(verb, "promote") == 0 && o.full)
        return xasprintf("Send all requests of %s to %s now, without the steps between?", service, json_text(ref->release, "to"));
    if (strcmp(verb, "abort") == 0)
        return xasprintf("Send all requests of %s back to %s and end %s#%" PRId64 "?", service, from, ref->project, ref->n);
    return NULL;
}

static int done(struct cli *c, struct release_ref *ref)
{
    struct buf line = { 0 };
    if (c->output) return platform_print(c, ref->release, "name");
    if (po.wait || po.watch) return release_follow(c, ref, !po.watch);
    release_line(ref->release, &line);
    printf("%s#%" PRId64 "%s %.*s\n", ref->project, ref->n, strcmp(verb_of(c), "note") == 0 ? " (noted)" : "", (int)line.len,
           buf_data(&line));
    buf_free(&line);
    return EXIT_OK;
}

/* One verb about the release as it stands in ref, which then holds the answer. */
static int send(struct cli *c, struct release_ref *ref, const char *verb, const char *text)
{
    json_t *answer = NULL, *body = json_object();
    int64_t step = po.if_step ? po.if_step - 1 : json_number(ref->release, "step", -1);
    AUTO(free_p) char *path = xasprintf("%s:%s", ref->path, verb);
    json_object_set_new(body, "step", json_integer(step));
    if (text || po.reason) json_object_set_new(body, "reason", json_string(text ? text : po.reason));
    if (o.full) json_object_set_new(body, "full", json_true());
    if (o.override) json_object_set_new(body, "override", json_true());
    int r = platform_call(c, "POST", path, NULL, body, &answer);
    if (r == EXIT_OK) {
        json_decref(ref->release);
        ref->release = answer;
    }
    return r;
}

static int with_release(struct cli *c, const char *word, const char *text)
{
    struct release_ref ref = { 0 };
    const char *verb = verb_of(c);
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_release(c, word, &ref);
    AUTO(free_p) char *ask = r == EXIT_OK ? question(verb, &ref) : NULL;
    if (ask) r = platform_confirm("%s", ask);
    if (r == EXIT_OK) r = send(c, &ref, verb, text);
    if (r == EXIT_OK) r = done(c, &ref);
    release_ref_free(&ref);
    return r;
}

static int act(struct cli *c, int argc, char **argv) { return with_release(c, argc ? argv[0] : NULL, NULL); }

/* `promote --step N`: the bake of each step before N is ended, one after the other; each must be allowed. */
static int promote_to(struct cli *c, struct release_ref *ref)
{
    int r = EXIT_OK;
    int64_t last = -1;
    if (o.step > json_number(ref->release, "steps", 0))
        return cli_failf("%s#%" PRId64 " has %" PRId64 " steps", ref->project, ref->n, json_number(ref->release, "steps", 0));
    while (r == EXIT_OK && json_number(ref->release, "step", -1) + 1 < o.step) {
        int64_t at = json_number(ref->release, "step", -1);
        if (at == last) break; /* it waits for something (pods, an approval): the next promote would be about the same step */
        last = at;
        r = send(c, ref, "promote", NULL);
        po.if_step = 0;
    }
    if (r == EXIT_OK && json_number(ref->release, "step", -1) + 1 < o.step) {
        struct buf line = { 0 };
        release_line(ref->release, &line);
        r = cli_failf("it stands before step %d: %.*s", o.step, (int)line.len, buf_data(&line));
        buf_free(&line);
    }
    return r;
}

static int promote(struct cli *c, int argc, char **argv)
{
    struct release_ref ref = { 0 };
    if (o.full && o.step) return cli_usage(c, "--full and --step exclude each other");
    if (!o.step) return act(c, argc, argv);
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_release(c, argc ? argv[0] : NULL, &ref);
    if (r == EXIT_OK) r = promote_to(c, &ref);
    if (r == EXIT_OK) r = done(c, &ref);
    release_ref_free(&ref);
    return r;
}

/* Without a version: what this release did is taken back. With one: a release back to it, all at once (fast track). */
static int rollback(struct cli *c, int argc, char **argv)
{
    struct service_ref s = { 0 };
    json_t *answer = NULL;
    if (!o.to) return act(c, argc, argv);
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r == EXIT_OK) r = platform_service(c, argc ? argv[0] : NULL, &s);
    if (r == EXIT_OK) r = platform_confirm("Send all requests of %s to %s at once?", s.name, o.to);
    if (r != EXIT_OK) {
        service_ref_free(&s);
        return r;
    }
    AUTO(free_p) char *path = project_path(s.project, "/releases");
    json_t *spec = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "project", s.project, "service", s.name, "to", o.to, "strategy", "fast-track",
                             "reason", po.reason);
    r = platform_call(c, "POST", path, NULL, json_pack("{s:o}", "spec", spec), &answer);
    if (r == EXIT_OK) {
        struct release_ref ref = { .n = json_number(answer, "n", 0), .release = answer };
        ref.project = xstrdup(s.project);
        ref.path = project_path(s.project, "/releases/%" PRId64, ref.n);
        r = done(c, &ref);
        release_ref_free(&ref);
    }
    service_ref_free(&s);
    return r;
}

static int note(struct cli *c, int argc, char **argv) { return with_release(c, argc == 2 ? argv[0] : NULL, argv[argc - 1]); }

/* clang-format off */
#define OPT_STEP_SEEN { "if-step", 0, OPT_INT, &po.if_step, "N", "only when it stands at this step" }
#define OPT_ACT OPT_STEP_SEEN, OPT_PROJECT, OPT_REASON, OPT_OUTPUT, OPT_WAIT, OPT_TIMEOUT, \
    { "watch", 'w', OPT_FLAG, &po.watch, NULL, "live until it ends" }

static const struct opt act_opts[] = { OPT_ACT };
static const struct opt ask_opts[] = { OPT_ACT, OPT_YES };
static const struct opt resume_opts[] = { OPT_ACT, { "override", 0, OPT_FLAG, &o.override, NULL, "through a freeze window (owners, with a reason)" } };
static const struct opt promote_opts[] = {
    { "full", 0, OPT_FLAG, &o.full, NULL, "to the last step at once" },
    { "step", 0, OPT_INT, &o.step, "N", "on to this step" },
    OPT_ACT, OPT_YES,
};
static const struct opt rollback_opts[] = {
    { "to", 0, OPT_TEXT, &o.to, "VERSION", "to this version, by a release of its own, at once" },
    OPT_ACT, OPT_YES,
};
static const struct opt note_opts[] = { OPT_PROJECT, OPT_OUTPUT };

#define VERB(id, name_, args_, min_, max_, opts_, run_, brief_, examples_)                                                                 \
    const struct command cmd_release_##id = { .name = "release " name_, .args = args_, .brief = brief_, .examples = examples_,             \
                                              .opts = opts_, .n_opts = ARRAY_LEN(opts_), .min = min_, .max = max_, .run = run_ }
#define REF "[PROJECT#N|SERVICE]"

VERB(promote, "promote", REF, 0, 1, promote_opts, promote, "go to the next step now",
     "  weft release promote web\n  weft release promote shop#12 --if-step 2\n  weft release promote web --full --yes --reason 'looked at it'\n");
VERB(approve, "approve", REF, 0, 1, act_opts, act, "say yes to the step that waits", "  weft release approve shop#12 --reason 'errors are flat'\n");
VERB(reject, "reject", REF, 0, 1, act_opts, act, "say no to the step that waits", "  weft release reject shop#12 --reason 'latency'\n");
VERB(pause, "pause", REF, 0, 1, act_opts, act, "stay at this step; harm still rolls back", "  weft release pause web\n");
VERB(resume, "resume", REF, 0, 1, resume_opts, act, "go on after a pause", "  weft release resume web\n");
VERB(skip, "skip", REF, 0, 1, act_opts, act, "leave the next step out", "  weft release skip web --if-step 2\n");
VERB(abort, "abort", REF, 0, 1, ask_opts, act, "all requests back to the old version, and end", "  weft release abort web --yes --reason 'wrong build'\n");
VERB(rollback, "rollback", REF, 0, 1, rollback_opts, rollback, "all requests back to the old version, also after it has ended well",
     "  weft release rollback web --reason 'orders are missing'\n  weft release rollback web --to v1 --yes\n");
VERB(retry, "retry", REF, 0, 1, act_opts, act, "try the step again, or a release that has ended from its beginning", "  weft release retry shop#12\n");
VERB(take_theirs, "take-theirs", REF, 0, 1, ask_opts, act, "held by somebody's change: let it stand, end the release", "  weft release take-theirs shop#12 --yes\n");
VERB(keep_ours, "keep-ours", REF, 0, 1, act_opts, act, "held by somebody's change: go on as the release ordered", "  weft release keep-ours shop#12\n");
VERB(note, "note", REF " TEXT", 1, 2, note_opts, note, "a line in the release's log", "  weft release note web 'looked at the dashboards: fine'\n");
/* clang-format on */
