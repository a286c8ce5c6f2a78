// RE2 as plain functions for regex.c: the only C++ of the program.
#include <re2/re2.h>

#include <cstdlib>
#include <cstring>
#include <string>

// Our C headers use C11 atomics and statement expressions, so only pointers and lengths cross the border (regex.c).
struct regex {
    re2::RE2 re;
    regex(re2::StringPiece s, const re2::RE2::Options &o) : re(s, o) {}
};

static re2::StringPiece piece(const char *p, size_t n)
{
    return n ? re2::StringPiece(p, n) : re2::StringPiece();
}

extern "C" {

// max_mem bounds program and lazy automaton of one expression.
regex *weft_re2_new(const char *p, size_t n, char *error, size_t error_n)
{
    re2::RE2::Options o;
    o.set_log_errors(false);
    o.set_encoding(re2::RE2::Options::EncodingLatin1);
    o.set_max_mem(1 << 20);
    o.set_dot_nl(false);
    regex *r = new regex(piece(p, n), o);
    if (r->re.ok()) return r;
    size_t len = r->re.error().copy(error, error_n - 1);
    error[len] = 0;
    delete r;
    return nullptr;
}

void weft_re2_free(regex *r) { delete r; }

bool weft_re2_full(const regex *r, const char *p, size_t n) { return re2::RE2::FullMatch(piece(p, n), r->re); }

bool weft_re2_partial(const regex *r, const char *p, size_t n) { return re2::RE2::PartialMatch(piece(p, n), r->re); }

// The result is a heap string of *ret_n bytes that the caller frees.
char *weft_re2_replace(const regex *r, const char *p, size_t n, const char *sub, size_t sub_n, size_t *ret_n)
{
    std::string text(p ? p : "", n);
    re2::RE2::GlobalReplace(&text, r->re, piece(sub, sub_n));
    char *out = static_cast<char *>(malloc(text.size() + 1));
    if (out) memcpy(out, text.data(), text.size());
    *ret_n = out ? text.size() : 0;
    return out;
}

bool weft_re2_check(const regex *r, const char *sub, size_t sub_n, char *error, size_t error_n)
{
    std::string why;
    if (r->re.CheckRewriteString(piece(sub, sub_n), &why)) return true;
    size_t len = why.copy(error, error_n - 1);
    error[len] = 0;
    return false;
}
}
