/* Figures, shares and times as the tables of the platform's commands show them, and text of other people made safe for a terminal. */
#ifndef WEFT_CLI_TEXT_H
#define WEFT_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The text with control characters taken out: names and reasons that other people typed go to a terminal. Heap string. */
char *plain(const char *text);
/* "12.5 %", "1.2k", "14 ms"; "-" for unknown (NULL, null, NAN). buf is returned. */
char *text_percent(double v, char *buf, size_t n);
char *text_count(double v, char *buf, size_t n);
char *text_ms(double v, char *buf, size_t n);
/* Milliseconds since 1970 of an RFC 3339 time; 0 when it is none. */
int64_t text_time(const char *rfc3339);
/* An RFC 3339 time in the reader's zone: "14:05:09" of today, else "24 Nov 14:05". buf is returned; "-" when it is none. */
char *text_local(const char *rfc3339, char *buf, size_t n);

#endif
