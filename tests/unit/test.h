/* What every unit test includes: cmocka and its prerequisites. */
#ifndef WEFT_TESTS_UNIT_TEST_H
#define WEFT_TESTS_UNIT_TEST_H

#include "base/prelude.h"

#include <setjmp.h>
#include <cmocka.h>

#define assert_str(s, text) assert_true(str_eqc((s), (text)))

#endif
