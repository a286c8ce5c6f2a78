/* A scan for mistakes in RE2 patterns (github.com/google/re2/wiki/Syntax): brackets, repetition of nothing, what RE2 leaves out. */
#include "config/regex.h"

struct scan {
    struct str s;
    size_t i;
    unsigned depth;
    bool atom; /* something stands before that can be repeated */
};

/* Letters and digits that may stand behind a backslash: what RE2 has no meaning for is an error, punctuation stands for itself. */
static bool known_escape(char c, bool in_class)
{
    bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return !alnum || (c != 0 && strchr("adDfnprsStvwWPx01234567", c)) || (!in_class && c != 0 && strchr("AbBCQz", c));
}

/* Length of the escape at i (a backslash); 0 and *bad when it is none. */
static size_t escape_len(struct str s, size_t i, bool in_class, const char **bad)
{
    if (i + 1 >= s.n) return *bad = "it ends in a single backslash", 0;
    char c = s.p[i + 1];
    if (c >= '1' && c <= '9' && !(i + 2 < s.n && s.p[i + 2] >= '0' && s.p[i + 2] <= '7' && c <= '7'))
        return *bad = "RE2 has no back references (\\1)", 0;
    if (!known_escape(c, in_class)) return *bad = "an escape that RE2 does not know", 0;
    size_t n = 2;
    if (c == 'x' || c == 'p' || c == 'P') {
        if (i + 2 >= s.n) return *bad = "an escape is not finished", 0;
        ssize_t end = s.p[i + 2] == '{' ? str_index(str_skip(s, i), '}') : 0;
        if (end < 0) return *bad = "an escape is not finished", 0;
        if (end && c == 'x') {
            uint64_t v = 0;
            for (size_t k = i + 3; k < i + (size_t)end; k++) {
                /* Below '0' the bit of lower case would make digits of control characters. */
                const char *hex = "0123456789abcdef", *h = s.p[k] >= '0' ? strchr(hex, s.p[k] | 32) : NULL;
                if (!h || !*h || v > 0xff) return *bad = "\\x{} needs a number up to FF", 0;
                v = v << 4 | (uint64_t)(h - hex);
            }
            if (end == 3 || v > 0xff) return *bad = "\\x{} needs a number up to FF", 0;
        }
        if (end) return (size_t)end + 1;
        if (c == 'x') {
            for (size_t k = 2; k < 4; k++)
                if (i + k >= s.n || !strchr("0123456789abcdefABCDEF", s.p[i + k]) || !s.p[i + k])
                    return *bad = "\\x needs two hexadecimal digits", 0;
        } else if (!strchr("CLMNPSZ", s.p[i + 2]) || !s.p[i + 2]) {
            return *bad = "\\p needs the name of a class of characters", 0;
        }
        n = c == 'x' ? 4 : 3;
    } else if (c >= '0' && c <= '7') { /* octal */
        while (n < 4 && i + n < s.n && s.p[i + n] >= '0' && s.p[i + n] <= '7') n++;
        if (n == 4 && c > '3') return *bad = "an octal escape past \\377", 0;
    }
    return n;
}

static const char *escape(struct scan *x)
{
    const char *bad = NULL;
    char c = x->i + 1 < x->s.n ? x->s.p[x->i + 1] : 0;
    size_t n = escape_len(x->s, x->i, false, &bad);
    if (bad) return bad;
    x->i += n;
    x->atom = true;
    if (c == 'Q') { /* quoted up to \E */
        ssize_t end = str_find(str_skip(x->s, x->i), STR("\\E"));
        x->atom = end != 0 && x->i < x->s.n;
        x->i = end < 0 ? x->s.n : x->i + (size_t)end + 2;
    }
    return NULL;
}

/* "{3}", "{3,}", "{3,5}" at a brace; anything else is a literal brace. */
static const char *repetition(struct scan *x)
{
    struct str in = str_skip(x->s, x->i + 1);
    ssize_t end = str_index(in, '}');
    uint64_t lo, hi;
    x->i++;
    if (end < 0) return x->atom = true, NULL;
    struct str max = str_first(in, (size_t)end), min = str_cut(&max, ',');
    if (!str_u64(min, &lo)) return x->atom = true, NULL;
    hi = lo;
    if (max.p && max.n && !str_u64(max, &hi)) return x->atom = true, NULL;
    if (!x->atom) return "a {n,m} has nothing before it to repeat";
    if (lo > 1000 || hi > 1000 || hi < lo) return "a repetition {n,m} must rise, and not exceed 1000";
    x->i += (size_t)end + 1;
    if (x->i < x->s.n && x->s.p[x->i] == '?') x->i++; /* not greedy */
    x->atom = false;
    return NULL;
}

/* "[:alpha:]" at i inside a class: its length, 0 when it is no such thing. */
static size_t posix_class(struct str s, size_t i, const char **bad)
{
    static const char *const names[] = { "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph",
                                         "lower", "print", "punct", "space", "upper", "word",  "xdigit" };
    struct str rest = str_skip(s, i);
    if (!str_starts(rest, STR("[:"))) return 0;
    ssize_t end = str_find(str_skip(rest, 2), STR(":]"));
    if (end < 0) return 0;
    struct str name = str_first(str_skip(rest, 2), (size_t)end);
    if (name.n && name.p[0] == '^') name = str_skip(name, 1);
    for (size_t k = 0; k < ARRAY_LEN(names); k++)
        if (str_eqc(name, names[k])) return (size_t)end + 4;
    *bad = "an unknown class [:name:]";
    return 0;
}

/* One member of a class at *i: a character or a set; *c: the character, -1 for a set. */
static const char *class_member(struct str s, size_t *i, int *c)
{
    const char *bad = NULL;
    size_t n = posix_class(s, *i, &bad);
    *c = -1;
    if (bad) return bad;
    if (!n && s.p[*i] == '\\') {
        n = escape_len(s, *i, true, &bad);
        if (bad) return bad;
        char e = s.p[*i + 1];
        bool alnum = (e >= 'a' && e <= 'z') || (e >= 'A' && e <= 'Z') || (e >= '0' && e <= '9');
        if (!alnum)
            *c = (unsigned char)e;
        else if (!strchr("dDsSwWpP", e))
            *c = -2; /* a character, which one is not worked out */
    } else if (!n) {
        n = 1;
        *c = (unsigned char)s.p[*i];
    }
    *i += n;
    return NULL;
}

static const char *class(struct scan *x)
{
    size_t i = x->i + 1;
    if (i < x->s.n && x->s.p[i] == '^') i++;
    for (bool first = true; i < x->s.n && (first || x->s.p[i] != ']'); first = false) {
        int lo, hi;
        /* RE2 allows '-' only at the ends (as Perl does, unlike POSIX). */
        if (x->s.p[i] == '-' && !first && i + 1 < x->s.n && x->s.p[i + 1] != ']')
            return "a - in [] must stand at an end, or be written \\-";
        const char *bad = class_member(x->s, &i, &lo);
        if (bad) return bad;
        if (lo == -1 || i + 1 >= x->s.n || x->s.p[i] != '-' || x->s.p[i + 1] == ']') continue;
        i++;
        if ((bad = class_member(x->s, &i, &hi))) return bad;
        if (hi == -1) return "a range in [] ends in a class";
        if (lo >= 0 && hi >= 0 && lo > hi) return "a range in [] runs backwards";
        if (lo == -2 || hi == -2) return "a range in [] between escapes is not supported";
    }
    if (i >= x->s.n) return "a [ is not closed";
    x->i = i + 1;
    x->atom = true;
    return NULL;
}

/* "(?P<name>" with rest at the '?': its length, 0 when the name is none. */
static size_t group_name(struct str rest)
{
    size_t n = 3;
    while (n < rest.n && rest.p[n] != '>') {
        char c = rest.p[n++];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return 0;
    }
    return n < rest.n && n > 3 ? n + 1 : 0;
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
    if (str_starts(rest, STR("?P<"))) {
        size_t n = group_name(rest);
        x->i += n;
        return n ? NULL : "the name of a group is not well-formed, expected (?P<name>";
    }
    size_t n = 1, flags = 0, minus = 0;
    for (; n < rest.n && memchr("imsU-", rest.p[n], 5); n++) {
        if (rest.p[n] == '-')
            minus++, flags = 0;
        else
            flags++;
    }
    if (n == rest.n || (rest.p[n] != ':' && rest.p[n] != ')') || minus > 1 || (minus && !flags) || (n == 1 && rest.p[n] == ')'))
        return "unknown group (?";
    x->i += n + 1;
    if (rest.p[n] == ')') x->depth--;
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
            if (x.i < pattern.n && pattern.p[x.i] == '?') x.i++; /* not greedy */
            x.atom = false;                                      /* a** and a*{2} are errors */
            break;
        case '{': bad = repetition(&x); break;
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
