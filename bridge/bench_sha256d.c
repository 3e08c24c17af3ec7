#include "bridge/bench_sha256d.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/bench_cycles.h"
#include "miner/job.h"
#include "miner/kernel/kernel.h"
#include "plumbing/json.h"

/* Turns are short, so that a busy moment of the machine hits both sides alike. */
#define TURN_S 0.01
enum { THREADS_MAX = 256, CHUNK_HASHES = 16384, OPENSSL_CHUNK = 256 };

/* What is measured: one line of the result. */
struct contest {
    const struct sha256d_kernel *kernel;
    int threads;
    uint32_t versions;
    double seconds;
    pthread_barrier_t turn; /* all threads are on the same side */
};

struct side {
    double hashes, spent_s, cycles;
};

struct contestant {
    struct contest *contest;
    pthread_t thread;
    struct cycles cycles;
    struct sha256d_work work;
    uint32_t nonce;
    uint8_t header[80];
    struct side ours, openssl;
    EVP_MD_CTX *openssl_context;
    const char *cycles_from;
    bool good;
};

static void turn_kernel(struct contestant *c)
{
    const uint32_t nonces = CHUNK_HASHES / c->contest->versions;
    struct sha256d_hit hit;
    const double start_s = cycles_processor_s();
    double spent_s = 0;
    double hashes = 0;
    cycles_start(&c->cycles);
    while (spent_s < TURN_S) {
        (void)c->contest->kernel->scan(&c->work, c->nonce, nonces, &hit, 1);
        c->nonce += nonces;
        hashes += CHUNK_HASHES;
        spent_s = cycles_processor_s() - start_s;
    }
    c->ours.cycles += cycles_stop(&c->cycles);
    c->ours.spent_s += spent_s;
    c->ours.hashes += hashes;
}

/* As fast as OpenSSL's interface allows: algorithm and context are there already. */
static bool openssl_hash(EVP_MD_CTX *context, const uint8_t header[80], uint8_t hash[32])
{
    return EVP_DigestInit_ex2(context, NULL, NULL) == 1 &&
           EVP_DigestUpdate(context, header, 80) == 1 &&
           EVP_DigestFinal_ex(context, hash, NULL) == 1 &&
           EVP_DigestInit_ex2(context, NULL, NULL) == 1 &&
           EVP_DigestUpdate(context, hash, 32) == 1 && EVP_DigestFinal_ex(context, hash, NULL) == 1;
}

static void turn_openssl(struct contestant *c)
{
    uint8_t hash[32];
    const double start_s = cycles_processor_s();
    double spent_s = 0;
    while (c->good && spent_s < TURN_S) {
        for (uint32_t i = 0; i < OPENSSL_CHUNK; i++) {
            job_set_nonce(c->header, i);
            c->good = openssl_hash(c->openssl_context, c->header, hash) && c->good;
        }
        c->openssl.hashes += OPENSSL_CHUNK;
        spent_s = cycles_processor_s() - start_s;
    }
    c->openssl.spent_s += spent_s;
}

static void *contestant_main(void *arg)
{
    struct contestant *c = arg;
    uint32_t version_bits[KERNEL_VERSIONS_MAX];
    for (uint32_t i = 0; i < KERNEL_VERSIONS_MAX; i++) {
        version_bits[i] = i << 13;
    }
    sha256d_prepare(&c->work, c->header, version_bits, c->contest->versions, 0);
    c->openssl_context = EVP_MD_CTX_new();
    c->good = c->openssl_context != NULL &&
              EVP_DigestInit_ex2(c->openssl_context, EVP_sha256(), NULL) == 1;
    cycles_open(&c->cycles);
    c->cycles_from = cycles_source(&c->cycles);
    const int turns = (int)(c->contest->seconds / (2 * TURN_S)) + 1;
    for (int i = 0; i < turns; i++) {
        (void)pthread_barrier_wait(&c->contest->turn);
        turn_kernel(c);
        (void)pthread_barrier_wait(&c->contest->turn);
        turn_openssl(c);
    }
    cycles_close(&c->cycles);
    EVP_MD_CTX_free(c->openssl_context);
    return NULL;
}

/* The threads' rates are per second of processor time: others on the machine do not count. */
static double sum_mhs(const struct contestant *all, int count, bool openssl)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        const struct side *side = openssl ? &all[i].openssl : &all[i].ours;
        sum += side->hashes / side->spent_s * 1e-6;
    }
    return sum;
}

static double cycles_per_hash(const struct contestant *all, int count)
{
    struct side sum = {0};
    for (int i = 0; i < count; i++) {
        sum.cycles += all[i].ours.cycles;
        sum.hashes += all[i].ours.hashes;
    }
    return sum.cycles / sum.hashes;
}

/* Prints the line; `single_mhs` is the same with one thread, 0 if this is that. */
static double print_result(const struct contest *contest, const struct contestant *all, bool chosen,
                           double single_mhs)
{
    const double ours_mhs = sum_mhs(all, contest->threads, false);
    const double openssl_mhs = sum_mhs(all, contest->threads, true);
    struct json *line = json_new_object();
    json_add_string(line, "bench", "sha256d");
    json_add_string(line, "kernel", contest->kernel->name);
    json_add_bool(line, "chosen", chosen);
    json_add_number(line, "threads", contest->threads, 0);
    json_add_number(line, "versions", contest->versions, 0);
    json_add_number(line, "mhs", ours_mhs, 3);
    json_add_number(line, "cycles_per_hash", cycles_per_hash(all, contest->threads), 1);
    json_add_string(line, "cycles_from", all[0].cycles_from);
    json_add_number(line, "openssl_mhs", openssl_mhs, 3);
    json_add_number(line, "ratio", ours_mhs / openssl_mhs, 2);
    if (single_mhs > 0) {
        json_add_number(line, "scaling", ours_mhs / single_mhs, 3);
    }
    char *text = json_print(line);
    (void)puts(text);
    (void)fflush(stdout);
    free(text);
    json_free(line);
    return ours_mhs;
}

static bool start_all(struct contest *contest, struct contestant *all)
{
    for (int i = 0; i < contest->threads; i++) {
        all[i].contest = contest;
        all[i].header[0] = 1;
        all[i].nonce = (uint32_t)i << 24;
        if (pthread_create(&all[i].thread, NULL, contestant_main, &all[i]) != 0) {
            (void)fputs("bench: cannot start a thread\n", stderr);
            exit(1); /* those started wait for the others */
        }
    }
    bool good = true;
    for (int i = 0; i < contest->threads; i++) {
        (void)pthread_join(all[i].thread, NULL);
        good = good && all[i].good;
    }
    return good;
}

/* The kernel's rate with so many threads; 0, having said why, if it cannot be measured. */
static double hold(struct contest *contest, bool chosen, double single_mhs)
{
    struct contestant *all = calloc((size_t)contest->threads, sizeof *all);
    if (all == NULL ||
        pthread_barrier_init(&contest->turn, NULL, (unsigned)contest->threads) != 0) {
        (void)fputs("bench: out of memory\n", stderr);
        free(all);
        return 0;
    }
    double mhs = 0;
    if (start_all(contest, all)) {
        mhs = print_result(contest, all, chosen, single_mhs);
    } else {
        (void)fputs("bench: openssl refuses to hash\n", stderr);
    }
    (void)pthread_barrier_destroy(&contest->turn);
    free(all);
    return mhs;
}

static int online_cpus(void)
{
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > THREADS_MAX ? THREADS_MAX : (int)count;
}

static size_t usable_kernels(void)
{
    size_t count = 0;
    for (size_t i = 0; kernel_at(i) != NULL; i++) {
        count += kernel_at(i)->usable() ? 1 : 0;
    }
    return count;
}

/* One thread and all, with and without version rolling. */
static bool measure_kernel(const struct sha256d_kernel *kernel, bool chosen, double seconds)
{
    const int cpus = online_cpus();
    const uint32_t versions[] = {1, KERNEL_VERSIONS_MAX};
    bool good = true;
    for (size_t i = 0; good && i < 2; i++) {
        struct contest contest = {.kernel = kernel, .threads = 1, .versions = versions[i]};
        contest.seconds = seconds / (cpus > 1 ? 4 : 2);
        const double single_mhs = hold(&contest, chosen, 0);
        good = single_mhs > 0;
        if (good && cpus > 1) {
            contest.threads = cpus;
            good = hold(&contest, chosen, single_mhs) > 0;
        }
    }
    return good;
}

int bench_sha256d(double seconds)
{
    struct hb_err err = {0};
    const struct sha256d_kernel *chosen = kernel_choose(&err);
    if (chosen == NULL) {
        (void)fprintf(stderr, "bench: %s\n", err.msg);
        return 1;
    }
    const double share_s = seconds / (double)usable_kernels();
    bool good = true;
    for (size_t i = 0; kernel_at(i) != NULL; i++) {
        const struct sha256d_kernel *kernel = kernel_at(i);
        if (!kernel->usable()) {
            continue;
        }
        if (!kernel_self_test(kernel, &err)) {
            (void)fprintf(stderr, "bench: %s\n", err.msg);
            good = false;
            continue;
        }
        good = measure_kernel(kernel, kernel == chosen, share_s) && good;
    }
    return good ? 0 : 1;
}
