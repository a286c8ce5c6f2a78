/* Aligned columns for people: header in capitals, three spaces between, the last column not padded. */
#ifndef WEFT_CLI_TABLE_H
#define WEFT_CLI_TABLE_H

#include "base/arena.h"

struct table;

/* headers: "NAME", "READY", ...; ended by NULL. */
struct table *table_new(const char *const *headers);
/* Adds the next cell of the current row; text is copied. NULL prints as "<none>". */
void table_cell(struct table *t, const char *text);
PRINTF_LIKE(2, 3) void table_cellf(struct table *t, const char *fmt, ...);
/* Ends the row: cells that were not given stay empty. */
void table_row(struct table *t);
size_t table_rows(const struct table *t);
void table_print(const struct table *t, FILE *to);
/* Rows from index `from` on, without header, in the same widths: for -w. */
void table_print_rows(const struct table *t, size_t from, FILE *to);
void table_free(struct table *t);

#endif
