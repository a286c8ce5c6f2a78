/* The admin port: its table of pages, and the small ones. */
#include "http/server.h"
#include "proxy/admin_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "envoy.config.core.v3.pb-c.h"
#include "xdsmsg/types.h"

#include <malloc.h>
#include <unistd.h>

/* ---- small pages ---- */

const char *admin_state(const struct admin *a)
{
    if (a->failed || (a->hooks.draining && a->hooks.draining(a->hooks.ctx))) return "DRAINING";
    if (!config_snapshot(a->config)) return "PRE_INITIALIZING";
    return config_ready(a->config) ? "LIVE" : "INITIALIZING";
}

static int page_ready(struct page *p)
{
    const char *state = admin_state(p->a);
    buf_printf(p->out, "%s\n", state);
    return str_eqc(STR("LIVE"), state) ? 200 : 503;
}

static struct str seconds(struct page *p, uint64_t ms) { return str_of(arena_printf(&p->arena, "%" PRIu64 "s", ms / 1000)); }

static int page_server_info(struct page *p)
{
    struct admin *a = p->a;
    struct arena *m = &p->arena;
    const Envoy__Config__Core__V3__Node *node = config_bootstrap(a->config)->node;
    struct pb_format format = { .snake = true, .registry = xdsmsg_descriptor };
    struct node *root = tree_new(m, NODE_MAP), *options = tree_new(m, NODE_MAP);
    struct str up = seconds(p, clock_ms() - a->started_ms);
    tree_add(m, root, STR("version"), tree_string(m, str_of(arena_printf(m, "weft/%s", a->hooks.version ? a->hooks.version : "0"))));
    tree_add(m, root, STR("state"), tree_string(m, str_of(admin_state(a))));
    tree_add(m, root, STR("uptime_current_epoch"), tree_string(m, up));
    tree_add(m, root, STR("uptime_all_epochs"), tree_string(m, up));
    tree_add(m, root, STR("hot_restart_version"), tree_string(m, STR("disabled")));
    tree_add(m, options, STR("concurrency"), tree_number(m, "%u", a->hooks.concurrency));
    tree_add(m, options, STR("config_path"), tree_string(m, str_of(config_bootstrap(a->config)->positions.file)));
    tree_add(m, root, STR("command_line_options"), options);
    tree_add(m, root, STR("node"), pb_to_tree(&node->base, &format, m));
    p->type = "application/json";
    tree_json(root, 1, p->out);
    buf_puts(p->out, "\n");
    return 200;
}

static int page_memory(struct page *p)
{
    struct mallinfo2 i = mallinfo2();
    long resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%*s %ld", &resident) != 1) resident = 0;
    if (f) fclose(f);
    p->type = "application/json";
    buf_printf(p->out, "{\n \"allocated\": \"%zu\",\n \"heap_size\": \"%zu\",\n \"total_physical_bytes\": \"%ld\"\n}\n",
               i.uordblks + i.hblkhd, i.arena + i.hblkhd, resident * sysconf(_SC_PAGESIZE));
    return 200;
}

static int page_hot_restart(struct page *p)
{
    buf_puts(p->out, "disabled\n");
    return 200;
}

static int page_runtime(struct page *p)
{
    p->type = "application/json";
    buf_puts(p->out, "{\n \"entries\": {},\n \"layers\": []\n}\n");
    return 200;
}

/* ---- what changes something ---- */

static int page_quit(struct page *p)
{
    buf_puts(p->out, "OK\n");
    p->quit = true;
    return 200;
}

static int health(struct page *p, bool fail)
{
    p->a->failed = fail;
    if (p->a->hooks.health) p->a->hooks.health(p->a->hooks.ctx, fail);
    buf_puts(p->out, "OK\n");
    return 200;
}
static int page_fail(struct page *p) { return health(p, true); }
static int page_ok(struct page *p) { return health(p, false); }

static int page_drain(struct page *p)
{
    if (p->a->hooks.drain)
        p->a->hooks.drain(p->a->hooks.ctx, page_flag(p, "graceful"), page_flag(p, "inboundonly"), page_flag(p, "skip_exit"));
    buf_puts(p->out, "OK\n");
    return 200;
}

/* level=LEVEL, or paths=name:level as Envoy writes single loggers: we have one. */
static int page_logging(struct page *p)
{
    struct str level = page_param(p, "level");
    enum log_level l;
    if (level.p) {
        char *name = arena_strndup(&p->arena, level.p, level.n);
        if (!log_level_parse(name, &l)) {
            buf_printf(p->out, "error: unknown logger level\n");
            return 400;
        }
        log_set_level(l);
    } else if (p->query.n) {
        buf_puts(p->out, "usage: /logging?level=<level>\nlevels: trace debug info warning error critical off\n");
        return 400;
    }
    buf_printf(p->out, "active loggers:\n  weft: %s\n", log_level_names[atomic_load(&log_threshold)]);
    return 200;
}

/* ---- the table ---- */

static int page_help(struct page *p);

static const struct entry {
    const char *path;
    bool post;
    int (*fn)(struct page *p);
    const char *help;
} entries[] = {
    { "/", false, page_help, "Admin home page" },
    { "/clusters", false, page_clusters, "upstream cluster status" },
    { "/config_dump", false, page_config_dump, "dump current configuration (resource, name_regex, include_eds)" },
    { "/drain_listeners", true, page_drain, "drain listeners (graceful, inboundonly, skip_exit)" },
    { "/healthcheck/fail", true, page_fail, "cause the server to fail health checks" },
    { "/healthcheck/ok", true, page_ok, "cause the server to pass health checks" },
    { "/help", false, page_help, "print out list of admin commands" },
    { "/hot_restart_version", false, page_hot_restart, "print the hot restart compatibility version" },
    { "/init_dump", false, page_init_dump, "dump what is not ready yet" },
    { "/listeners", false, page_listeners, "print listener info" },
    { "/logging", true, page_logging, "query or change the logging level" },
    { "/memory", false, page_memory, "print current allocation and heap usage" },
    { "/quitquitquit", true, page_quit, "exit the server" },
    { "/ready", false, page_ready, "print server state, return 200 if LIVE, otherwise return 503" },
    { "/runtime", false, page_runtime, "print runtime values" },
    { "/server_info", false, page_server_info, "print server version and status" },
    { "/stats", false, page_stats, "print server stats (usedonly, filter, format=json|prometheus)" },
    { "/stats/prometheus", false, page_prometheus, "print server stats in prometheus format" },
};

static int page_help(struct page *p)
{
    buf_puts(p->out, "admin commands are:\n");
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        buf_printf(p->out, "  %s%s: %s\n", entries[i].path, entries[i].post ? " (POST)" : "", entries[i].help);
    return 200;
}

static const struct entry *find(struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        if (str_eqc(path, entries[i].path)) return &entries[i];
    return NULL;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct str decoded(struct str s, struct arena *a)
{
    char *out = arena_strndup(a, s.p, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool pair = s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0;
        out[n++] = pair ? (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])) : s.p[i] == '+' ? ' ' : s.p[i];
        if (pair) i += 2;
    }
    return str_make(out, n);
}

struct str page_param(struct page *p, const char *name)
{
    struct str rest = p->query;
    while (rest.n) {
        struct str pair = str_cut(&rest, '&');
        struct str key = str_cut(&pair, '=');
        if (str_eqc(key, name)) return decoded(pair.p ? pair : STR(""), &p->arena);
    }
    return (struct str){ NULL, 0 };
}

bool page_json(struct page *p)
{
    struct str f = page_param(p, "format");
    if (!f.p || !str_eq(f, STR("json"))) return false;
    p->type = "application/json";
    return true;
}

int admin_answer(struct admin *a, struct str method, struct str path, struct str query, struct buf *body, const char **type, bool *quit)
{
    struct page p = { .a = a, .query = query, .out = body };
    const struct entry *e = find(path);
    int status;
    arena_init(&p.arena, 1024, 0);
    if (!e) {
        buf_puts(body, "invalid path. ");
        page_help(&p);
        status = 404;
    } else if (e->post && !str_eq(method, STR("POST"))) {
        buf_printf(body, "Method %.*s not allowed, POST required.", STR_ARG(str_first(method, 32)));
        status = 405;
    } else if (!e->post && !str_eq(method, STR("GET")) && !str_eq(method, STR("HEAD")) && !str_eq(method, STR("POST"))) {
        buf_printf(body, "Method %.*s not allowed.", STR_ARG(str_first(method, 32)));
        status = 405;
    } else {
        status = e->fn(&p);
    }
    *type = p.type ? p.type : "text/plain; charset=UTF-8";
    *quit = p.quit;
    arena_free(&p.arena);
    return status;
}

/* ---- the server ---- */

static void on_done(struct http_exchange *x, bool ok, void *arg)
{
    (void)x, (void)ok;
    struct admin *a = arg;
    if (a->hooks.quit) a->hooks.quit(a->hooks.ctx);
}

static void handle(struct http_exchange *x, void *arg)
{
    struct admin *a = arg;
    struct buf body = { 0 };
    const char *type;
    bool quit;
    int status = admin_answer(a, http_method(x), http_path(x), http_query(x), &body, &type, &quit);
    /* Names in the configuration may hold anything: browsers must not guess that it is HTML (CVE-2026-73546). */
    http_set(x, "x-content-type-options", STR("nosniff"));
    http_set(x, "cache-control", STR("no-cache, max-age=0"));
    if (quit) http_on_done(x, on_done, a);
    http_respond(x, status, type, buf_str(&body));
    buf_free(&body);
}

struct admin *admin_new_detached(struct config *c, const struct admin_hooks *hooks)
{
    struct admin *a = xcalloc(1, sizeof *a);
    a->config = c;
    a->hooks = *hooks;
    a->started_ms = clock_ms();
    a->started_wall_ms = clock_wall_ms();
    return a;
}

struct admin *admin_new(struct loop *l, struct config *c, const struct addr *at, const struct admin_hooks *hooks, struct err *e)
{
    struct admin *a = admin_new_detached(c, hooks);
    struct http_server_config cfg = { .handle = handle, .arg = a, .max_connections = 64, .idle_ms = 60000 };
    a->server = http_server_new(l, &cfg);
    if (http_server_listen(a->server, at, e) == 0) return a;
    err_prefix(e, "admin: ");
    admin_free(a);
    return NULL;
}

void admin_free(struct admin *a)
{
    if (!a) return;
    if (a->server) http_server_free(a->server);
    free(a);
}

uint16_t admin_port(const struct admin *a) { return http_server_port(a->server, 0); }
