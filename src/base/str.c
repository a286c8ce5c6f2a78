#include "base/str.h"

int str_cmp(struct str a, struct str b)
{
    size_t n = MIN(a.n, b.n);
    int d = n ? memcmp(a.p, b.p, n) : 0;
    return d ? d : (a.n > b.n) - (a.n < b.n);
}

ssize_t str_index(struct str s, char c)
{
    const char *p = s.n ? memchr(s.p, c, s.n) : NULL;
    return p ? p - s.p : -1;
}

ssize_t str_rindex(struct str s, char c)
{
    const char *p = s.n ? memrchr(s.p, c, s.n) : NULL;
    return p ? p - s.p : -1;
}

ssize_t str_find(struct str s, struct str what)
{
    if (what.n == 0) return 0;
    const char *p = s.n ? memmem(s.p, s.n, what.p, what.n) : NULL;
    return p ? p - s.p : -1;
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str str_trim(struct str s)
{
    while (s.n && blank(s.p[0])) s = str_skip(s, 1);
    while (s.n && blank(s.p[s.n - 1])) s.n--;
    return s;
}

struct str str_cut(struct str *s, char sep)
{
    struct str head = *s;
    ssize_t at = str_index(*s, sep);
    if (at < 0) {
        *s = (struct str){ NULL, 0 };
        return head;
    }
    head.n = (size_t)at;
    *s = str_skip(*s, (size_t)at + 1);
    return head;
}

bool str_u64(struct str s, uint64_t *ret)
{
    uint64_t v = 0;
    if (s.n == 0) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v)) return false;
        if (__builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v)) return false;
    }
    *ret = v;
    return true;
}

bool str_i64(struct str s, int64_t *ret)
{
    bool neg = s.n && s.p[0] == '-';
    uint64_t v;
    if (!str_u64(neg ? str_skip(s, 1) : s, &v)) return false;
    if (v > (uint64_t)INT64_MAX + (neg ? 1 : 0)) return false;
    *ret = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

char *str_dup(struct str s) { return xstrndup(s.n ? s.p : "", s.n); }

/* Edit distance with adjacent swaps counted as two edits; words are field names, so the quadratic table is small. */
static size_t distance(struct str a, struct str b)
{
    size_t row[65];
    if (a.n > 64 || b.n > 64) return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++) row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diag = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            bool same = (a.p[i - 1] | 0x20) == (b.p[j - 1] | 0x20);
            size_t sub = diag + !same;
            diag = row[j];
            row[j] = MIN(sub, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.n];
}

const char *str_nearest(struct str word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t limit = 1 + word.n / 3, least = limit + 1;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, str_of(candidates[i]));
        if (d < least) {
            least = d;
            best = candidates[i];
        }
    }
    return best;
}
