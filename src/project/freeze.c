/* Freeze windows: when they are in force, in their own time zone. */
#include "project/guard.h"

#include "project/zone.h"

static const char *const day_names[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" }; /* 1 January 1970 was a Thursday */
static const char *const month_names[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static unsigned weekday(int64_t day) { return (unsigned)((day % 7 + 7) % 7); }

bool freeze_time_of_day(const char *s, int *minutes)
{
    if (!s || strlen(s) != 5 || s[2] != ':') return false;
    for (int i = 0; i < 5; i++)
        if (i != 2 && (s[i] < '0' || s[i] > '9')) return false;
    int h = (s[0] - '0') * 10 + s[1] - '0', m = (s[3] - '0') * 10 + s[4] - '0';
    *minutes = h * 60 + m;
    return h < 24 && m < 60;
}

static bool begins_on(const Freeze *f, int64_t day)
{
    for (size_t i = 0; i < f->n_days; i++)
        if (strcmp(f->days[i], day_names[weekday(day)]) == 0) return true;
    return false;
}

/* The occurrence that begins on a local day; false: none does. */
static bool occurrence(const Freeze *f, const struct zone *z, int64_t day, struct project_freeze *out)
{
    int from, to;
    if (!begins_on(f, day) || !freeze_time_of_day(f->from, &from) || !freeze_time_of_day(f->to, &to)) return false;
    int64_t start = day * 86400 + from * 60, end = (to > from ? day : day + 1) * 86400 + to * 60;
    *out = (struct project_freeze){ f, zone_to_utc(z, start) * 1000, zone_to_utc(z, end) * 1000, true };
    return true;
}

static bool holds(const Freeze *f) { return !f->running || strcmp(f->running, "finish") != 0; }

/* Calls visit for the occurrences around now: of a weekly one those that begin from two days ago to eight days ahead. */
static void each_occurrence(const ProjectSpec *spec, int64_t now,
                            void (*visit)(const struct project_freeze *, int64_t, struct project_freeze *), struct project_freeze *best)
{
    const GuardRails *g = spec->guard_rails;
    for (size_t i = 0; g && i < g->n_freezes; i++) {
        const Freeze *f = g->freezes[i];
        struct project_freeze o;
        if (f->start && f->end) {
            o = (struct project_freeze){ f, release_time_ms(f->start), release_time_ms(f->end), holds(f) };
            visit(&o, now, best);
            continue;
        }
        const struct zone *z = zone_find(f->time_zone);
        if (!z) continue; /* the check of the spec refuses it */
        int64_t today = floor_div(now / 1000 + zone_offset(z, now / 1000), 86400);
        for (int64_t day = today - 2; day <= today + 8; day++)
            if (occurrence(f, z, day, &o)) {
                o.holds_running = holds(f);
                visit(&o, now, best);
            }
    }
}

static void in_force(const struct project_freeze *o, int64_t now, struct project_freeze *best)
{
    if (now < o->start || now >= o->end) return;
    bool holding = best->holds_running || o->holds_running;
    if (!best->freeze || o->end > best->end) *best = *o;
    best->holds_running = holding;
}

static void soonest(const struct project_freeze *o, int64_t now, struct project_freeze *best)
{
    if (o->start > now && (!best->freeze || o->start < best->start)) *best = *o;
}

struct project_freeze project_frozen(const ProjectSpec *spec, int64_t now)
{
    struct project_freeze best = { 0 };
    each_occurrence(spec, now, in_force, &best);
    return best;
}

struct project_freeze project_next_freeze(const ProjectSpec *spec, int64_t now)
{
    struct project_freeze best = { 0 };
    each_occurrence(spec, now, soonest, &best);
    return best;
}

const char *project_freeze_text(const struct project_freeze *f, char *buf, size_t n)
{
    const char *name = f->freeze && f->freeze->name ? f->freeze->name : "a freeze", *zone = f->freeze ? f->freeze->time_zone : NULL;
    const struct zone *z = zone_find(zone);
    int64_t local = f->end / 1000 + zone_offset(z, f->end / 1000), day = floor_div(local, 86400), second = local - day * 86400;
    int y, m, d;
    zone_date(day, &y, &m, &d);
    snprintf(buf, n, "%s, until %s %d %s %02d:%02d %s", name, day_names[weekday(day)], d, month_names[m - 1], (int)(second / 3600),
             (int)(second / 60 % 60), zone && *zone ? zone : "UTC");
    return buf;
}
