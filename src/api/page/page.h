/* The page's door: the files of the web page from weftd's own binary, and what protects a door that browsers use. */
#ifndef WEFT_API_PAGE_PAGE_H
#define WEFT_API_PAGE_PAGE_H

#include "http/server.h"

struct platform;

/* Whether the request may come in at all: Host is a loopback name or one that was configured (against DNS rebinding), Origin, when present,
 * is the same (against other people's pages). Sets the security headers. false: answered. */
bool page_admit(struct http_exchange *x, const struct platform *p);
/* A file of the page; index.html for the page's own paths. */
void page_serve(struct http_exchange *x);

/* One file, made at build time (tools/embed). */
struct page_file {
    const char *path; /* "/assets/index-4f3a.js" */
    const char *type, *etag;
    const unsigned char *plain, *gzip; /* gzip NULL: it does not get smaller */
    size_t n_plain, n_gzip;
    bool immutable; /* its name has the hash of what it holds */
};
extern const struct page_file page_files[];
extern const size_t n_page_files;

#endif
