/* weft proxy-status: every proxy, what it holds of what it was sent, and since when it is connected. */
#include "cli/columns.h"
#include "cli/api.h"
#include "cli/resource.h"
#include "cli/table.h"

static struct cli shared;

/* "k8s-combat-service-v1-7d9-x2x.default" of sidecar~IP~POD.NS~DOMAIN, else the id as it is. */
static void proxy_name(const char *id, char *buf, size_t n)
{
    struct str rest = str_of(id), part = { 0 };
    for (int i = 0; i < 3 && rest.p; i++) part = str_cut(&rest, '~');
    if (rest.p)
        snprintf(buf, n, "%.*s", STR_ARG(part));
    else
        snprintf(buf, n, "%s", id);
}

static void type_cell(struct table *t, const json_t *proxy, const char *type)
{
    const json_t *s = json_path(json_object_get(proxy, "types"), type);
    const char *state = json_text(s, "state");
    table_cell(t, state ? state : "-");
}

static int run(struct cli *c, int argc, char **argv)
{
    static const char *const headers[] = { "NAME", "CDS", "EDS", "LDS", "RDS", "SDS", "CLIENT", "CONNECTED", NULL };
    static const char *const types[] = { "CDS", "EDS", "LDS", "RDS", "SDS" };
    struct err e = { 0 };
    size_t i;
    json_t *p;
    c->output = shared.output && strcmp(shared.output, "table") == 0 ? NULL : shared.output;
    int r = state_require(c);
    if (r) return r;
    json_t *answer = api_get(c, "/weft/v1/proxy-status", &e);
    if (!answer) return cli_fail(&e);
    if (c->output) {
        r = resource_print(c, answer);
        json_decref(answer);
        return r;
    }
    struct table *t = table_new(headers);
    struct buf nacks = { 0 };
    json_array_foreach (json_object_get(answer, "proxies"), i, p) {
        char name[300], age[24];
        proxy_name(json_text(p, "node"), name, sizeof name);
        if (argc && !strstr(name, argv[0])) continue;
        table_cell(t, name);
        for (size_t k = 0; k < ARRAY_LEN(types); k++) type_cell(t, p, types[k]);
        table_cell(t, json_text(p, "client"));
        table_cell(t, columns_age(json_text(p, "connectedAt"), age, sizeof age));
        table_row(t);
        for (size_t k = 0; k < ARRAY_LEN(types); k++) {
            const char *why = json_text(json_path(json_object_get(p, "types"), types[k]), "error");
            if (why && why[0]) buf_printf(&nacks, "%s refused %s: %s\n", name, types[k], why);
        }
    }
    if (table_rows(t))
        table_print(t, stdout);
    else
        printf("No proxy is connected.\n");
    fwrite(buf_data(&nacks), 1, nacks.len, stderr);
    buf_free(&nacks);
    table_free(t);
    json_decref(answer);
    return EXIT_OK;
}

static const struct opt opts[] = { { "output", 'o', OPT_TEXT, &shared.output, "FORMAT", "table, json or yaml" } };

const struct command cmd_proxy_status = {
    .name = "proxy-status",
    .args = "[POD]",
    .brief = "every proxy: connected, and what it acknowledged",
    .examples = "  weft proxy-status\n  weft proxy-status k8s-combat-service-v1\n",
    .opts = opts,
    .n_opts = ARRAY_LEN(opts),
    .min = 0,
    .max = 1,
    .run = run,
};
