#include "cli/page.h"
#include "cli/api.h"
#include "net/sock.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static int bad_address(const char *where, struct err *e)
{
    err_set(e, -EINVAL, "--page %s is not of the form [ADDR:]PORT, or off", where);
    return err_hint(e, "for instance --page 8443, or --page 127.0.0.1:0 for any free port");
}

static int parse(const char *where, struct addr *ret, struct err *e)
{
    struct str all = str_of(where);
    ssize_t colon = str_rindex(all, ':');
    struct str ip = colon >= 0 ? str_first(all, (size_t)colon) : STR("127.0.0.1");
    uint64_t port;
    if (ip.n > 2 && ip.p[0] == '[') ip = str_make(ip.p + 1, ip.n - 2);
    if (!str_u64(str_skip(all, (size_t)(colon + 1)), &port) || port > 65535 || !addr_ip(ret, ip, (uint16_t)port))
        return bad_address(where, e);
    return 0;
}

int page_open(const char *where, struct page *ret, struct err *e)
{
    struct addr a;
    *ret = (struct page){ .fd = -1, .one_time = page_other_users() };
    if (where && strcmp(where, "off") == 0) return 0;
    if (where && parse(where, &a, e) < 0) return e->code;
    /* Several meshes run on one machine: the default port is the first free one. */
    for (unsigned i = 0; ret->fd < 0 && i < (where ? 1 : 100); i++) {
        if (!where) must(addr_ip(&a, STR("127.0.0.1"), (uint16_t)(PAGE_PORT + i)));
        ret->fd = sock_listen(&a, false, e);
        ret->moved = i > 0;
        if (ret->fd < 0 && e->code != -EADDRINUSE) break;
    }
    if (ret->fd < 0) return err_prefix(e, "the page's door: ");
    *e = (struct err){ 0 };
    sock_local(ret->fd, &a);
    addr_text(&a, ret->host, sizeof ret->host);
    if (!addr_is_loopback(&a)) ret->one_time = true; /* whoever reaches the port is not whoever sits here */
    return 0;
}

bool page_other_users(void)
{
    static const char *const no_shell[] = { "/nologin", "/false", "/sync", "/shutdown", "/halt" };
    const char *given = getenv("WEFT_OTHER_USERS");
    bool other = false;
    if (given && *given) return strcmp(given, "no") != 0 && strcmp(given, "0") != 0;
    setpwent();
    for (struct passwd *pw; !other && (pw = getpwent());) {
        bool shell = pw->pw_shell && *pw->pw_shell;
        for (size_t i = 0; shell && i < ARRAY_LEN(no_shell); i++) shell = !str_ends(str_of(pw->pw_shell), str_of(no_shell[i]));
        other = shell && pw->pw_uid >= 1000 && pw->pw_uid != 65534 && pw->pw_uid != geteuid();
    }
    endpwent();
    return other;
}

void page_publish(const struct cli *c, const struct page *p)
{
    if (p->fd < 0) return;
    AUTO(free_p) char *path = state_path(c, "page.url");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return;
    dprintf(fd, "http://%s/\n%s", p->host, p->one_time ? "one-time\n" : "");
    close(fd);
}

void page_withdraw(const struct cli *c)
{
    AUTO(free_p) char *path = state_path(c, "page.url");
    unlink(path);
}

/* The lines of STATE/page.url. */
static bool read_file(const struct cli *c, char *url, size_t n, bool *one_time)
{
    AUTO(free_p) char *path = state_path(c, "page.url");
    char second[32] = "";
    FILE *f = fopen(path, "re");
    bool ok = f && fgets(url, (int)n, f);
    if (ok && fgets(second, sizeof second, f)) *one_time = strcmp(second, "one-time\n") == 0;
    if (f) fclose(f);
    if (ok) url[strcspn(url, "\n")] = 0;
    return ok && *url;
}

char *page_url(const struct cli *c)
{
    char url[256];
    bool one_time = false;
    return read_file(c, url, sizeof url, &one_time) ? xstrdup(url) : NULL;
}

char *page_sign_in_url(const struct cli *c, const char *url)
{
    char text[256];
    bool one_time = false;
    struct api_answer a;
    if (!read_file(c, text, sizeof text, &one_time) || !one_time) return xstrdup(url);
    if (api_call(c, "POST", "/weft/v1/session:one-time", NULL, STR("{}"), &a, NULL) < 0) return xstrdup(url);
    const char *token = json_text(a.body, "oneTime"), *where = json_text(a.body, "path");
    char *full = a.status >= 300 || !token ? xstrdup(url)
                 : where && *where == '/'  ? xasprintf("%s%s", url, where + 1)
                                           : xasprintf("%ssignin#token=%s", url, token);
    api_answer_free(&a);
    return full;
}
