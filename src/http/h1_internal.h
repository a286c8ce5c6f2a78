/* What the files of the HTTP/1.1 codec share; nobody else includes this. */
#ifndef WEFT_HTTP_H1_INTERNAL_H
#define WEFT_HTTP_H1_INTERNAL_H

#include "http/h1.h"

/* Parses one field line [p, end) without its CRLF, in place (the name becomes lower case). False: against RFC 9112 5. */
bool h1_field(char *p, char *end, struct str *name, struct str *value);

#endif
