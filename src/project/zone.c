/* TZif files (RFC 9636): transitions as 64-bit times, then a POSIX TZ string for all later ones. */
#include "project/zone.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ZONES_MAX = 600, FILE_MAX = 1 << 20, TYPES_MAX = 256, TRANSITIONS_MAX = 20000 };

/* When daylight saving begins or ends: Mm.w.d/time, Jn/time or n/time. */
struct rule {
    char kind; /* 'M', 'J', '0' */
    int month, week, day;
    int32_t time; /* seconds of the day; may be negative or past it */
};
struct zone {
    size_t n;
    int64_t *at;     /* ascending */
    int32_t *offset; /* from at[i] on */
    int32_t first;   /* before at[0] */
    /* After the last one */
    int32_t standard, daylight;
    bool has_rules;
    struct rule begins, ends;
};

/* ---- dates: years that begin in March, in eras of 400 ---- */

int64_t zone_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void zone_date(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), mp = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static bool leap(int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }
static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* ---- the file ---- */

static int64_t be(const uint8_t *p, int bytes)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | p[i];
    return (int64_t)v;
}

struct header {
    int64_t isut, isstd, leaps, times, types, chars;
};

static bool read_header(const uint8_t *p, size_t n, struct header *h)
{
    if (n < 44 || memcmp(p, "TZif", 4) != 0) return false;
    *h = (struct header){ be(p + 20, 4), be(p + 24, 4), be(p + 28, 4), be(p + 32, 4), be(p + 36, 4), be(p + 40, 4) };
    return h->isut >= 0 && h->isut <= TYPES_MAX && h->isstd >= 0 && h->isstd <= TYPES_MAX && h->leaps >= 0 && h->leaps <= 1000 &&
           h->times >= 0 && h->times <= TRANSITIONS_MAX && h->types > 0 && h->types <= TYPES_MAX && h->chars >= 0 && h->chars <= 1000;
}

static size_t body_size(const struct header *h, size_t time_bytes)
{
    return (size_t)h->times * (time_bytes + 1) + (size_t)h->types * 6 + (size_t)h->chars + (size_t)h->leaps * (time_bytes + 4) +
           (size_t)h->isstd + (size_t)h->isut;
}

static bool read_body(struct zone *z, const uint8_t *p, const struct header *h)
{
    const uint8_t *times = p, *index = times + (size_t)h->times * 8, *types = index + h->times;
    z->n = (size_t)h->times;
    z->at = xcalloc(z->n ? z->n : 1, sizeof *z->at);
    z->offset = xcalloc(z->n ? z->n : 1, sizeof *z->offset);
    z->first = (int32_t)be(types, 4);
    for (size_t i = 0; i < z->n; i++) {
        if (index[i] >= h->types) return false;
        z->at[i] = be(times + i * 8, 8);
        z->offset[i] = (int32_t)be(types + index[i] * 6, 4);
        if (i && z->at[i] <= z->at[i - 1]) return false;
        if (z->offset[i] < -93600 || z->offset[i] > 93600) return false;
    }
    return z->first >= -93600 && z->first <= 93600;
}

/* ---- the POSIX string: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool take_name(const char **s)
{
    const char *p = *s;
    if (*p == '<') {
        while (*p && *p != '>') p++;
        if (*p++ != '>') return false;
    } else
        while ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')) p++;
    bool ok = p > *s;
    *s = p;
    return ok;
}

static bool take_number(const char **s, int most, int *ret)
{
    int v = 0, digits = 0;
    while (**s >= '0' && **s <= '9' && digits < 4) {
        v = v * 10 + (*(*s)++ - '0');
        digits++;
    }
    *ret = v;
    return digits > 0 && v <= most;
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool take_time(const char **s, int32_t *ret)
{
    int sign = **s == '-' ? -1 : 1, h, m = 0, sec = 0;
    if (**s == '-' || **s == '+') (*s)++;
    if (!take_number(s, 167, &h)) return false;
    if (**s == ':' && ((*s)++, !take_number(s, 59, &m))) return false;
    if (**s == ':' && ((*s)++, !take_number(s, 59, &sec))) return false;
    *ret = sign * (h * 3600 + m * 60 + sec);
    return true;
}

static bool take_char(const char **s, char c) { return **s == c && (*s)++; }

static bool take_rule(const char **s, struct rule *r)
{
    *r = (struct rule){ .kind = '0', .time = 7200 };
    if (!take_char(s, ',')) return false;
    if (take_char(s, 'M')) {
        r->kind = 'M';
        if (!take_number(s, 12, &r->month) || !take_char(s, '.') || !take_number(s, 5, &r->week) || !take_char(s, '.') ||
            !take_number(s, 6, &r->day) || !r->month || !r->week)
            return false;
    } else {
        if (take_char(s, 'J')) r->kind = 'J';
        if (!take_number(s, 365, &r->day)) return false;
    }
    return !take_char(s, '/') || take_time(s, &r->time);
}

static bool read_posix(struct zone *z, const char *s)
{
    int32_t west;
    if (!*s) { /* none: as the last transition says */
        z->standard = z->daylight = z->n ? z->offset[z->n - 1] : z->first;
        return true;
    }
    if (!take_name(&s) || !take_time(&s, &west)) return false;
    z->standard = z->daylight = -west;
    if (!*s) return true;
    if (!take_name(&s)) return false;
    z->daylight = z->standard + 3600;
    if (*s != ',') {
        if (!take_time(&s, &west)) return false;
        z->daylight = -west;
    }
    z->has_rules = true;
    return take_rule(&s, &z->begins) && take_rule(&s, &z->ends) && !*s;
}

struct zone *zone_parse(const void *bytes, size_t n)
{
    const uint8_t *p = bytes, *end = p + n;
    struct header h;
    if (!read_header(p, n, &h) || p[4] < '2') return NULL; /* version 1 has no times past 2038: no system writes it alone */
    size_t skip = 44 + body_size(&h, 4);
    if (skip > n || !read_header(p + skip, n - skip, &h)) return NULL;
    p += skip + 44;
    size_t size = body_size(&h, 8);
    if (size > (size_t)(end - p)) return NULL;
    const uint8_t *tail = p + size;
    const uint8_t *stop = end - tail >= 2 && *tail == '\n' ? memchr(tail + 1, '\n', (size_t)(end - tail - 1)) : NULL;
    char posix[100] = "";
    if (!stop || stop - tail - 1 >= (ssize_t)sizeof posix) return NULL;
    memcpy(posix, tail + 1, (size_t)(stop - tail - 1));
    struct zone *z = xcalloc(1, sizeof *z);
    if (!read_body(z, p, &h) || !read_posix(z, posix)) {
        zone_free(z);
        return NULL;
    }
    return z;
}

void zone_free(struct zone *z)
{
    if (!z) return;
    free(z->at);
    free(z->offset);
    free(z);
}

/* ---- times ---- */

/* Seconds since 1970 of a rule in a year, as local time. */
static int64_t rule_at(const struct rule *r, int year)
{
    int64_t day;
    if (r->kind == 'M') {
        int64_t first = zone_days(year, r->month, 1), weekday = (first % 7 + 11) % 7; /* 1 January 1970 was a Thursday */
        day = first + (r->day - weekday + 7) % 7 + (r->week - 1) * 7;
        int64_t next = r->month == 12 ? zone_days(year + 1, 1, 1) : zone_days(year, r->month + 1, 1);
        while (day >= next) day -= 7;
    } else if (r->kind == 'J')
        day = zone_days(year, 1, 1) + r->day - 1 + (leap(year) && r->day >= 60);
    else
        day = zone_days(year, 1, 1) + r->day;
    return day * 86400 + r->time;
}

static int32_t by_rules(const struct zone *z, int64_t utc)
{
    int year, month, day;
    if (!z->has_rules) return z->standard;
    zone_date(floor_div(utc + z->standard, 86400), &year, &month, &day);
    int64_t begins = rule_at(&z->begins, year) - z->standard, ends = rule_at(&z->ends, year) - z->daylight;
    bool summer = begins < ends ? utc >= begins && utc < ends : utc >= begins || utc < ends;
    return summer ? z->daylight : z->standard;
}

int32_t zone_offset(const struct zone *z, int64_t utc)
{
    const int64_t most = (int64_t)100000 * 366 * 86400;
    if (!z) return 0;
    utc = MIN(MAX(utc, -most), most);
    if (!z->n || utc >= z->at[z->n - 1]) return by_rules(z, utc);
    if (utc < z->at[0]) return z->first;
    size_t lo = 0, hi = z->n; /* at[lo] <= utc < at[hi] */
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (z->at[mid] <= utc)
            lo = mid;
        else
            hi = mid;
    }
    return z->offset[lo];
}

int64_t zone_to_utc(const struct zone *z, int64_t local)
{
    int32_t before = zone_offset(z, local - 86400), after = zone_offset(z, local + 86400);
    int64_t early = local - MAX(before, after), late = local - MIN(before, after);
    if (early + zone_offset(z, early) == local) return early; /* the first of two, or the only one */
    if (late + zone_offset(z, late) == local) return late;
    while (late - early > 1) { /* in the gap: where the offset changes */
        int64_t mid = early + (late - early) / 2;
        if (zone_offset(z, mid) == before)
            early = mid;
        else
            late = mid;
    }
    return late;
}

/* ---- the database ---- */

static bool name_ok(const char *s)
{
    size_t n = strlen(s);
    if (n > 64 || s[0] == '/' || strstr(s, "..") || strstr(s, "//")) return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("/_+-", *s))) return false;
    return true;
}

static struct zone *load(const char *name)
{
    static const char *const places[] = { "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo" };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        AUTO(free_p) char *path = xasprintf("%s/%s", places[i], name);
        AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) continue;
        AUTO(free_p) char *bytes = xcalloc(1, (size_t)st.st_size + 1);
        ssize_t got = read(fd, bytes, (size_t)st.st_size);
        if (got > 0) return zone_parse(bytes, (size_t)got);
    }
    return NULL;
}

const struct zone *zone_find(const char *name)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct {
        char *name;
        struct zone *zone;
    } known[ZONES_MAX];
    static size_t n;
    static struct zone utc; /* offset 0, no transitions */
    if (!name || !*name || strcmp(name, "UTC") == 0) return &utc;
    if (!name_ok(name)) return NULL;
    const struct zone *found = NULL;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n && !found; i++)
        if (strcmp(known[i].name, name) == 0) found = known[i].zone;
    if (!found && n < ZONES_MAX) {
        struct zone *z = load(name);
        if (z) {
            known[n].name = xstrdup(name);
            known[n++].zone = z;
        }
        found = z;
    }
    pthread_mutex_unlock(&lock);
    return found;
}
