#include "devices/budget.h"

#include <math.h>

/* As the core holds it against a heater that it draws something else (bridge/core_heater.c): what
 * would be called disobedience is not a small correction. */
static bool is_large(const struct budget_write *write)
{
    const double change_w = fabs(write->to_w - write->from_w);
    return !isfinite(write->from_w) || write->from_w <= 0 || change_w >= 0.25 * write->max_w ||
           change_w > 0.2 * write->to_w + 30;
}

enum budget_weight budget_weigh(const struct budget_write *write)
{
    const bool less = write->to_w < write->from_w;
    if (write->to_w <= 0 || write->why == REASON_FROST ||
        (less &&
         (write->unordered || write->why == REASON_POWER_LIMIT || write->why == REASON_CIRCUIT))) {
        return BUDGET_SAFETY;
    }
    return is_large(write) && !write->hopeless ? BUDGET_LARGE : BUDGET_SMALL;
}

bool budget_allows(const struct budget *budget, enum budget_weight weight)
{
    const double per_day = budget->per_day;
    if (budget->per_day <= 0 || weight == BUDGET_SAFETY) {
        return true;
    }
    if (weight == BUDGET_LARGE) {
        return budget->used < per_day;
    }
    const double reserve = ceil(per_day / 4);
    const double earned = reserve + budget->day_gone * (per_day - reserve);
    return budget->used < fmin(earned, per_day - reserve);
}

int64_t budget_left(const struct budget *budget)
{
    if (budget->per_day <= 0) {
        return -1;
    }
    return budget->used < (uint32_t)budget->per_day ? budget->per_day - (int64_t)budget->used : 0;
}
