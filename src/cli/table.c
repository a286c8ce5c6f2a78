#include "cli/table.h"
#include "base/vec.h"

struct table {
    struct arena arena;
    size_t columns, at;      /* at: cells given in the current row */
    VEC(const char *) cells; /* headers first, row after row */
};

struct table *table_new(const char *const *headers)
{
    struct table *t = xcalloc(1, sizeof *t);
    arena_init(&t->arena, 4096, 0);
    for (; headers[t->columns]; t->columns++) vec_push(&t->cells, headers[t->columns]);
    return t;
}

void table_cell(struct table *t, const char *text)
{
    must(t->at < t->columns);
    vec_push(&t->cells, text ? arena_strndup(&t->arena, text, strlen(text)) : "<none>");
    t->at++;
}

void table_cellf(struct table *t, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    table_cell(t, text);
}

void table_row(struct table *t)
{
    while (t->at < t->columns) table_cell(t, "");
    t->at = 0;
}

size_t table_rows(const struct table *t) { return t->cells.n / t->columns - 1; }

/* Characters, not bytes: names may hold any UTF-8. */
static size_t width(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += (*s & 0xc0) != 0x80;
    return n;
}

static void print(const struct table *t, size_t first_row, FILE *to)
{
    size_t rows = t->cells.n / t->columns;
    size_t *widths = xcalloc(t->columns, sizeof *widths);
    for (size_t i = 0; i < t->cells.n; i++) widths[i % t->columns] = MAX(widths[i % t->columns], width(t->cells.v[i]));
    for (size_t r = first_row; r < rows; r++) {
        for (size_t col = 0; col < t->columns; col++) {
            const char *cell = t->cells.v[r * t->columns + col];
            size_t pad = col + 1 < t->columns ? widths[col] - width(cell) + 3 : 0;
            fprintf(to, "%s%*s", cell, (int)pad, "");
        }
        fputc('\n', to);
    }
    free(widths);
}

void table_print(const struct table *t, FILE *to) { print(t, 0, to); }
void table_print_rows(const struct table *t, size_t from, FILE *to) { print(t, from + 1, to); }

void table_free(struct table *t)
{
    if (!t) return;
    arena_free(&t->arena);
    vec_free(&t->cells);
    free(t);
}
