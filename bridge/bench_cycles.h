/* Processor cycles of the calling thread, for measurements: counted where the kernel allows it,
 * else from the clock rate as a chain of additions shows it. */
#ifndef HB_BRIDGE_BENCH_CYCLES_H
#define HB_BRIDGE_BENCH_CYCLES_H

#include <stdbool.h>

struct cycles {
    int fd; /* of the performance counter; -1 where there is none to be had */
    double start;
    double start_s;
};

/* Processor time of the calling thread, in seconds. */
double cycles_processor_s(void);

/* For the calling thread. */
void cycles_open(struct cycles *cycles);
void cycles_close(struct cycles *cycles);
/* "perf" (perf_event_open, user mode only) or "clock" (estimated). */
const char *cycles_source(const struct cycles *cycles);
/* Between start and stop: how many cycles. An estimate takes stop some 0.1 ms. */
void cycles_start(struct cycles *cycles);
double cycles_stop(struct cycles *cycles);

#endif
