#include "bridge/control/circuit_plan.h"

#include <math.h>

/* So little is no watt, but the rounding of sums. */
static const double nothing_w = 1e-6;

/* Cells that a cost takes; more than there are if it can never fit. */
static size_t cells_of(double cost_w, double cell_w)
{
    const double cells = ceil(cost_w / cell_w - nothing_w);
    if (!(cells <= CIRCUIT_CELLS)) {
        return CIRCUIT_CELLS + 1;
    }
    return cells > 0 ? (size_t)cells : 0;
}

/* From the fullest cell down, so that a cell below still knows nothing of this choice. */
static void add_choice(struct circuit_scratch *scratch, const struct circuit_choice *choice,
                       const size_t *cells, size_t budget, uint8_t *pick)
{
    for (size_t c = budget + 1; c-- > 0;) {
        double best = -INFINITY;
        uint8_t best_at = 0;
        for (size_t k = 0; k < choice->count; k++) {
            const double value =
                cells[k] <= c ? scratch->best[c - cells[k]] + choice->option[k].value : -INFINITY;
            if (value > best) {
                best = value;
                best_at = (uint8_t)k;
            }
        }
        scratch->best[c] = best;
        pick[c] = best_at;
    }
}

bool circuit_plan(struct circuit_scratch *scratch, const struct circuit_choice *choices,
                  size_t count, double budget_w, size_t *chosen)
{
    if (!(budget_w >= 0)) {
        return false;
    }
    size_t cells[CIRCUIT_HEATERS][CIRCUIT_OPTIONS] = {{0}};
    const double cell_w = fmax(ceil(fmin(budget_w, 1e9) / CIRCUIT_CELLS), 1);
    const size_t budget = (size_t)floor(fmin(budget_w, 1e9) / cell_w + nothing_w);
    for (size_t c = 0; c <= budget; c++) {
        scratch->best[c] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < choices[i].count; k++) {
            cells[i][k] = cells_of(choices[i].option[k].cost_w, cell_w);
        }
        add_choice(scratch, &choices[i], cells[i], budget, scratch->pick[i]);
    }
    if (!(scratch->best[budget] > -INFINITY)) {
        return false;
    }
    size_t left = budget;
    for (size_t i = count; i-- > 0;) {
        chosen[i] = scratch->pick[i][left];
        left -= cells[i][chosen[i]];
    }
    return true;
}
