/* Bounded text: copying, strict number parsing, identifiers, control characters. No allocation. */
#ifndef HB_GROUND_TEXT_H
#define HB_GROUND_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"

/* Copies `text` into `buf` of `size` bytes, always terminated. False if it did not fit (it is then
 * cut). */
bool text_copy(char *buf, size_t size, const char *text);

/* Copies `len` bytes of untrusted text, replacing control characters and bytes that are not UTF-8
 * by
 * '?', so that it can be shown or logged. Cuts at `size` - 1. */
void text_copy_printable(char *buf, size_t size, const char *text, size_t len);

/* Parses all of `len` bytes as one finite decimal number, with surrounding white space allowed and
 * nothing else: no hex, no "nan", no "inf", no overflow to infinity, no locale. */
HB_MUST_USE bool text_to_number(const char *text, size_t len, double *number);

/* True for 1 to 32 characters [a-z0-9_] that begin with a letter: the form of room and heater names
 * in the configuration, which become part of topics and ids. */
HB_MUST_USE bool text_is_id(const char *text);

/* True if `len` bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
HB_MUST_USE bool text_is_utf8(const char *text, size_t len);

#endif
