#include "miner/kernel/kernel_choice.h"

#include <string.h>
#include <uv.h>

/* Other programs and interrupts only ever slow a slice down, so the best one counts; slices come in
 * two turns, so that a disturbance of some milliseconds does not hit all of one kernel. Within a
 * turn they follow each other, because a processor may lower its clock for wide vectors and takes a
 * moment to raise it again. */
enum {
    TURNS = 2,
    FINAL_TURNS = 4,
    TURN_NS = 500 * 1000,
    SLICES_MIN = 3, /* however slow */
    SLICE_HASHES = 4096,
    ROLLED_VERSIONS = 16
};
/* Of the best rate, to be let into the turns after. */
#define SECOND_TURN 0.5
#define FINAL_TURN  0.75

const struct sha256d_kernel *kernel_named(const char *name)
{
    size_t i = 0;
    while (kernel_at(i) != NULL && strcmp(kernel_at(i)->name, name) != 0) {
        i++;
    }
    return kernel_at(i);
}

/* Raises `*best_hs` to the rate of the best slice of one turn. */
static void take_turn(const struct sha256d_kernel *kernel, uint32_t versions, double *best_hs)
{
    const uint8_t header[80] = {0};
    const uint32_t same[ROLLED_VERSIONS] = {0};
    const uint32_t nonces = SLICE_HASHES / versions;
    struct sha256d_work work;
    struct sha256d_hit hit;
    sha256d_prepare(&work, header, same, versions, 0);
    const uint64_t start_ns = uv_hrtime();
    uint64_t before_ns = start_ns;
    for (uint32_t slice = 0; slice < SLICES_MIN || before_ns - start_ns < TURN_NS; slice++) {
        (void)kernel->scan(&work, slice * nonces, nonces, &hit, 1);
        const uint64_t now_ns = uv_hrtime();
        const double rate_hs = SLICE_HASHES * 1e9 / (double)(now_ns - before_ns + 1);
        *best_hs = rate_hs > *best_hs ? rate_hs : *best_hs;
        before_ns = now_ns;
    }
}

/* Who is far behind after one turn does not get another: starting must not take long. Those close
 * to each other get more, for a neighbour on the same core slows one kernel more than another. */
static void run(struct kernel_race *race)
{
    double best_hs = 0;
    for (int turn = 0; turn < FINAL_TURNS; turn++) {
        const double least_hs = turn == 0 ? 0 : best_hs * (turn < TURNS ? SECOND_TURN : FINAL_TURN);
        for (size_t i = 0; i < race->count; i++) {
            struct kernel_trial *trial = &race->trial[i];
            if (trial->rolled_hs >= least_hs) {
                take_turn(trial->kernel, ROLLED_VERSIONS, &trial->rolled_hs);
                take_turn(trial->kernel, 1, &trial->single_hs);
            }
            best_hs = trial->rolled_hs > best_hs ? trial->rolled_hs : best_hs;
        }
    }
}

static void enter(struct kernel_race *race, const struct sha256d_kernel *kernel)
{
    if (race->count < KERNEL_TRIALS_MAX && kernel->usable() &&
        kernel_self_test(kernel, &race->fault)) {
        race->trial[race->count++].kernel = kernel;
    }
}

static void sort(struct kernel_race *race)
{
    for (size_t i = 1; i < race->count; i++) {
        const struct kernel_trial trial = race->trial[i];
        size_t place = i;
        for (; place > 0 && race->trial[place - 1].rolled_hs < trial.rolled_hs; place--) {
            race->trial[place] = race->trial[place - 1];
        }
        race->trial[place] = trial;
    }
}

bool kernel_race(const char *name, struct kernel_race *race, struct hb_err *err)
{
    memset(race, 0, sizeof *race);
    if (name != NULL && kernel_named(name) == NULL) {
        return hb_fail(err, HB_ERR_USAGE, "no kernel is called '%s'", name);
    }
    for (size_t i = 0; kernel_at(i) != NULL; i++) {
        if (name == NULL || kernel_at(i) == kernel_named(name)) {
            enter(race, kernel_at(i));
        }
    }
    if (race->count == 0) {
        return race->fault.msg[0] != '\0'
                   ? hb_fail(err, HB_ERR_STATE, "%s", race->fault.msg)
                   : hb_fail(err, HB_ERR_STATE, "this processor cannot run kernel '%s'", name);
    }
    run(race);
    sort(race);
    return true;
}

const struct sha256d_kernel *kernel_choose(struct hb_err *err)
{
    struct kernel_race race;
    return kernel_race(NULL, &race, err) ? race.trial[0].kernel : NULL;
}
