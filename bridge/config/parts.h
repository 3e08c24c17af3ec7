/* The keys with a form of their own: circuits, heaters, rooms with presets and schedules, pools. */
#ifndef HB_BRIDGE_CONFIG_PARTS_H
#define HB_BRIDGE_CONFIG_PARTS_H

#include "bridge/config/reader.h"

/* Each reads its part of the mapping at `root` into reader->config. Circuits come before heaters,
 * and those before rooms, which refer to them. */
void read_circuits(struct reader *reader, const struct cursor *root);
void read_heaters(struct reader *reader, const struct cursor *root);
void read_rooms(struct reader *reader, const struct cursor *root);
void read_mining(struct reader *reader, const struct cursor *root);

/* The circuit that the heater names, if it names one. */
void find_circuit(struct reader *reader, const struct cursor *heater_at,
                  struct config_heater *heater);
/* How many heaters are on each. After the heaters. */
void check_circuits(struct reader *reader, const struct cursor *root);

/* Presets and schedule of one room, the latter after the former. */
void read_presets(struct reader *reader, const struct cursor *room_at, struct config_room *room);
void read_schedule(struct reader *reader, const struct cursor *room_at, struct config_room *room);

/* What no single value can tell: limits that contradict each other, ws:// without Paho, an open web
 * page without a password. */
void check_together(struct reader *reader, const struct cursor *root);

/* The members of a mapping of id -> thing: how many, at most `max`, with an error for what is not a
 * mapping, too many, or a bad id. 0 if it is absent. */
size_t count_members(struct reader *reader, const struct cursor *at, const char *what, size_t max);
bool check_id(struct reader *reader, const struct cursor *at);

/* "living_room" -> "Living room". */
void name_from_id(const char *id, char *name, size_t size);

#endif
