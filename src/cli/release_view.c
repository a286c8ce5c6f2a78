#include "cli/release_view.h"
#include "cli/platform.h"

#include <math.h>

enum release_outcome release_outcome(const char *state)
{
    static const struct {
        const char *state;
        enum release_outcome is;
    } ends[] = {
        { "succeeded", RELEASE_GOOD }, { "warm", RELEASE_GOOD },      { "rolled-back", RELEASE_BACK },
        { "aborted", RELEASE_BACK },   { "superseded", RELEASE_BAD }, { "failed", RELEASE_BAD },
    };
    for (size_t i = 0; state && i < ARRAY_LEN(ends); i++) {
        if (strcmp(state, ends[i].state) == 0) return ends[i].is;
    }
    return RELEASE_OPEN;
}

/* ---- small parts ---- */

struct out {
    struct buf *b;
    const struct view_options *o;
};

static void text(struct buf *b, const char *s)
{
    AUTO(free_p) char *clean = plain(s);
    if (clean) buf_puts(b, clean);
}

static void colour(struct out *w, const char *code)
{
    if (w->o->colour) buf_printf(w->b, "\033[%sm", code);
}

/* What a chip says by its colour, besides its word. */
static const char *verdict_colour(const char *verdict)
{
    static const struct {
        const char *verdict, *colour;
    } all[] = { { "no-harm", "32" },  { "succeeded", "32" }, { "promoting", "32" }, { "harm-likely", "31" },  { "rolled-back", "31" },
                { "aborted", "31" },  { "failed", "31" },    { "held", "33" },      { "inconclusive", "33" }, { "paused", "33" },
                { "approval", "35" }, { "harm", "31" },      { "watching", "36" } };
    for (size_t i = 0; verdict && i < ARRAY_LEN(all); i++) {
        if (strcmp(all[i].verdict, verdict) == 0) return all[i].colour;
    }
    return "0";
}

static void span(int64_t ms, struct buf *b)
{
    int64_t s = MAX(ms, (int64_t)0) / 1000;
    if (s < 120)
        buf_printf(b, "%" PRId64 " s", s);
    else if (s < 7200)
        buf_printf(b, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        buf_printf(b, "%" PRId64 " h %" PRId64 " min", s / 3600, s % 3600 / 60);
}

/* The API's steps count from 0, people from 1. */
static int64_t step_number(const json_t *release) { return json_number(release, "step", -1) + 1; }

static const char *words_of_state(const char *state)
{
    static const struct {
        const char *state, *words;
    } all[] = { { "awaiting-approval", "waits for an approval" },
                { "warm", "done; the old version stays warm" },
                { "rolling-back", "rolling back" },
                { "rolled-back", "rolled back" },
                { "applying", "ordering the weights" },
                { "verifying", "looking whether traffic goes as ordered" } };
    for (size_t i = 0; state && i < ARRAY_LEN(all); i++) {
        if (strcmp(all[i].state, state) == 0) return all[i].words;
    }
    return state ? state : "unknown";
}

/* ---- head ---- */

static void head(struct out *w, const json_t *r)
{
    char when[40], weight[32];
    const char *state = json_text(r, "state"), *verdict = json_text(r, "verdict"), *by = json_text(r, "startedBy");
    int64_t left = json_number(r, "bakeLeftMs", -1);
    colour(w, "1");
    text(w->b, json_text(r, "project"));
    buf_printf(w->b, "#%" PRId64 "  ", json_number(r, "n", 0));
    text(w->b, json_text(r, "service.name"));
    buf_printf(w->b, "  ");
    text(w->b, json_text(r, "from"));
    buf_puts(w->b, w->o->utf8 ? " \u2192 " : " -> ");
    text(w->b, json_text(r, "to"));
    colour(w, "0");
    buf_printf(w->b, "  %s  started %s", json_text(r, "strategy") ? json_text(r, "strategy") : "own steps",
               text_local(json_text(r, "startedAt"), when, sizeof when));
    if (by) {
        buf_puts(w->b, " by ");
        text(w->b, by);
    }
    buf_puts(w->b, "\n");
    colour(w, verdict_colour(verdict));
    buf_printf(w->b, "%s", verdict ? verdict : state ? state : "unknown");
    colour(w, "0");
    buf_printf(w->b, "  %s", words_of_state(state));
    if (release_outcome(state) == RELEASE_OPEN && step_number(r) > 0)
        buf_printf(w->b, ", step %" PRId64 " of %" PRId64 ", %s to the new version", step_number(r), json_number(r, "steps", 0),
                   text_percent(json_real_at(r, "weight"), weight, sizeof weight));
    if (left > 0) {
        buf_puts(w->b, ", ");
        span(left, w->b);
        buf_puts(w->b, " left");
    }
    buf_puts(w->b, "\n");
    const char *why = json_text(r, "verdictReason") ? json_text(r, "verdictReason") : json_text(r, "sentence");
    if (why && *why) {
        text(w->b, why);
        buf_puts(w->b, "\n");
    }
}

/* ---- split ---- */

static double share(const json_t *split, const char *version)
{
    const json_t *v = version ? json_object_get(split, version) : NULL;
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static void bar(struct out *w, const char *label, const json_t *split, const char *from, const char *to)
{
    unsigned width = w->o->width && w->o->width < 80 ? 24 : 40;
    double b = share(split, to), a = share(split, from);
    char ta[32], tb[32];
    if (!json_is_object(split) || (isnan(a) && isnan(b))) return;
    if (isnan(b)) b = 100 - a;
    if (isnan(a)) a = 100 - b;
    unsigned fill = (unsigned)lround(b / 100 * width);
    if (b > 0 && fill == 0) fill = 1;
    if (b < 100 && fill == width) fill = width - 1;
    buf_printf(w->b, "%-9s ", label);
    colour(w, "36");
    for (unsigned i = 0; i < width - MIN(fill, width); i++) buf_puts(w->b, w->o->utf8 ? "\u2500" : "-");
    colour(w, "35");
    for (unsigned i = 0; i < fill && i < width; i++) buf_puts(w->b, w->o->utf8 ? "\u2501" : "#");
    colour(w, "0");
    buf_printf(w->b, "  %s %s   %s %s\n", from, text_percent(a, ta, sizeof ta), to, text_percent(b, tb, sizeof tb));
}

static void bars(struct out *w, const json_t *r)
{
    const char *from = json_text(r, "from"), *to = json_text(r, "to");
    if (!from || !to) return;
    bar(w, "ordered", json_object_get(r, "ordered"), from, to);
    bar(w, "observed", json_object_get(r, "observed"), from, to);
}

/* ---- steps ---- */

static const char *step_mark(const char *state, bool utf8)
{
    static const struct {
        const char *state, *utf8, *ascii;
    } all[] = { { "passed", "\u2713", "x" }, { "current", "\u25b6", ">" }, { "stopped", "\u2717", "!" }, { "skipped", "\u21b7", "-" } };
    for (size_t i = 0; state && i < ARRAY_LEN(all); i++) {
        if (strcmp(all[i].state, state) == 0) return utf8 ? all[i].utf8 : all[i].ascii;
    }
    return utf8 ? "\u00b7" : ".";
}

static void condition_words(const json_t *c, struct buf *b)
{
    static const char *const kinds[] = { "header", "metadata", "cookie", "query" };
    static const char *const ops[][2] = { { "exact", "=" }, { "prefix", "^=" }, { "regex", "~=" } };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *name = json_text(c, kinds[i]);
        if (!name) continue;
        buf_printf(b, "%s %s", kinds[i], name);
        for (size_t k = 0; k < ARRAY_LEN(ops); k++) {
            const char *value = json_text(c, ops[k][0]);
            if (value) buf_printf(b, "%s%s%s", json_is_true(json_object_get(c, "not")) ? "!" : "", ops[k][1], value);
        }
    }
}

/* Who gets the new version whatever the weight: "header version=200 or 5 % of users by header x-user-id". */
static void cohort_words(const json_t *match, struct buf *b)
{
    size_t i, k;
    json_t *one, *c;
    json_array_foreach ((json_t *)match, i, one) {
        if (i) buf_puts(b, " or ");
        const json_t *conditions = json_object_get(one, "match"), *users = json_object_get(one, "users");
        json_array_foreach ((json_t *)conditions, k, c) {
            if (k) buf_puts(b, " and ");
            condition_words(c, b);
        }
        char percent[32];
        if (json_is_object(users)) {
            buf_printf(b, "%s%s of users", json_array_size(conditions) ? ", " : "",
                       text_percent(json_real_at(users, "percent"), percent, sizeof percent));
        }
    }
    if (json_is_string(match)) buf_puts(b, json_string_value(match));
}

/* A duration as the API gives it ("90s") or nothing. */
static const char *duration(const json_t *step, const char *key)
{
    const char *d = json_text(step, key);
    return d && *d ? d : "-";
}

static void step_row(struct table *t, const json_t *s, size_t i, const struct view_options *o)
{
    struct buf who = { 0 };
    char number[32];
    const json_t *approval = json_object_get(s, "approval");
    double weight = json_real_at(s, "weight"), mirror = json_real_at(s, "mirror");
    cohort_words(json_object_get(s, "match"), &who);
    AUTO(free_p) char *match = buf_steal(&who);
    AUTO(free_p) char *name = plain(json_text(s, "name"));
    AUTO(free_p) char *note = plain(json_text(s, "note"));
    table_cell(t, step_mark(json_text(s, "state"), o->utf8));
    table_cellf(t, "%zu", i + 1);
    text_percent(weight, number, sizeof number);
    table_cell(t, name && strcmp(name, number) != 0 ? name : ""); /* most are named after their weight */
    table_cell(t, isnan(weight) ? "-" : number);
    table_cell(t, match && *match ? match : mirror > 0 ? "copies only" : "-");
    table_cell(t, duration(s, "bake"));
    if (json_is_object(approval))
        table_cellf(t, "%s", json_text(approval, "role") ? json_text(approval, "role") : "releaser");
    else
        table_cell(t, json_is_string(approval) ? json_string_value(approval) : "-");
    double requests = json_real_at(s, "requests"), gets = json_real_at(s, "gets"), finds = json_real_at(s, "findsIn");
    if (!isnan(gets)) /* a plan: what is expected */
        table_cellf(t, "%s/s", text_count(gets, number, sizeof number));
    else if (!isnan(requests) && requests > 0)
        table_cellf(t, "%s, %.0f failed", text_count(requests, number, sizeof number), fmax(json_real_at(s, "failed"), 0));
    else
        table_cell(t, "-");
    if (!isnan(finds)) {
        struct buf b = { 0 };
        span((int64_t)(finds * 1000), &b);
        table_cellf(t, "a rise by 1 point is found in about %.*s", STR_ARG(buf_str(&b)));
        buf_free(&b);
    } else
        table_cell(t, note ? note : "");
    table_row(t);
}

void release_steps(const json_t *steps, const struct view_options *o, struct buf *out)
{
    static const char *const headers[] = { "", "STEP", "NAME", "WEIGHT", "ALWAYS", "BAKE", "APPROVAL", "REQUESTS", "", NULL };
    struct table *t = table_new(headers);
    size_t i, n = 0;
    json_t *s;
    char *bytes = NULL;
    json_array_foreach ((json_t *)steps, i, s) step_row(t, s, i, o);
    FILE *f = open_memstream(&bytes, &n);
    must(f);
    table_print(t, f);
    fclose(f);
    buf_append(out, bytes, n);
    free(bytes);
    table_free(t);
}

/* ---- metrics ---- */

static const char *value(const char *id, double v, char *buf, size_t n)
{
    return strncmp(id, "latency", 7) == 0 || (id[0] == 'p' && id[1] >= '0' && id[1] <= '9') ? text_ms(v, buf, n)
           : strcmp(id, "errors") == 0 || strcmp(id, "split") == 0                          ? text_percent(v, buf, n)
                                                                                            : text_count(v, buf, n);
}

bool release_compared(const json_t *m)
{
    const char *id = json_text(m, "id");
    bool seen = !json_object_get(m, "canaryCount") || (json_real_at(m, "canaryCount") > 0 && json_real_at(m, "baselineCount") > 0);
    return seen && !isnan(json_real_at(m, "ratio")) && !(id && strcmp(id, "split") == 0);
}

static void metric_row(struct table *t, const json_t *m)
{
    char number[32];
    const char *id = json_text(m, "id") ? json_text(m, "id") : "-";
    double ratio = json_real_at(m, "ratio"), lo = json_real_at(m, "lo"), hi = json_real_at(m, "hi"), ship = json_real_at(m, "toShip");
    table_cell(t, id);
    table_cell(t, value(id, json_real_at(m, "baseline"), number, sizeof number));
    table_cell(t, value(id, json_real_at(m, "canary"), number, sizeof number));
    if (!release_compared(m))
        table_cell(t, "-");
    else if (isnan(lo) || isnan(hi) || hi > 20 * fmax(lo, 0.05))
        table_cell(t, "not known yet"); /* an interval that says nothing */
    else
        table_cellf(t, "x %.2f (%.2f to %.2f)", ratio, lo, hi);
    table_cell(t, json_text(m, "verdict") ? json_text(m, "verdict") : "-");
    if (!isnan(ship) && ship > 0) table_cellf(t, "%s more requests to be sure", text_count(ship, number, sizeof number));
    table_row(t);
}

static void metrics(struct out *w, const json_t *r)
{
    const json_t *tiles = json_object_get(r, "metrics");
    size_t i, n = 0;
    json_t *m;
    char *bytes = NULL;
    if (json_array_size(tiles) == 0) return;
    AUTO(free_p) char *from = plain(json_text(r, "from")), *to = plain(json_text(r, "to"));
    const char *const headers[] = { "METRIC", from ? from : "OLD", to ? to : "NEW", "NEW/OLD", "VERDICT", "", NULL };
    struct table *t = table_new(headers);
    json_array_foreach ((json_t *)tiles, i, m) metric_row(t, m);
    FILE *f = open_memstream(&bytes, &n);
    must(f);
    table_print(t, f);
    fclose(f);
    buf_puts(w->b, "\n");
    buf_append(w->b, bytes, n);
    free(bytes);
    table_free(t);
}

/* ---- what a person can do ---- */

static void actions(struct out *w, const json_t *r)
{
    size_t i, n = 0;
    json_t *a;
    json_array_foreach (json_object_get(r, "actions"), i, a) {
        if (!json_is_true(json_object_get(a, "allowed"))) continue;
        buf_puts(w->b, n++ ? ", " : "\nyou may: ");
        text(w->b, json_text(a, "verb"));
    }
    if (n) buf_puts(w->b, "\n");
}

static void held(struct out *w, const json_t *r)
{
    const json_t *h = json_object_get(r, "held"), *diff = json_object_get(h, "diff");
    size_t i;
    json_t *line;
    if (!json_is_object(h)) return;
    buf_puts(w->b, "held: ");
    text(w->b, json_text(h, "reason"));
    buf_puts(w->b, "\n");
    json_array_foreach ((json_t *)diff, i, line) {
        buf_printf(w->b, "  %s ", json_text(line, "op") ? json_text(line, "op") : " ");
        text(w->b, json_text(line, "text"));
        buf_puts(w->b, "\n");
    }
}

/* "step-entered" as "step entered, step 2" where the entry has no sentence. */
static char *code_words(const json_t *entry)
{
    const char *code = json_text(entry, "code");
    int64_t step = json_number(entry, "step", -1) + 1;
    if (!code) return NULL;
    char *words = step > 0 ? xasprintf("%s, step %" PRId64, code, step) : xstrdup(code);
    for (char *p = words; *p; p++) {
        if (*p == '-') *p = ' ';
    }
    return words;
}

void release_log_line(const json_t *entry, struct buf *out)
{
    static const char *const texts[] = { "sentence", "text", "message" };
    char when[40];
    const char *at = json_text(entry, "at"), *who = json_text(entry, "actor"), *reason = json_text(entry, "reason"), *what = NULL;
    for (size_t i = 0; i < ARRAY_LEN(texts) && !what; i++) what = json_text(entry, texts[i]);
    AUTO(free_p) char *code = what ? NULL : code_words(entry);
    if (code) what = code;
    buf_printf(out, "%s  ", text_local(at ? at : json_text(entry, "time"), when, sizeof when));
    if (who && (!what || strncmp(what, who, strlen(who)) != 0)) { /* sentences begin with who it was */
        text(out, who);
        buf_puts(out, ": ");
    }
    text(out, what);
    if (reason && *reason && !(what && strstr(what, reason))) {
        buf_puts(out, " (");
        text(out, reason);
        buf_puts(out, ")");
    }
}

static void log_lines(struct out *w, const json_t *log)
{
    size_t n = json_array_size(log), lines = 0, room = 12;
    struct str all = buf_str(w->b);
    for (size_t i = 0; i < all.n; i++) lines += all.p[i] == '\n';
    if (w->o->height) room = w->o->height > lines + 3 ? MIN(w->o->height - lines - 3, (size_t)12) : 0;
    if (n == 0 || room == 0) return;
    buf_puts(w->b, "\n");
    for (size_t i = n > room ? n - room : 0; i < n; i++) {
        release_log_line(json_array_get(log, i), w->b);
        buf_puts(w->b, "\n");
    }
}

/* Cuts each line at the width; escape sequences and continuation bytes take no column. */
static void cut_lines(struct buf *b, unsigned width)
{
    struct buf cut = { 0 };
    struct str all = buf_str(b);
    unsigned col = 0;
    bool escape = false;
    for (size_t i = 0; width && i < all.n; i++) {
        unsigned char ch = (unsigned char)all.p[i];
        bool wide = !escape && ch >= ' ' && (ch & 0xc0) != 0x80;
        if (ch == 033) escape = true;
        if (ch == '\n') col = 0;
        if (wide) col++;
        if (col <= width || escape || ch == '\n') buf_append(&cut, &ch, 1);
        if (escape && ch == 'm') escape = false;
    }
    if (!width) return;
    buf_free(b);
    *b = cut;
}

void release_view(const json_t *release, const json_t *log, const struct view_options *o, struct buf *out)
{
    struct buf b = { 0 };
    struct out w = { &b, o };
    head(&w, release);
    held(&w, release);
    buf_puts(&b, "\n");
    bars(&w, release);
    buf_puts(&b, "\n");
    release_steps(json_object_get(release, "stepList"), o, &b);
    metrics(&w, release);
    actions(&w, release);
    log_lines(&w, log);
    cut_lines(&b, o->width);
    buf_str_append(out, buf_str(&b));
    buf_free(&b);
}

void release_line(const json_t *r, struct buf *out)
{
    char weight[32];
    const char *state = json_text(r, "state"), *verdict = json_text(r, "verdict"), *why = json_text(r, "verdictReason");
    if (!why || !*why) why = json_text(r, "sentence");
    if (step_number(r) > 0 && release_outcome(state) == RELEASE_OPEN)
        buf_printf(out, "step %" PRId64 " of %" PRId64 ", %s to %s, ", step_number(r), json_number(r, "steps", 0),
                   text_percent(json_real_at(r, "weight"), weight, sizeof weight),
                   json_text(r, "to") ? json_text(r, "to") : "the new version");
    buf_puts(out, words_of_state(state));
    if (verdict && (!state || strcmp(verdict, state) != 0)) buf_printf(out, " [%s]", verdict);
    if (why && *why) {
        buf_puts(out, ": ");
        text(out, why);
    }
}
