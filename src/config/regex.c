/* A scan for mistakes in RE2 patterns (github.com/google/re2/wiki/Syntax): brackets, repetition of nothing, what RE2 leaves out. */
#include "config/regex.h"

struct scan {
    struct str s;
    size_t i;
    unsigned depth;
    bool atom; /* something stands before that can be repeated */
};

static const char *escape(struct scan *x)
{
    if (x->i + 1 >= x->s.n) return "it ends in a single backslash";
    char c = x->s.p[x->i + 1];
    if (c >= '1' && c <= '9') return "RE2 has no back references (\\1)";
    x->i += 2;
    x->atom = c != 'b' && c != 'B' && c != 'A' && c != 'z';
    if (c == 'Q') { /* quoted up to \E */
        ssize_t end = str_find(str_skip(x->s, x->i), STR("\\E"));
        x->i = end < 0 ? x->s.n : x->i + (size_t)end + 2;
    }
    return NULL;
}

static const char *class(struct scan *x)
{
    size_t i = x->i + 1;
    if (i < x->s.n && x->s.p[i] == '^') i++;
    if (i < x->s.n && x->s.p[i] == ']') i++; /* first: a literal */
    for (; i < x->s.n && x->s.p[i] != ']'; i++) {
        if (x->s.p[i] == '\\')
            i++;
        else if (x->s.p[i] == '[' && i + 1 < x->s.n && x->s.p[i + 1] == ':') {
            ssize_t end = str_find(str_skip(x->s, i), STR(":]"));
            if (end > 0) i += (size_t)end + 1;
        } else if (x->s.p[i] == '-' && i > x->i + 1 && i + 1 < x->s.n && x->s.p[i + 1] != ']' && x->s.p[i - 1] != '[' &&
                   x->s.p[i - 1] != '^' && x->s.p[i - 1] != '\\' && x->s.p[i + 1] != '\\' && (unsigned char)x->s.p[i - 1] < 0x80 &&
                   (unsigned char)x->s.p[i - 1] > (unsigned char)x->s.p[i + 1]) {
            return "a range in [] runs backwards";
        }
    }
    if (i >= x->s.n) return "a [ is not closed";
    x->i = i + 1;
    x->atom = true;
    return NULL;
}

static const char *group(struct scan *x)
{
    struct str rest = str_skip(x->s, x->i + 1);
    x->i++;
    x->depth++;
    x->atom = false;
    if (!str_starts(rest, STR("?"))) return NULL;
    if (str_starts(rest, STR("?=")) || str_starts(rest, STR("?!")) || str_starts(rest, STR("?<=")) || str_starts(rest, STR("?<!")))
        return "RE2 has no lookaround ((?= (?! (?<= (?<!)";
    if (str_starts(rest, STR("?P<")) || str_starts(rest, STR("?<"))) {
        ssize_t end = str_index(rest, '>');
        if (end < 0) return "the name of a group is not closed";
        x->i += (size_t)end + 1;
        return NULL;
    }
    size_t n = 1;
    while (n < rest.n && memchr("imsU-", rest.p[n], 5)) n++;
    if (n == rest.n || (rest.p[n] != ':' && rest.p[n] != ')')) return "unknown group (?";
    x->i += n;
    if (rest.p[n] == ':') x->i++;
    return NULL;
}

const char *regex_problem(struct str pattern)
{
    struct scan x = { .s = pattern };
    while (x.i < pattern.n) {
        const char *bad = NULL;
        switch (pattern.p[x.i]) {
        case '\\': bad = escape(&x); break;
        case '[': bad = class(&x); break;
        case '(': bad = group(&x); break;
        case ')':
            if (x.depth-- == 0) return "a ) has no ( before it";
            x.atom = true;
            x.i++;
            break;
        case '*':
        case '+':
        case '?':
            if (!x.atom) return "*, + or ? has nothing before it to repeat";
            x.i++;
            if (x.i < pattern.n && pattern.p[x.i] == '?') x.i++;                 /* not greedy */
            x.atom = x.i < pattern.n && memchr("*+", pattern.p[x.i], 2) == NULL; /* a** is an error, what follows otherwise is its own */
            break;
        case '|':
        case '^':
            x.atom = false;
            x.i++;
            break;
        default: x.atom = true; x.i++;
        }
        if (bad) return bad;
    }
    return x.depth ? "a ( is not closed" : NULL;
}
