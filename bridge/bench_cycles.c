#define _GNU_SOURCE /* syscall */
#include "bridge/bench_cycles.h"

#include <linux/perf_event.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

double cycles_processor_s(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double read_counter(const struct cycles *cycles)
{
    uint64_t count = 0;
    return read(cycles->fd, &count, sizeof count) == (ssize_t)sizeof count ? (double)count : 0;
}

void cycles_open(struct cycles *cycles)
{
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.size = sizeof attr;
    attr.type = PERF_TYPE_HARDWARE;
    attr.config = PERF_COUNT_HW_CPU_CYCLES;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    cycles->fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (cycles->fd >= 0) {
        /* Some virtual machines offer a counter that never counts. */
        const double before = read_counter(cycles);
        if (read_counter(cycles) <= before) {
            cycles_close(cycles);
        }
    }
}

void cycles_close(struct cycles *cycles)
{
    if (cycles->fd >= 0) {
        (void)close(cycles->fd);
    }
    cycles->fd = -1;
}

const char *cycles_source(const struct cycles *cycles)
{
    return cycles->fd >= 0 ? "perf" : "clock";
}

/* Additions that wait for each other take a cycle each on every processor of interest; the loop
 * around them is done meanwhile. The best of a few tries is the one that was not interrupted. */
static double clock_hz(void)
{
    enum { TRIES = 4, ROUNDS = 6000, ADDITIONS = 16 };
    double best_hz = 0;
    uint64_t x = 1;
    for (int try = 0; try < TRIES; try++) {
        const double start_s = cycles_processor_s();
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < ADDITIONS; i++) {
                x += x;
                __asm__ volatile("" : "+r"(x)); /* neither fold nor reorder */
            }
        }
        const double hz = (double)ROUNDS * ADDITIONS / (cycles_processor_s() - start_s);
        best_hz = hz > best_hz ? hz : best_hz;
    }
    return best_hz;
}

void cycles_start(struct cycles *cycles)
{
    cycles->start = cycles->fd >= 0 ? read_counter(cycles) : 0;
    cycles->start_s = cycles_processor_s();
}

double cycles_stop(struct cycles *cycles)
{
    if (cycles->fd >= 0) {
        return read_counter(cycles) - cycles->start;
    }
    const double spent_s = cycles_processor_s() - cycles->start_s;
    return spent_s * clock_hz();
}
