/* What an engine knows about its own work beside counting it: averages, what accepted shares prove,
 * what the job pays, blocks. Fed by the engine as things happen, read by miner_get_stats. Pure.
 */
#ifndef HB_MINER_FIGURES_H
#define HB_MINER_FIGURES_H

#include "ground/time.h"
#include "miner/engine.h"
#include "miner/figures/averages.h"
#include "miner/job.h"
#include "miner/stratum/share_event.h"

/* Begin with figures_init. */
struct figures {
    struct averages averages;
    struct share_stats shares;
    struct economics economics;
    double difficulty; /* of the job; 0: it is not a pool's */
    double hashes;     /* as counted last */
    hb_mono counted_at;
    uint64_t blocks_found;
    struct miner_block block;
};

void figures_init(struct figures *figures);
/* From now on this is hashed; NULL: nothing, or a job of our own. Count the hashes first. */
void figures_job(struct figures *figures, const struct job *job, double fee_ratio);
/* `hashes` were computed since the start: call it several times a second. */
void figures_counted(struct figures *figures, hb_mono now, double hashes);
/* What became of a share. */
void figures_share(struct figures *figures, hb_mono now, const struct share_event *share);
void figures_get(const struct figures *figures, struct miner_figures *out);

#endif
