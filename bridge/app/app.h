/* Owns every long-lived object and wires the threads: events in, one core step each, effects out.
 *
 * All functions are called on the thread that runs the loop. Nothing here decides anything about
 * heat; it only carries.
 */
#ifndef HB_BRIDGE_APP_H
#define HB_BRIDGE_APP_H

#include <stdbool.h>

#include "bridge/config.h"
#include "bridge/view.h"
#include "ground/attr.h"
#include "ground/err.h"
#include "plumbing/log.h"

struct app;
struct uv_loop_s;

struct app_options {
    double time_scale; /* house seconds per real second: 1, more in the demo                   */
    const char *trace_path; /* where every event is recorded; NULL: nowhere */
    const char *note;   /* shown on the page, "" : none                                         */
    bool feed_watchdog; /* tell systemd after good core steps                                   */
};

/* Opens the store, starts MQTT, the page and the heaters, all off. `config`, `log` and `options`
 * are borrowed until app_stop. NULL with `err` on the first thing that cannot start; a broker or
 * pool that is away is not such a thing. */
HB_MUST_USE struct app *app_start(struct uv_loop_s *loop, const struct config *config,
                                  const struct app_options *options, const struct hb_log *log,
                                  struct hb_err *err);

/* Brings the heaters to their on_exit state, says `offline` unless `reloading`, stops all threads
 * and frees. Runs the loop until the handles are closed. Takes at most about 10 s. NULL is allowed.
 */
void app_stop(struct app *app, bool reloading);

/* What the core shows now. */
void app_room_view(const struct app *app, uint16_t room, struct room_view *view);
void app_heater_view(const struct app *app, uint16_t heater, struct heater_view *view);

/* Worst lateness of a tick since the start, in real milliseconds. */
double app_tick_jitter_ms(const struct app *app);

#endif
