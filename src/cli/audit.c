/* weft audit, audit export, audit verify: who did what, when and why, and that nobody changed the record. */
#include "api/platform/audit.h"
#include "base/clock.h"
#include "cli/platform.h"

#include <ctype.h>

static struct {
    const char *actor, *action;
    int64_t since_ms;
    int limit;
} o = { .limit = 50 };

static void add_query(struct buf *b, const char *key, const char *value)
{
    if (!value) return;
    AUTO(free_p) char *v = path_segment(value);
    buf_printf(b, "%s%s=%s", b->len ? "&" : "?", key, v);
}

static char *query(void)
{
    struct buf b = { 0 };
    char since[40], limit[16];
    const char *env = getenv("WEFT_PROJECT");
    snprintf(limit, sizeof limit, "%d", MIN(MAX(o.limit, 1), 1000));
    add_query(&b, "project", po.project ? po.project : env && *env ? env : NULL);
    add_query(&b, "actor", o.actor);
    add_query(&b, "action", o.action);
    if (o.since_ms) add_query(&b, "since", clock_rfc3339(clock_wall_ms() - o.since_ms, since, sizeof since));
    add_query(&b, "limit", limit);
    return buf_steal(&b);
}

static void row(struct table *t, const json_t *e)
{
    char when[40];
    AUTO(free_p)
    char *actor = plain(json_text(e, "actor")), *target = plain(json_text(e, "target")), *reason = plain(json_text(e, "reason"));
    table_cellf(t, "%" PRId64, json_number(e, "seq", 0));
    table_cell(t, text_local(json_text(e, "time"), when, sizeof when));
    table_cell(t, actor);
    table_cell(t, json_text(e, "via"));
    table_cell(t, json_text(e, "action"));
    table_cell(t, target ? target : "");
    table_cell(t, reason ? reason : "");
    table_row(t);
}

static int list(struct cli *c, int argc, char **argv)
{
    static const char *const headers[] = { "SEQ", "AT", "WHO", "VIA", "ACTION", "WHAT", "WHY", NULL };
    json_auto_t *page = NULL;
    (void)argc;
    (void)argv;
    int r = platform_output(c);
    if (r == EXIT_OK) r = platform_require(c);
    if (r != EXIT_OK) return r;
    AUTO(free_p) char *q = query();
    AUTO(free_p) char *path = xasprintf("/weft/v1/audit%s", q);
    r = platform_get(c, path, &page);
    if (r != EXIT_OK) return r;
    return platform_show(
        c, json_object_get(page, "items"),
        &(struct listing){ headers, row, "seq", strchr(q, '&') ? "Nothing is recorded that fits." : "Nothing is recorded yet." });
}

/* The export as it comes: JSON lines, oldest first. Exit code. */
static int fetch(const struct cli *c, struct api_answer *ret)
{
    struct err e = { 0 };
    AUTO(free_p) char *project = po.project ? path_segment(po.project) : NULL;
    AUTO(free_p) char *path = xasprintf("/weft/v1/audit/export%s%s", project ? "?project=" : "", project ? project : "");
    const struct api_request q = { .path = path, .accept = "application/jsonl, */*" };
    if (api_send(c, &q, ret, &e) < 0) return cli_fail(&e);
    if (ret->status == 200) return EXIT_OK;
    int r = platform_problem(ret->status, ret->body);
    api_answer_free(ret);
    return r;
}

static int export(struct cli *c, int argc, char **argv)
{
    struct api_answer a;
    (void)argc;
    (void)argv;
    int r = platform_require(c);
    if (r == EXIT_OK) r = fetch(c, &a);
    if (r != EXIT_OK) return r;
    fwrite(buf_data(&a.raw), 1, a.raw.len, stdout);
    api_answer_free(&a);
    return EXIT_OK;
}

/* The chain of all lines: each has the hash of the one before it, and numbers without gaps. */
static int verify_text(struct str text, const char *name)
{
    char head[AUDIT_HASH + 1];
    uint64_t n = 0, line_number = 0;
    struct err e = { 0 };
    memset(head, '0', AUDIT_HASH);
    head[AUDIT_HASH] = 0;
    while (text.p) {
        struct str line = str_trim(str_cut(&text, '\n'));
        line_number++;
        if (line.n == 0) continue;
        n++;
        if (audit_verify(line, n, head, &e) == 0) continue;
        fflush(stdout);
        fprintf(stderr, "error: %s: line %" PRIu64 ": %s\n", name, line_number, e.what);
        fprintf(stderr, "  the %" PRIu64 " entries before it are as they were written\n", n - 1);
        return EXIT_FAILED;
    }
    printf("%" PRIu64 " entries, each as it was written; the last has the hash %.16s...\n", n, head);
    return EXIT_OK;
}

static int verify(struct cli *c, int argc, char **argv)
{
    struct api_answer a = { 0 };
    struct buf text = { 0 };
    char bytes[65536];
    size_t got;
    if (argc == 0) {
        int r = platform_require(c);
        if (r == EXIT_OK) r = fetch(c, &a);
        if (r == EXIT_OK) r = verify_text(buf_str(&a.raw), "the audit log");
        api_answer_free(&a);
        return r;
    }
    FILE *f = strcmp(argv[0], "-") == 0 ? stdin : fopen(argv[0], "re");
    if (!f) return cli_failf("cannot read %s: %s", argv[0], strerror(errno));
    while ((got = fread(bytes, 1, sizeof bytes, f)) > 0) buf_append(&text, bytes, got);
    if (f != stdin) fclose(f);
    int r = verify_text(buf_str(&text), argv[0]);
    buf_free(&text);
    return r;
}

/* clang-format off */
static const struct opt list_opts[] = {
    { "actor", 0, OPT_TEXT, &o.actor, "USER", "of one person" },
    { "action", 0, OPT_TEXT, &o.action, "ACTION", "of one kind: traffic:write, release:start" },
    { "since", 0, OPT_TIME, &o.since_ms, "TIME", "not older than: 2h" },
    { "limit", 0, OPT_INT, &o.limit, "N", "the newest so many (default 50, at most 1000)" },
    OPT_PROJECT, OPT_OUTPUT,
};
static const struct opt export_opts[] = { OPT_PROJECT };

const struct command cmd_audit_export = {
    .name = "audit export", .args = "", .brief = "the whole audit log as JSON lines",
    .examples = "  weft audit export > audit.jsonl\n",
    .opts = export_opts, .n_opts = ARRAY_LEN(export_opts), .min = 0, .max = 0, .run = export,
};
const struct command cmd_audit_verify = {
    .name = "audit verify", .args = "[FILE]", .brief = "check that no entry of the audit log was changed or taken out",
    .examples = "  weft audit verify\n  weft audit verify audit.jsonl      # an export, without a mesh\n",
    .min = 0, .max = 1, .run = verify,
};
const struct command cmd_audit = {
    .name = "audit", .args = "", .brief = "who did what, when and why",
    .examples = "  weft audit\n  weft audit -p shop --since 24h\n  weft audit --actor anna -o json\n",
    .opts = list_opts, .n_opts = ARRAY_LEN(list_opts), .min = 0, .max = 0, .run = list,
};
/* clang-format on */
