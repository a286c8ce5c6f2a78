#include "api/page/page.h"
#include "api/platform/platform.h"

/* "localhost:8080" -> "localhost"; "[::1]:80" -> "[::1]". */
static struct str host_name(struct str authority)
{
    ssize_t colon = str_rindex(authority, ':');
    bool v6 = authority.n && authority.p[0] == '[';
    ssize_t end = v6 ? str_index(authority, ']') : colon;
    if (v6) return end < 0 ? authority : str_first(authority, (size_t)end + 1);
    return end < 0 ? authority : str_first(authority, (size_t)end);
}

static void protect(struct http_exchange *x)
{
    static const char *const headers[][2] = {
        { "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
                                     "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
                                     "frame-ancestors 'none'" },
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) http_set(x, headers[i][0], str_of(headers[i][1]));
}

bool page_admit(struct http_exchange *x, const struct platform *p)
{
    struct str host = headers_get(http_headers(x), HDR_AUTHORITY), origin = http_header(x, "origin"), site = origin;
    if (!host.n) host = http_header(x, "host");
    protect(x);
    if (!platform_host_ok(p, host_name(host))) {
        http_respondf(x, 421, "this address is not reached by the name %.*s; name it with --host\n", (int)MIN(host.n, (size_t)100), host.p);
        return false;
    }
    if (!origin.n) return true;
    ssize_t scheme = str_find(origin, STR("://"));
    if (scheme >= 0) site = str_skip(origin, (size_t)scheme + 3);
    if (str_ieq(site, host)) return true;
    http_respondf(x, 403, "a page of %.*s may not call this one\n", (int)MIN(origin.n, (size_t)100), origin.p);
    return false;
}

static const struct page_file *file_of(struct str path)
{
    for (size_t i = 0; i < n_page_files; i++)
        if (str_eqc(path, page_files[i].path)) return &page_files[i];
    return NULL;
}

/* The page's own paths have no dot in the last segment; what has one is a file, and that is there or not. */
static const struct page_file *find(struct str path)
{
    const struct page_file *f = file_of(path);
    ssize_t slash = str_rindex(path, '/');
    if (f || slash < 0 || str_index(str_skip(path, (size_t)slash), '.') >= 0) return f;
    return file_of(STR("/index.html"));
}

static bool takes_gzip(struct http_exchange *x) { return str_find(http_header(x, "accept-encoding"), STR("gzip")) >= 0; }

void page_serve(struct http_exchange *x)
{
    struct str method = http_method(x);
    const struct page_file *f = find(http_path(x));
    if (!str_eqc(method, "GET") && !str_eqc(method, "HEAD")) {
        http_set(x, "Allow", STR("GET, HEAD"));
        return http_respondf(x, 405, "only GET and HEAD\n");
    }
    if (!f) return http_respondf(x, 404, "not found\n");
    bool gzip = f->gzip && takes_gzip(x);
    http_set(x, "ETag", str_of(f->etag));
    http_set(x, "Cache-Control", f->immutable ? STR("public, max-age=31536000, immutable") : STR("no-cache"));
    http_set(x, "Vary", STR("Accept-Encoding"));
    if (str_eqc(http_header(x, "if-none-match"), f->etag)) return http_respond(x, 304, NULL, STR(""));
    if (gzip) http_set(x, "Content-Encoding", STR("gzip"));
    http_respond(x, 200, f->type, gzip ? str_make(f->gzip, f->n_gzip) : str_make(f->plain, f->n_plain));
}
