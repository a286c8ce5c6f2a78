/* Is a pattern one that RE2 takes? RE2 itself belongs to the proxy; here the mistakes that people make are found by a scan. */
#ifndef WEFT_CONFIG_REGEX_H
#define WEFT_CONFIG_REGEX_H

#include "base/str.h"

/* NULL when nothing is wrong, else what is: "the bracket at 3 is not closed". Points to static or caller-independent text. */
const char *regex_problem(struct str pattern);

#endif
