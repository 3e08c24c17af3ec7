/* The hashing threads: lowest priority, paced to the duty asked for, quick to take new work.
 *
 * Called from one thread, the owner's; `wake` is called on the workers'. Every piece of work (nonce
 * range, versions, extranonce2) is handed out once. Without a job, or at duty 0, the threads sleep
 * without waking up.
 */
#ifndef HB_MINER_WORKERS_H
#define HB_MINER_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "miner/job.h"
#include "miner/kernel/kernel.h"

struct workers;

struct workers_options {
    int threads; /* 1 to 1024 */
    const struct sha256d_kernel *kernel;
    bool background;         /* SCHED_IDLE and nice 19                    */
    double ramp_s;           /* a change of duty from 0 to 1 takes so long; 0: at once */
    const int *cpus;         /* numbers of the processors to use, each below 1024 ...  */
    size_t cpu_count;        /* ... and how many; 0: all; only read by workers_create  */
    double full_hs;          /* of all threads, if it is known from before; else 0 ... */
    double known_at;         /* ... and the duty at which it was measured              */
    void (*wake)(void *ctx); /* a candidate waits; NULL is allowed        */
    void *wake_ctx;
};

/* A header whose hash looks small enough. It must be verified before anything is made of it. */
struct candidate {
    uint64_t serial; /* of its job */
    uint8_t header[80];
    uint64_t extranonce2;
    uint32_t ntime, nonce, version_bits;
};

struct workers_stats {
    uint64_t hashes;         /* since creation                                               */
    double full_hashrate_hs; /* of all threads at duty 1; 0 until each has hashed a moment   */
    double known_at;         /* the duty at which that was measured; see miner/heat/rate.h        */
    double forfeited;        /* hashes that were due but not computed: the machine was busy  */
    double owed;             /* hashes due that are still to be computed; negative: ahead    */
    bool hashing;            /* there is work and a duty above 0                             */
};

/* NULL, with `err`, if a thread cannot start. Duty is 0 and there is no job. */
HB_MUST_USE struct workers *workers_create(const struct workers_options *options,
                                           struct hb_err *err);
/* Stops and joins the threads. NULL is allowed. */
void workers_destroy(struct workers *workers);
/* Replaces the work within a millisecond or so of computing time; NULL: none. Copies `job`. */
void workers_set_job(struct workers *workers, const struct job *job);
/* 0 to 1. Another duty is approached at the ramp's speed, but 0 is reached within 100 ms. */
void workers_set_duty(struct workers *workers, double duty_ratio);
/* The oldest candidate; false if there is none. Those of our own job never come. */
HB_MUST_USE bool workers_pop(struct workers *workers, struct candidate *candidate);
void workers_get_stats(const struct workers *workers, struct workers_stats *stats);

#endif
