/* The page's door of `weft up`: a TCP socket that is opened here and handed to weftd, so that a restart refuses no connection. Its
 * address stands in STATE/page.url while the mesh runs. */
#ifndef WEFT_CLI_PAGE_H
#define WEFT_CLI_PAGE_H

#include "cli/cli.h"

#define PAGE_PORT 15080 /* where nothing else is asked for; taken: the next free one */

struct page {
    int fd; /* -1: no page */
    bool
        one_time; /* no --single: other people use this machine, or the port is not on loopback. Only who has the printed address gets in */
    bool moved;   /* the default port was taken: it is another */
    char host[128]; /* "127.0.0.1:15080": as text */
};

/* Opens what --page says: NULL the default; "off"; "PORT" or "ADDR:PORT" (port 0: any). 0 or negative. */
int page_open(const char *where, struct page *ret, struct err *e);
/* Whether other people can sign in to this machine: somebody besides us and root has a shell. WEFT_OTHER_USERS=yes or no overrules it
 * (tests, and machines whose people are kept elsewhere). */
bool page_other_users(void);
/* Writes and removes STATE/page.url. */
void page_publish(const struct cli *c, const struct page *p);
void page_withdraw(const struct cli *c);

/* "http://127.0.0.1:15080/" of the mesh in STATE; NULL: it serves no page. Heap string. */
char *page_url(const struct cli *c);
/* The address to give to the person: with a fresh one-time token when the mesh asks for one. Heap string. */
char *page_sign_in_url(const struct cli *c, const char *url);

#endif
