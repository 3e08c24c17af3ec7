/* Checks the hashing kernels without cmocka and without a library, so that it can be built for and
 * run on an emulated processor:
 *
 *   kernel-check --list                  a line per kernel: its name, and "usable" or "missing"
 *   kernel-check HEADERS.json [KERNEL]   checks those that are usable, or the one named
 *
 * Exit status: 0 right, 1 wrong, 2 bad usage, 77 if a kernel cannot run on this processor. Our own
 * plain SHA-256 is the judge here; the tests have it agree with NIST and OpenSSL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/hex.h"
#include "miner/kernel/sha256.h"
#include "tests/miner/kernel_check.h"

enum { RIGHT = 0, WRONG = 1, USAGE = 2, NOT_RUN = 77 };

/* Emulation is a hundred times slower than the processor, so there are fewer than a million here.
 */
enum { NONCES = 1 << 16, ROLLED_NONCES = 1 << 12, ROLLED_VERSIONS = 5 };

static void by_plain(const uint8_t header[80], uint8_t hash[32])
{
    sha256d_digest(header, 80, hash);
}

static char *read_text(const char *path)
{
    enum { MAX = 1 << 20 };
    char *text = calloc(MAX, 1);
    FILE *file = fopen(path, "rb");
    if (text == NULL || file == NULL || fread(text, 1, MAX - 1, file) == 0) {
        fprintf(stderr, "kernel-check: cannot read %s\n", path);
        exit(USAGE);
    }
    (void)fclose(file);
    return text;
}

/* The next header in `*text`; there is no JSON parser here, and none is needed to find them. */
static bool next_header(const char **text, uint8_t header[80])
{
    static const char key[] = "\"header\": \"";
    const char *found = strstr(*text, key);
    if (found == NULL) {
        return false;
    }
    char digits[161] = {0};
    memcpy(digits, found + strlen(key), strnlen(found + strlen(key), 160));
    *text = found + strlen(key);
    return hex_decode(digits, header, 80);
}

static size_t check_blocks(const struct sha256d_kernel *kernel, const char *text,
                           struct hb_err *err)
{
    uint8_t header[80];
    uint8_t hash[32];
    size_t count = 0;
    while (next_header(&text, header)) {
        by_plain(header, hash);
        if (!kernel_check_block(kernel, header, hash, err)) {
            return 0;
        }
        count++;
    }
    if (count == 0) {
        (void)hb_fail(err, HB_ERR_STATE, "no header in the file");
    }
    return count;
}

static bool check_case(const struct sha256d_kernel *kernel, uint32_t nonces, uint32_t versions,
                       struct hb_err *err)
{
    struct kernel_case made;
    kernel_case_make(&made, versions, nonces, versions, by_plain);
    const bool right = kernel_check_case(kernel, &made, err);
    kernel_case_free(&made);
    return right;
}

static int check(const struct sha256d_kernel *kernel, const char *text)
{
    struct hb_err err = {0};
    if (!kernel->usable()) {
        printf("%s: not run: this processor lacks its instructions\n", kernel->name);
        return NOT_RUN;
    }
    const size_t blocks = check_blocks(kernel, text, &err);
    if (blocks == 0 || !kernel_self_test(kernel, &err) || !kernel_check_window(kernel, &err) ||
        !check_case(kernel, NONCES, 1, &err) ||
        !check_case(kernel, ROLLED_NONCES, ROLLED_VERSIONS, &err)) {
        printf("%s: wrong: %s\n", kernel->name, err.msg);
        return WRONG;
    }
    printf("%s: right: %zu real headers, %d random hashes, every lane, alignment and version\n",
           kernel->name, blocks, NONCES + ROLLED_NONCES * ROLLED_VERSIONS);
    (void)fflush(stdout);
    return RIGHT;
}

static int check_all(const char *text, const char *name)
{
    int result = name == NULL ? RIGHT : USAGE;
    kernel_check_prepare(by_plain);
    for (size_t i = 0; kernel_at(i) != NULL && result != WRONG; i++) {
        if (name == NULL || strcmp(name, kernel_at(i)->name) == 0) {
            const int one = check(kernel_at(i), text);
            result = one == RIGHT && result != USAGE ? result : one;
        }
    }
    return result;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; kernel_at(i) != NULL; i++) {
            printf("%s %s\n", kernel_at(i)->name, kernel_at(i)->usable() ? "usable" : "missing");
        }
        return RIGHT;
    }
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: kernel-check --list | HEADERS.json [KERNEL]\n");
        return USAGE;
    }
    char *text = read_text(argv[1]);
    const int result = check_all(text, argc == 3 ? argv[2] : NULL);
    free(text);
    return result;
}
