/* Which kernel hashes fastest on this processor: a race of some 20 ms. The order of instruction
 * sets does not tell; it differs between makes of processors. Reads the clock. */
#ifndef HB_MINER_KERNEL_CHOICE_H
#define HB_MINER_KERNEL_CHOICE_H

#include "miner/kernel/kernel.h"

#define KERNEL_TRIALS_MAX 8

/* What one kernel did on the calling thread. */
struct kernel_trial {
    const struct sha256d_kernel *kernel;
    double rolled_hs; /* with 16 versions of a header */
    double single_hs; /* with one                     */
};

struct kernel_race {
    size_t count;
    struct kernel_trial trial[KERNEL_TRIALS_MAX]; /* most hashes with rolled versions first */
    struct hb_err fault; /* of a kernel that was left out because it is wrong; "" if none */
};

/* Races the usable kernels that pass their self-test; only the one called `name`, unless that is
 * NULL. False if there is none, with the reason in `err`. */
HB_MUST_USE bool kernel_race(const char *name, struct kernel_race *race, struct hb_err *err);

/* The kernel of that name, usable or not; NULL if there is none. */
const struct sha256d_kernel *kernel_named(const char *name);

#endif
