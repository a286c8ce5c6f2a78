/* Effective routes for people: in the order in which they are tried, what each matches, where it leads, and who says so. */
#include "cli/effective.h"

#include "cli/resource.h"
#include "cli/table.h"

json_t *effective_fetch(const struct cli *c, const struct kind *k, const char *ns, const char *name, struct err *e)
{
    char *path = xasprintf("/weft/v1/effective?kind=%s&namespace=%s&name=%s", k->kind, ns, name);
    json_t *j = api_get(c, path, e);
    free(path);
    return j;
}

/* "rule testers", "pinned", "everyone else" */
static void part(const json_t *r, struct buf *b)
{
    const char *kind = json_text(r, "kind"), *rule = json_text(r, "rule.name");
    if (rule && *rule)
        buf_printf(b, "rule %s", rule);
    else if (rule)
        buf_printf(b, "rule %" PRId64, json_number(r, "rule.index", 0) + 1);
    else
        buf_puts(b, strcmp(kind, "everyone-else") == 0 ? "everyone else" : kind);
    if (json_path(r, "faultIndex")) buf_printf(b, ", fault %" PRId64, json_number(r, "faultIndex", 0) + 1);
}

/* "VirtualService vs http[0]; destinations, timeout by Traffic x" */
static void source(const json_t *r, struct buf *b)
{
    size_t i;
    json_t *v;
    const char *vs = json_text(r, "virtualService.name"), *traffic = json_text(r, "traffic.name");
    if (vs)
        buf_printf(b, "VirtualService %s.%s %s[%" PRId64 "]", vs, json_text(r, "virtualService.namespace"), json_text(r, "protocol"),
                   json_number(r, "virtualService.index", 0));
    if (!traffic || !json_array_size(json_object_get(r, "ordered"))) return;
    if (vs) buf_puts(b, "; ");
    json_array_foreach (json_object_get(r, "ordered"), i, v) buf_printf(b, "%s%s", i ? ", " : "", json_string_value(v));
    buf_printf(b, " by Traffic %s.%s", traffic, json_text(r, "traffic.namespace"));
}

static void destinations(const json_t *r, struct buf *b)
{
    size_t i;
    json_t *d;
    json_array_foreach (json_object_get(r, "to"), i, d) {
        const char *version = json_text(d, "version"), *subset = json_text(d, "subset"), *host = json_text(d, "host");
        if (i) buf_puts(b, ", ");
        if (version)
            buf_puts(b, version);
        else
            buf_printf(b, "%s%s%s", host, subset ? " subset " : "", subset ? subset : "");
        double p = json_number_value(json_object_get(d, "percent"));
        if (p < 100) buf_printf(b, " %g %%", p);
    }
    if (json_text(r, "hash")) buf_printf(b, " by %s", json_text(r, "hash"));
    if (!b->len) buf_puts(b, json_path(r, "redirect") ? "redirect" : json_path(r, "directResponse") ? "direct response" : "-");
}

static void matches(const json_t *r, struct buf *b)
{
    size_t i;
    json_t *m;
    json_array_foreach (json_object_get(r, "match"), i, m) buf_printf(b, "%s%s", i ? "; or " : "", json_string_value(m));
    if (!b->len) buf_puts(b, "everything");
}

void effective_print(const json_t *answer, const char *title)
{
    static const char *const headers[] = { "ROUTE", "MATCH", "TO", "FROM", NULL };
    static void (*const cells[])(const json_t *, struct buf *) = { part, matches, destinations, source };
    const json_t *routes = json_object_get(answer, "routes"), *problems = json_object_get(answer, "problems");
    size_t i;
    json_t *r;
    if (title && (json_array_size(routes) || json_array_size(problems))) printf("%s\n", title);
    if (json_array_size(routes)) {
        struct table *t = table_new(headers);
        json_array_foreach (routes, i, r) {
            for (size_t k = 0; k < ARRAY_LEN(cells); k++) {
                struct buf b = { 0 };
                cells[k](r, &b);
                table_cellf(t, "%.*s", (int)b.len, buf_data(&b));
                buf_free(&b);
            }
            table_row(t);
        }
        table_print(t, stdout);
        table_free(t);
    }
    json_array_foreach (problems, i, r) printf("not carried out: %s\n", json_string_value(r));
}

int effective_get(const struct cli *c, const struct kind *k, const char *name)
{
    struct err e = { 0 };
    if (k->id != KIND_VIRTUAL_SERVICE && k->id != KIND_DESTINATION_RULE && k->id != KIND_SERVICE)
        return cli_usage(c, "--effective is for virtualservice, destinationrule and service");
    json_t *j = effective_fetch(c, k, c->ns, name, &e);
    if (!j) return cli_fail(&e);
    json_t *object = json_object_get(j, "object");
    int r = EXIT_OK;
    if (c->output)
        r = resource_print(c, object ? object : j);
    else if (json_array_size(json_object_get(j, "routes")))
        effective_print(j, NULL);
    else
        printf("Traffic changes nothing of %s %s: it is carried out as written.\n", k->singular, name);
    json_decref(j);
    return r;
}
