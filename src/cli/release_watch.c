#include "cli/release_watch.h"
#include "base/clock.h"

#include <math.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct follow {
    const struct cli *c;
    struct release_ref *ref;
    json_t *log; /* entries known */
    bool draw;   /* a terminal: in place */
    unsigned lines_up;
    char *last;       /* piped: the state that the last line told */
    size_t told;      /* entries of the log that were printed */
    uint64_t give_up; /* clock_ms; 0: never */
    int result;       /* -1: goes on */
};

static bool utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *v = getenv(names[i]);
        if (v && *v) return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
    }
    return false;
}

static struct view_options options(const struct cli *c)
{
    struct winsize size = { 0 };
    struct view_options o = { .colour = c->colour, .utf8 = utf8(), .now_ms = clock_wall_ms() };
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        o.width = size.ws_col;
        o.height = size.ws_row;
    }
    return o;
}

int release_exit(const json_t *release)
{
    static const int codes[] = {
        [RELEASE_OPEN] = EXIT_OK, [RELEASE_GOOD] = EXIT_OK, [RELEASE_BACK] = EXIT_ROLLED_BACK, [RELEASE_BAD] = EXIT_FAILED
    };
    return codes[release_outcome(json_text(release, "state"))];
}

/* The log as it is now; what cannot be read is no reason to end. */
static json_t *fetch_log(const struct cli *c, const struct release_ref *ref)
{
    AUTO(free_p) char *path = xasprintf("%s/log", ref->path);
    json_t *answer = api_get(c, path, NULL);
    json_t *items = json_is_array(answer) ? json_incref(answer) : json_incref(json_object_get(answer, "items"));
    json_decref(answer);
    return items;
}

int release_show(const struct cli *c, const struct release_ref *ref)
{
    struct view_options o = options(c);
    struct buf b = { 0 };
    json_auto_t *log = fetch_log(c, ref);
    o.height = 0; /* once: it may scroll */
    release_view(ref->release, log, &o, &b);
    fwrite(buf_data(&b), 1, b.len, stdout);
    buf_free(&b);
    return EXIT_OK;
}

static void draw(struct follow *f)
{
    const struct view_options o = options(f->c);
    struct buf b = { 0 };
    unsigned lines = 0;
    release_view(f->ref->release, f->log, &o, &b);
    if (f->lines_up) printf("\033[%uA\r", f->lines_up);
    struct str all = buf_str(&b);
    for (size_t i = 0; i < all.n; i++) lines += all.p[i] == '\n';
    while (o.height && lines >= o.height) { /* what does not fit would scroll, and the next picture would land below */
        ssize_t at = str_rindex(str_first(all, all.n - 1), '\n');
        if (at < 0) break;
        all.n = (size_t)at + 1;
        lines--;
    }
    while (all.p && all.n) { /* written over, not cleared first: nothing flickers */
        struct str line = str_cut(&all, '\n');
        printf("%.*s\033[K\n", STR_ARG(line));
    }
    printf("\033[J");
    fflush(stdout);
    f->lines_up = lines;
    buf_free(&b);
}

static void say_log(struct follow *f)
{
    for (; f->told < json_array_size(f->log); f->told++) {
        struct buf b = { 0 };
        release_log_line(json_array_get(f->log, f->told), &b);
        printf("%.*s\n", (int)b.len, buf_data(&b));
        buf_free(&b);
    }
}

static void say(struct follow *f)
{
    struct buf b = { 0 };
    char key[160], now[40];
    const json_t *r = f->ref->release;
    snprintf(key, sizeof key, "%s %s %" PRId64 " %g", json_text(r, "state"), json_text(r, "verdict"), json_number(r, "step", 0),
             json_real_at(r, "weight"));
    say_log(f);
    if (!f->last || strcmp(f->last, key) != 0) {
        time_t t = time(NULL);
        struct tm tm;
        localtime_r(&t, &tm);
        strftime(now, sizeof now, "%H:%M:%S", &tm);
        release_line(r, &b);
        printf("%s  %s#%" PRId64 " %.*s\n", now, f->ref->project, f->ref->n, (int)b.len, buf_data(&b));
        free(f->last);
        f->last = xstrdup(key);
    }
    fflush(stdout);
    buf_free(&b);
}

static void show(struct follow *f)
{
    if (f->draw)
        draw(f);
    else
        say(f);
}

/* The log is fetched when the state has moved: events carry the release, not its log. */
static bool moved(const json_t *a, const json_t *b)
{
    static const char *const keys[] = { "state", "verdict", "step", "weight", "sentence" };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        json_t *x = json_object_get(a, keys[i]), *y = json_object_get(b, keys[i]);
        if (x != y && !json_equal(x, y)) return true;
    }
    return false;
}

static void take(struct follow *f, json_t *release)
{
    bool log = moved(f->ref->release, release);
    json_incref(release);
    json_decref(f->ref->release);
    f->ref->release = release;
    json_t *entries = log ? fetch_log(f->c, f->ref) : NULL;
    if (entries) {
        json_decref(f->log);
        f->log = entries;
    }
    show(f);
    if (release_outcome(json_text(release, "state")) != RELEASE_OPEN) f->result = release_exit(release);
}

static bool on_event(const struct api_event *ev, void *arg)
{
    struct follow *f = arg;
    if (!ev) {
        if (f->give_up && clock_ms() >= f->give_up) f->result = EXIT_TIMEOUT;
    } else if (strcmp(ev->type, "release") == 0) {
        const char *project = json_text(ev->data, "project");
        if (json_number(ev->data, "n", 0) == f->ref->n && (!project || strcmp(project, f->ref->project) == 0)) take(f, ev->data);
    } else if (strcmp(ev->type, "reset") == 0 || strcmp(ev->type, "hello") == 0) {
        /* What happened between the first look and the stream is not lost. */
        json_t *now = api_get(f->c, f->ref->path, NULL);
        if (now) take(f, now);
        json_decref(now);
    }
    return f->result < 0;
}

int release_follow(const struct cli *c, struct release_ref *ref, bool quiet)
{
    struct err e = { 0 };
    struct follow f = { .c = c, .ref = ref, .result = -1, .draw = !quiet && isatty(STDOUT_FILENO) };
    AUTO(free_p) char *project = path_segment(ref->project);
    AUTO(free_p) char *path = xasprintf("/weft/v1/events?project=%s", project);
    if (po.timeout_ms) f.give_up = clock_ms() + (uint64_t)po.timeout_ms;
    f.log = fetch_log(c, ref);
    show(&f);
    if (release_outcome(json_text(ref->release, "state")) != RELEASE_OPEN) f.result = release_exit(ref->release);
    int r = f.result < 0 ? api_events(c, path, on_event, &f, &e) : 0;
    if (r < 0)
        f.result = cli_fail(&e);
    else if (f.result == EXIT_TIMEOUT)
        fprintf(stderr, "error: %s#%" PRId64 " has not ended after %" PRId64 " s; it goes on\n", ref->project, ref->n,
                po.timeout_ms / 1000);
    json_decref(f.log);
    free(f.last);
    return f.result < 0 ? EXIT_FAILED : f.result;
}
