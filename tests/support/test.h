/* What every unit test includes: cmocka with its prerequisites, and comparison of doubles. */
#ifndef HB_TESTS_SUPPORT_TEST_H
#define HB_TESTS_SUPPORT_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Fails unless |actual - expected| <= tolerance; a NaN fails. */
#define assert_near(actual, expected, tolerance)                                                   \
    test_near((actual), (expected), (tolerance), #actual, __FILE__, __LINE__)

void test_near(double actual, double expected, double tolerance, const char *what, const char *file,
               int line);

/* Contents of a file, terminated; its length in `*len` (may be NULL). Fails the test if it cannot
 * be read. The caller frees it. */
char *test_read_file(const char *path, size_t *len);

#endif
