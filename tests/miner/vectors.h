/* Recorded headers and shares, read from tests/data/mining. */
#ifndef HB_TESTS_MINER_VECTORS_H
#define HB_TESTS_MINER_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "miner/job.h"
#include "plumbing/json.h"

/* Parses a file of tests/data/mining; the caller frees it with json_free. */
struct json *vectors_open(const char *name);
/* A hex field of a row as bytes; fails the test unless it has exactly `size`. */
void vectors_bytes(const struct json *row, const char *name, uint8_t *bytes, size_t size);
uint32_t vectors_u32(const struct json *row, const char *name);
double vectors_number(const struct json *row, const char *name);
/* A printed hash (most significant byte first) as the number that the miner uses. */
void vectors_hash(const struct json *row, const char *name, uint8_t hash[32]);
/* The job of a row of shares.json, read by the codec. */
void vectors_job(const struct json *row, struct job *job);
/* Its extranonce2 as a number. */
uint64_t vectors_extranonce2(const struct json *row);

#endif
