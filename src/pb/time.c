/* Durations and times as text. */
#include "pb/internal.h"

/* Units of Go's time.ParseDuration, in nanoseconds. */
static const struct {
    const char *unit;
    int64_t ns;
} units[] = {
    { "ns", 1 },       { "us", 1000 },      { "\xc2\xb5s", 1000 }, { "\xce\xbcs", 1000 },
    { "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 },  { "h", 3600000000000 },
};

/* One "1.5h" at the front of *s, in nanoseconds added to *total. */
static bool take_part(struct str *s, __int128 *total)
{
    __int128 whole = 0, frac = 0, scale = 1;
    size_t i = 0, digits = 0;
    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++, digits++) {
        whole = whole * 10 + (s->p[i] - '0');
        if (whole > INT64_MAX) return false;
    }
    if (i < s->n && s->p[i] == '.') {
        for (i++; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++, digits++)
            if (scale < 1000000000000) {
                frac = frac * 10 + (s->p[i] - '0');
                scale *= 10;
            }
    }
    if (!digits) return false;
    *s = str_skip(*s, i);
    size_t n = 0;
    while (n < s->n && s->p[n] != '.' && !(s->p[n] >= '0' && s->p[n] <= '9')) n++;
    for (size_t u = 0; u < ARRAY_LEN(units); u++) {
        if (!str_eq(str_first(*s, n), str_of(units[u].unit))) continue;
        *s = str_skip(*s, n);
        *total += whole * units[u].ns + frac * units[u].ns / scale;
        return true;
    }
    return false;
}

bool pb_duration(struct str s, int64_t *sec, int32_t *nanos)
{
    bool neg = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) s = str_skip(s, 1);
    if (!s.n) return false;
    __int128 total = 0;
    if (!str_eqc(s, "0")) {
        while (s.n)
            if (!take_part(&s, &total)) return false;
    }
    if (total > (__int128)315576000000 * 1000000000) return false; /* protobuf's limit, 10,000 years */
    if (neg) total = -total;
    *sec = (int64_t)(total / 1000000000);
    *nanos = (int32_t)(total % 1000000000);
    return true;
}

/* ".5", ".500", "" : digits in groups of three, as protobuf prints them. */
static void fraction(int32_t nanos, char buf[16])
{
    int32_t n = nanos < 0 ? -nanos : nanos;
    if (n == 0)
        buf[0] = 0;
    else if (n % 1000000 == 0)
        snprintf(buf, 16, ".%03d", n / 1000000);
    else if (n % 1000 == 0)
        snprintf(buf, 16, ".%06d", n / 1000);
    else
        snprintf(buf, 16, ".%09d", n);
}

char *pb_duration_text(int64_t sec, int32_t nanos, char *buf, size_t n)
{
    char frac[16];
    fraction(nanos, frac);
    bool neg = sec < 0 || nanos < 0;
    snprintf(buf, n, "%s%" PRIu64 "%ss", neg ? "-" : "", sec < 0 ? (uint64_t)-sec : (uint64_t)sec, frac);
    return buf;
}

/* Days since 1970 of a date of the proleptic Gregorian calendar, and back (Howard Hinnant's algorithms). */
static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400), doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static void date_of(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static bool digits(struct str s, size_t at, size_t n, unsigned *ret)
{
    *ret = 0;
    for (size_t i = at; i < at + n; i++) {
        if (i >= s.n || s.p[i] < '0' || s.p[i] > '9') return false;
        *ret = *ret * 10 + (unsigned)(s.p[i] - '0');
    }
    return true;
}

bool pb_time(struct str s, int64_t *sec, int32_t *nanos)
{
    unsigned y, mo, d, h, mi, se, oh, om;
    if (s.n < 20 || !digits(s, 0, 4, &y) || s.p[4] != '-' || !digits(s, 5, 2, &mo) || s.p[7] != '-' || !digits(s, 8, 2, &d) ||
        (s.p[10] | 32) != 't' || !digits(s, 11, 2, &h) || s.p[13] != ':' || !digits(s, 14, 2, &mi) || s.p[16] != ':' ||
        !digits(s, 17, 2, &se))
        return false;
    static const unsigned char len[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1 || mo < 1 || mo > 12 || d < 1 || d > len[mo - 1] || (mo == 2 && d == 29 && !leap) || h > 23 || mi > 59 || se > 60)
        return false;
    size_t i = 19;
    int64_t ns = 0;
    if (s.p[i] == '.') {
        int64_t unit = 100000000;
        size_t from = ++i;
        for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, unit /= 10) ns += (s.p[i] - '0') * unit;
        if (i == from) return false;
    }
    int64_t t = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + se;
    struct str zone = str_skip(s, i);
    if (zone.n == 6 && (zone.p[0] == '+' || zone.p[0] == '-') && zone.p[3] == ':' && digits(zone, 1, 2, &oh) && digits(zone, 4, 2, &om) &&
        oh < 24 && om < 60)
        t -= (zone.p[0] == '-' ? -1 : 1) * (int64_t)(oh * 3600 + om * 60);
    else if (!(zone.n == 1 && (zone.p[0] | 32) == 'z'))
        return false;
    *sec = t;
    *nanos = (int32_t)ns;
    return true;
}

char *pb_time_text(int64_t sec, int32_t nanos, char *buf, size_t n)
{
    char frac[16];
    fraction(nanos, frac);
    int64_t day = sec / 86400, rest = sec % 86400, y;
    if (rest < 0) day--, rest += 86400;
    unsigned m, d;
    date_of(day, &y, &m, &d);
    snprintf(buf, n, "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u%sZ", y, m, d, (unsigned)(rest / 3600), (unsigned)(rest / 60 % 60),
             (unsigned)(rest % 60), frac);
    return buf;
}
