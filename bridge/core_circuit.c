/* A circuit of the core: what its heaters may be told, its meter, and what is said of it. */
#include <math.h>
#include <stdlib.h>

#include "bridge/core_state.h"

/* A meter that shows no more than this beside its heater's standby shows a heater that is off. */
static const double off_w = 5;
static const double metered_most_w = 1e6;

bool circuits_create(struct core *core)
{
    const struct config *config = core->config;
    if (config->circuit_count == 0) {
        return true;
    }
    core->circuits = calloc(config->circuit_count, sizeof(*core->circuits));
    core->scratch = calloc(1, sizeof(*core->scratch));
    if (core->circuits == NULL || core->scratch == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->circuit_count; i++) {
        core->circuits[i].config = &config->circuits[i];
        core->circuits[i].index = (uint16_t)i;
        core->circuits[i].metered_w = reading_none();
    }
    for (size_t i = 0; i < config->heater_count; i++) {
        struct core_circuit *circuit = circuit_of(core, &core->heaters[i]);
        if (circuit != NULL && circuit->heater_count < CIRCUIT_HEATERS) {
            circuit->heaters[circuit->heater_count++] = (uint16_t)i;
        }
    }
    for (size_t i = 0; i < config->circuit_count; i++) {
        circuit_init(&core->circuits[i].share, config->circuits[i].limit_w,
                     core->circuits[i].heater_count);
    }
    return true;
}

struct core_circuit *circuit_of(struct core *core, const struct core_heater *heater)
{
    const uint16_t index = heater->config->circuit;
    return index < core->config->circuit_count ? &core->circuits[index] : NULL;
}

static struct circuit_heater look_at(const struct core *core, const struct core_heater *heater)
{
    const struct heater_state *state = &heater->state;
    const double power_w = heater_reading(core, heater, &state->power_w);
    const bool reached = state->link == HEATER_LINK_OK && mono_is_set(state->at) &&
                         mono_age_ms(core->now, state->at) <= heater->stale_after_ms;
    return (struct circuit_heater){
        .caps = &heater->caps,
        .commandable = !heater->caps.observe_only,
        .reached = reached,
        .restarted = heater->restarted,
        .off_by_meter =
            state->power_w.from == PROVENANCE_METERED && power_w <= heater->caps.standby_w + off_w,
        .commanded_w = heater->commanded_w,
        .confirmed = heater->sure,
        .written = heater->written,
        .switched = heater->switched,
        .stated = state->at,
        .applied_w = state->applied_w,
        .power_w = isnan(power_w) ? reading_none() : state->power_w,
        .wish_w = heater->wish_w,
        .lack_k = heater->lack_k,
    };
}

static double metered_w(const struct core *core, const struct core_circuit *circuit)
{
    return reading_or_nan(&circuit->metered_w, core->now, circuit->config->meter.stale_after_ms);
}

void circuit_share(struct core *core, struct core_circuit *circuit)
{
    struct circuit_heater heaters[CIRCUIT_HEATERS];
    for (size_t i = 0; i < circuit->heater_count; i++) {
        heaters[i] = look_at(core, &core->heaters[circuit->heaters[i]]);
    }
    circuit_meter(&circuit->share, metered_w(core, circuit), circuit->metered, core->now);
    circuit->metered = false;
    circuit_decide(&circuit->share, core->scratch, heaters, core->now);
    for (size_t i = 0; i < circuit->heater_count; i++) {
        core->heaters[circuit->heaters[i]].allowed_w = heaters[i].allowed_w;
    }
}

void circuit_take_power(struct core *core, struct core_circuit *circuit, double power_w)
{
    if (power_w >= 0 && power_w <= metered_most_w) {
        circuit->metered_w = reading_make(power_w, core->now, PROVENANCE_METERED);
        circuit->metered = true;
    }
}

static void tell_over(struct core_circuit *circuit, struct effects *effects)
{
    const struct circuit *share = &circuit->share;
    if (share->over && !circuit->over) {
        effects_add_text(effects, EFFECT_LOG, circuit->index, NOTE_WARN,
                         "circuit %s: %.0f W, which is more than its %.0f W", circuit->config->id,
                         isnan(share->metered_w) ? share->drawn_w : share->metered_w,
                         share->limit_w);
    } else if (!share->over && circuit->over) {
        effects_add_text(effects, EFFECT_LOG, circuit->index, NOTE_INFO,
                         "circuit %s: within its %.0f W again", circuit->config->id,
                         share->limit_w);
    }
    circuit->over = share->over;
}

/* Also of a meter from which nothing has come yet, once it had the time. */
static void tell_silence(struct core *core, struct core_circuit *circuit, struct effects *effects)
{
    const struct config_source *meter = &circuit->config->meter;
    const bool early = mono_age_ms(core->now, core->started) < meter->stale_after_ms;
    const bool silent = meter->topic[0] != '\0' && isnan(metered_w(core, circuit)) && !early;
    if (silent && !circuit->silent) {
        effects_add_text(effects, EFFECT_LOG, circuit->index, NOTE_WARN,
                         "circuit %s: its meter is silent, what the heaters say counts alone",
                         circuit->config->id);
    }
    circuit->silent = silent;
}

void circuit_settle(struct core *core, struct core_circuit *circuit, struct effects *effects)
{
    circuit_share(core, circuit);
    tell_over(circuit, effects);
    tell_silence(core, circuit, effects);
    circuit_publish(core, circuit, effects);
}
