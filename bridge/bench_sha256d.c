#include "bridge/bench_sha256d.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "miner/job.h"
#include "miner/kernel.h"
#include "miner/verify.h"
#include "plumbing/json.h"

/* Turns are short, so that a busy moment of the machine hits both alike. */
#define TURN_S 0.05
enum { KERNEL_STRIDE = 4096, OPENSSL_STRIDE = 256 };

struct side {
    double hashes, spent_s;
};

static double processor_s(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void turn_kernel(const struct sha256d_kernel *kernel, const uint8_t header[80],
                        struct side *side)
{
    struct sha256d_work work;
    struct sha256d_hit hit;
    const uint32_t version_bits = 0;
    sha256d_prepare(&work, header, &version_bits, 1, 0);
    const double start_s = processor_s();
    double spent_s = 0;
    while (spent_s < TURN_S) {
        (void)kernel->scan(&work, (uint32_t)(uint64_t)side->hashes, KERNEL_STRIDE, &hit, 1);
        side->hashes += KERNEL_STRIDE;
        spent_s = processor_s() - start_s;
    }
    side->spent_s += spent_s;
}

static bool turn_openssl(uint8_t header[80], struct side *side)
{
    uint8_t hash[32];
    bool good = true;
    const double start_s = processor_s();
    double spent_s = 0;
    while (good && spent_s < TURN_S) {
        for (uint32_t i = 0; good && i < OPENSSL_STRIDE; i++) {
            job_set_nonce(header, i);
            good = verify_hash(header, hash);
        }
        side->hashes += OPENSSL_STRIDE;
        spent_s = processor_s() - start_s;
    }
    side->spent_s += spent_s;
    return good;
}

static void print_result(const struct sha256d_kernel *kernel, double kernel_mhs, double openssl_mhs)
{
    struct json *line = json_new_object();
    json_add_string(line, "bench", "sha256d");
    json_add_string(line, "kernel", kernel->name);
    json_add_number(line, "threads", 1, 0);
    json_add_number(line, "mhs", kernel_mhs, 3);
    json_add_number(line, "openssl_mhs", openssl_mhs, 3);
    json_add_number(line, "ratio", kernel_mhs / openssl_mhs, 2);
    char *text = json_print(line);
    (void)puts(text);
    free(text);
    json_free(line);
}

int bench_sha256d(double seconds)
{
    struct hb_err err = {0};
    const struct sha256d_kernel *kernel = kernel_choose(&err);
    if (kernel == NULL) {
        (void)fprintf(stderr, "bench: %s\n", err.msg);
        return 1;
    }
    uint8_t header[80] = {1};
    struct side ours = {0};
    struct side openssl = {0};
    bool good = true;
    while (good && ours.spent_s + openssl.spent_s < seconds) {
        turn_kernel(kernel, header, &ours);
        good = turn_openssl(header, &openssl);
    }
    if (!good) {
        (void)fputs("bench: openssl refuses to hash\n", stderr);
        return 1;
    }
    print_result(kernel, ours.hashes / ours.spent_s * 1e-6,
                 openssl.hashes / openssl.spent_s * 1e-6);
    return 0;
}
