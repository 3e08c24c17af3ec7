#include "miner/figures/figures.h"

#include <math.h>
#include <string.h>

#include "miner/hex.h"

void figures_init(struct figures *figures)
{
    memset(figures, 0, sizeof *figures);
    figures->economics = economics_none();
}

void figures_job(struct figures *figures, const struct job *job, double fee_ratio)
{
    if (job == NULL || job->own) {
        figures->economics = economics_none();
        figures->difficulty = 0;
        return;
    }
    figures->economics = economics_of_job(job, fee_ratio);
    figures->difficulty = job->difficulty;
}

/* What took longer between two counts was no work: the machine slept. */
enum { COUNT_GAP_MS = 5000 };

void figures_counted(struct figures *figures, hb_mono now, double hashes)
{
    averages_note(&figures->averages, now, hashes);
    if (mono_is_set(figures->counted_at) && figures->difficulty > 0) {
        const int64_t elapsed_ms = mono_age_ms(now, figures->counted_at);
        share_stats_worked(&figures->shares, now, hashes - figures->hashes,
                           elapsed_ms <= COUNT_GAP_MS ? elapsed_ms : 0, figures->difficulty);
    }
    figures->hashes = hashes;
    figures->counted_at = now;
}

static void note_block(struct figures *figures, const struct share_event *share)
{
    uint8_t reversed[32];
    for (size_t i = 0; i < sizeof reversed; i++) {
        reversed[i] = share->hash[sizeof reversed - 1 - i];
    }
    figures->blocks_found++;
    hex_encode(figures->block.hash, reversed, sizeof reversed);
    figures->block.difficulty = share->reached;
    figures->block.height = figures->economics.height_known ? figures->economics.height : 0;
}

void figures_share(struct figures *figures, hb_mono now, const struct share_event *share)
{
    if (share->fate == SHARE_ACCEPTED || share->fate == SHARE_PROVEN) {
        share_stats_accepted(&figures->shares, now, share->asked);
    }
    if (share->fate == SHARE_SENT && share->block) {
        note_block(figures, share);
    }
}

void figures_get(const struct figures *figures, struct miner_figures *out)
{
    out->average_1m_hs = averages_per_s(&figures->averages, AVERAGES_MINUTE_MS);
    out->average_15m_hs = averages_per_s(&figures->averages, AVERAGES_QUARTER_MS);
    share_stats_get(&figures->shares, &out->shares);
    out->economics = figures->economics;
    out->blocks_found = figures->blocks_found;
    out->block = figures->block;
}
