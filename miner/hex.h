/* Hexadecimal text to bytes and back, strict about length and digits. Pure. */
#ifndef HB_MINER_HEX_H
#define HB_MINER_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"

/* Decodes text of exactly 2 * `size` digits into `size` bytes; false on any other text. */
HB_MUST_USE bool hex_decode(const char *text, uint8_t *bytes, size_t size);
/* Decodes terminated text of any even length up to 2 * `max` digits; the number of bytes goes to
 * `*size`. */
HB_MUST_USE bool hex_decode_upto(const char *text, uint8_t *bytes, size_t max, size_t *size);
/* Decodes 1 to 8 digits as a number, most significant first. */
HB_MUST_USE bool hex_to_u32(const char *text, uint32_t *value);
/* Writes 2 * `size` lower-case digits and a terminator. */
void hex_encode(char *text, const uint8_t *bytes, size_t size);

#endif
