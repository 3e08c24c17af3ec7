/* Circuits, and which heater is on which. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/config/parts.h"
#include "ground/suggest.h"
#include "ground/text.h"

/* One of the two says what the circuit bears. */
static void take_limit(struct reader *reader, const struct cursor *at,
                       struct config_circuit *circuit)
{
    const struct cursor power_at = cursor_member(at, "max_power");
    const struct cursor fuse_at = cursor_member(at, "fuse");
    if ((power_at.node == NULL) == (fuse_at.node == NULL)) {
        (void)reader_error(reader, at, "expected either max_power or fuse, got %s",
                           power_at.node == NULL ? "neither" : "both");
        return;
    }
    circuit->limit_w = power_at.node != NULL
                           ? circuit->max_w
                           : circuit->fuse_a * circuit->voltage_v * circuit->load_percent / 100;
}

static void read_circuit(struct reader *reader, const struct cursor *at,
                         struct config_circuit *circuit)
{
    if (check_id(reader, at)) {
        (void)text_copy(circuit->id, sizeof circuit->id, at->node->name);
    }
    reader_shape(reader, at, &config_shape_circuit, NULL, true, circuit);
    if (at->node->kind == NODE_MAP) {
        take_limit(reader, at, circuit);
    }
    if (circuit->name[0] == '\0') {
        name_from_id(circuit->id, circuit->name, sizeof circuit->name);
    }
}

void read_circuits(struct reader *reader, const struct cursor *root)
{
    const struct cursor at = cursor_member(root, "circuits");
    const size_t count = count_members(reader, &at, "circuits", CONFIG_CIRCUITS_MAX);
    if (count == 0) {
        return;
    }
    reader->config->circuits = calloc(count, sizeof *reader->config->circuits);
    if (reader->config->circuits == NULL) {
        (void)reader_error(reader, &at, "out of memory");
        return;
    }
    for (const struct node *m = at.node->first; m != NULL; m = m->next) {
        const struct cursor circuit_at = cursor_item(&at, m, 0);
        read_circuit(reader, &circuit_at,
                     &reader->config->circuits[reader->config->circuit_count++]);
    }
}

void find_circuit(struct reader *reader, const struct cursor *heater_at,
                  struct config_heater *heater)
{
    const struct config *config = reader->config;
    struct suggestion suggestion = {.word = heater->circuit_id};
    heater->circuit = INDEX_NONE;
    if (heater->circuit_id[0] == '\0') {
        return;
    }
    for (size_t i = 0; i < config->circuit_count; i++) {
        if (strcmp(config->circuits[i].id, heater->circuit_id) == 0) {
            heater->circuit = (uint16_t)i;
            return;
        }
        suggest_offer(&suggestion, config->circuits[i].id);
    }
    const struct cursor at = cursor_member(heater_at, "circuit");
    (void)reader_expected(reader, &at, "the id of a circuit under 'circuits'", suggestion.best);
}

void check_circuits(struct reader *reader, const struct cursor *root)
{
    const struct config *config = reader->config;
    const struct cursor circuits = cursor_member(root, "circuits");
    for (size_t i = 0; i < config->circuit_count; i++) {
        const struct cursor at = cursor_member(&circuits, config->circuits[i].id);
        size_t heaters = 0;
        for (size_t k = 0; k < config->heater_count; k++) {
            heaters += config->heaters[k].circuit == i;
        }
        if (heaters > CIRCUIT_HEATERS) {
            (void)reader_error(reader, &at, "expected at most %d heaters on it, got %zu",
                               (int)CIRCUIT_HEATERS, heaters);
        } else if (heaters == 0 && reader->problems->errors == 0) {
            reader_warn(reader, &at,
                        "expected a heater with 'circuit: %s', got none; it limits nothing",
                        config->circuits[i].id);
        }
    }
}
