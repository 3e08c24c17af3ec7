#include "bridge/config/table.h"

#include "bridge/config.h"

/* clang-format off: one row per line reads as the table that it is. */

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY                (24.0 * HOUR)

#define FIELD(type, field) .offset = offsetof(type, field), .size = sizeof(((type *)0)->field)
static const char *const mqtt_schemes[] = {"mqtt", "mqtts", "ws", "wss", NULL};
static const char *const mqtt_clients[] = {"mosquitto", "paho", NULL};
static const char *const mqtt_protocols[] = {"auto", "5", "3.1.1", NULL};
static const char *const discovery_forms[] = {"device", "single", "off", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const no_pool_policies[] = {"heat", "pause", NULL};
static const char *const exit_policies[] = {"off", "keep", NULL};
static const char *const temperature_units[] = {"C", "F", "K", NULL};
static const char *const demand_units[] = {"W", "%", NULL};
static const char *const pool_schemes[] = {"stratum+tcp", "stratum+ssl", "stratum+tls",
                                           "solo+http",   "solo+https",  NULL};
static const char *const proxy_schemes[] = {"socks5", "socks5h", NULL};

static const struct config_item root_items[] = {
    {"log", CONFIG_ENUM, FIELD(struct config, log_level), .choices = log_levels, .fallback = "info",
     .help = "How much is told; info is one line per change."},
    {"state_dir", CONFIG_TEXT, FIELD(struct config, state_dir), .fallback = "/var/lib/heatbridge",
     .help = "Folder in which set-points and totals survive a restart."},
    {.name = NULL}};

static const struct config_item mqtt_items[] = {
    {"url", CONFIG_URL, FIELD(struct config_mqtt, url), .choices = mqtt_schemes, .fallback = NULL,
     .help = "The broker. mqtts and wss are encrypted; ws and wss need `client: paho`."},
    {"client", CONFIG_ENUM, FIELD(struct config_mqtt, client), .choices = mqtt_clients,
     .fallback = "mosquitto", .help = "The library that speaks MQTT."},
    {"protocol", CONFIG_ENUM, FIELD(struct config_mqtt, protocol), .choices = mqtt_protocols,
     .fallback = "auto", .help = "MQTT version; auto tries 5 first."},
    {"username", CONFIG_TEXT, FIELD(struct config_mqtt, username), .fallback = "",
     .help = "Name to log in with."},
    {"password", CONFIG_SECRET, FIELD(struct config_mqtt, password), .fallback = "",
     .help = "Password to log in with."},
    {"client_id", CONFIG_TEXT, FIELD(struct config_mqtt, client_id), .fallback = "",
     .help = "Name of this client at the broker; left out, it is made from the base topic."},
    {"base_topic", CONFIG_TOPIC, FIELD(struct config_mqtt, base_topic), .fallback = "heatbridge",
     .help = "All topics of heatbridge begin with this."},
    {"ca_file", CONFIG_TEXT, FIELD(struct config_mqtt, ca_file), .fallback = "",
     .help = "Certificates that may sign the broker's; left out, those of the system."},
    {"cert_file", CONFIG_TEXT, FIELD(struct config_mqtt, cert_file), .fallback = "",
     .help = "Own certificate, for brokers that ask for one."},
    {"key_file", CONFIG_TEXT, FIELD(struct config_mqtt, key_file), .fallback = "",
     .help = "Key of the own certificate."},
    {"tls_verify", CONFIG_BOOL, FIELD(struct config_mqtt, tls_verify), .fallback = "true",
     .help = "Whether the broker must prove who it is. Turn this off for a test only."},
    {"keepalive", CONFIG_SECONDS, FIELD(struct config_mqtt, keepalive_s), .min = 5 * SECOND,
     .max = 1 * HOUR, .fallback = "30 s",
     .help = "After so long without traffic the connection is probed."},
    {.name = NULL}};

static const struct config_item homeassistant_items[] = {
    {"discovery", CONFIG_ENUM, FIELD(struct config_homeassistant, discovery),
     .choices = discovery_forms, .fallback = "device",
     .help = "How entities are announced: by device (Home Assistant 2024.12 and later), one by "
             "one, or not at all."},
    {"prefix", CONFIG_TOPIC, FIELD(struct config_homeassistant, prefix),
     .fallback = "homeassistant",
     .help = "Discovery prefix, as set in Home Assistant's MQTT integration."},
    {"status_topic", CONFIG_TOPIC, FIELD(struct config_homeassistant, status_topic),
     .fallback = "homeassistant/status", .help = "Topic of Home Assistant's birth message."},
    {.name = NULL}};

static const struct config_item web_items[] = {
    {"listen", CONFIG_TEXT, FIELD(struct config_web, listen), .fallback = "127.0.0.1",
     .help = "Address of the web page. Anything but loopback needs a password."},
    {"port", CONFIG_PORT, FIELD(struct config_web, port), .max = 65535, .fallback = "8377",
     .help = "Port of the web page; 0: no page."},
    {"password", CONFIG_SECRET, FIELD(struct config_web, password), .fallback = "",
     .help = "Password of the web page."},
    {.name = NULL}};

static const struct config_item mining_items[] = {
    {"threads", CONFIG_INT, FIELD(struct config_mining, threads), .max = 1024, .fallback = "0",
     .help = "Hashing threads; 0: one per CPU that heatbridge may use. Fewer threads are put on "
             "physical cores first, the fast ones before the slow ones."},
    {"spare_cores", CONFIG_INT, FIELD(struct config_mining, spare_cores), .max = 1024,
     .fallback = "0",
     .help = "So many physical cores never hash, the slowest ones; one always does."},
    {"ramp", CONFIG_DURATION, FIELD(struct config_mining, ramp_ms), .min = 0, .max = 1 * MINUTE,
     .fallback = "2 s",
     .help = "From nothing to full heat in so long, so that nothing sees a step. Off is at once."},
    {"max_temperature", CONFIG_NUMBER, FIELD(struct config_mining, max_cpu_c), .min = 40,
     .max = 110, .unit = "°C", .fallback = "85 °C",
     .help = "The processor is kept below this, and 10 K below what its sensor calls critical, by "
             "less heat."},
    {"sysfs_root", CONFIG_TEXT, FIELD(struct config_mining, sysfs_root), .fallback = "/sys",
     .help = "Where Linux tells about processors, their temperature and energy; another place in "
             "some containers."},
    {"kernel", CONFIG_TEXT, FIELD(struct config_mining, kernel), .fallback = "",
     .help = "Hashing kernel, by a name that `heatbridge bench sha256d` tells; left out, the one "
             "that is the fastest in a short race at the start."},
    {"no_pool", CONFIG_ENUM, FIELD(struct config_mining, no_pool), .choices = no_pool_policies,
     .fallback = "heat",
     .help = "While no pool answers: keep heating with work of our own, or pause."},
    {.name = NULL}};

static const struct config_item proxy_items[] = {
    {"listen", CONFIG_TEXT, FIELD(struct config_proxy, listen), .fallback = "127.0.0.1",
     .help = "Address to listen at, such as 0.0.0.0 for all of this computer. With anything but "
             "loopback each heater needs a password."},
    {"port", CONFIG_PORT, FIELD(struct config_proxy, port), .min = 1, .max = 65535,
     .fallback = "3333", .help = "Port to listen at."},
    {.name = NULL}};

static const struct config_item pool_items[] = {
    {"url", CONFIG_URL, FIELD(struct config_pool, url), .choices = pool_schemes, .fallback = NULL,
     .help = "The pool, with its port; or a Bitcoin node of your own, with the port of its RPC "
             "server, to mine for yourself."},
    {"user", CONFIG_TEXT, FIELD(struct config_pool, user), .fallback = NULL,
     .help = "Worker name, often an address, a full stop and a name. With `solo+`, the address "
             "that a found block pays."},
    {"password", CONFIG_SECRET, FIELD(struct config_pool, password), .fallback = "x",
     .help = "Password of the worker; most pools ignore it."},
    {"ca_file", CONFIG_TEXT, FIELD(struct config_pool, ca_file), .fallback = "",
     .help = "Certificates that may sign the pool's; left out, those of the system."},
    {"tls_verify", CONFIG_BOOL, FIELD(struct config_pool, tls_verify), .fallback = "true",
     .help = "Whether an encrypted pool must prove who it is."},
    {"tls_pin", CONFIG_TEXT, FIELD(struct config_pool, tls_pin), .fallback = "",
     .help =
         "SHA-256 of the one certificate that is trusted, as 64 hex digits; then nothing else is "
         "asked of it."},
    {"proxy", CONFIG_URL, FIELD(struct config_pool, proxy), .choices = proxy_schemes,
     .fallback = "",
     .help = "A SOCKS5 proxy to reach the pool through, with its port; Tor's is "
             "`socks5://127.0.0.1:9050`."},
    {"proxy_user", CONFIG_TEXT, FIELD(struct config_pool, proxy_user), .fallback = "",
     .help = "User at the proxy. Left out, each pool has one of its own, so that Tor keeps pools "
             "apart."},
    {"proxy_password", CONFIG_SECRET, FIELD(struct config_pool, proxy_password), .fallback = "",
     .help = "Password of that user."},
    {"silence", CONFIG_DURATION, FIELD(struct config_pool, silence_ms), .min = 10 * SECOND,
     .max = 1 * HOUR, .fallback = "60 s",
     .help =
         "Without a new job for so long, the next pool is used until this one has another job."},
    {"cookie_file", CONFIG_TEXT, FIELD(struct config_pool, cookie_file), .fallback = "",
     .help = "With `solo+`: the file `.cookie` in the node's data directory, through which it lets "
             "us in."},
    {"rpc_user", CONFIG_TEXT, FIELD(struct config_pool, rpc_user), .fallback = "",
     .help = "With `solo+`, instead of a cookie file: a user of the node's RPC server."},
    {"rpc_password", CONFIG_SECRET, FIELD(struct config_pool, rpc_password), .fallback = "",
     .help = "With `solo+`: the password of that user."},
    {"fee", CONFIG_NUMBER, FIELD(struct config_pool, fee_percent), .max = 100, .unit = "%",
     .fallback = "0 %",
     .help = "What the pool keeps of the reward; it lowers the expected revenue, nothing else."},
    {.name = NULL}};

static const struct config_item temperature_items[] = {
    {"topic", CONFIG_TOPIC, FIELD(struct config_source, topic), .fallback = NULL,
     .help = "MQTT topic on which the room's temperature arrives."},
    {"value", CONFIG_TEXT, FIELD(struct config_source, value), .fallback = "",
     .help = "Path to the value in a JSON payload, such as `temperature` or `sensors[0].t`; left "
             "out, the payload is the value."},
    {"unit", CONFIG_ENUM, FIELD(struct config_source, unit), .choices = temperature_units,
     .fallback = "C", .help = "Unit of the payload."},
    {"stale_after", CONFIG_DURATION, FIELD(struct config_source, stale_after_ms), .min = 1 * SECOND,
     .max = 7 * DAY, .fallback = "15 min",
     .help = "A value older than this is not believed and the heat stops. Give sensors that send "
             "only on change longer."},
    {.name = NULL}};

static const struct config_item outdoor_items[] = {
    {"topic", CONFIG_TOPIC, FIELD(struct config_source, topic), .fallback = NULL,
     .help = "MQTT topic on which the outdoor temperature arrives."},
    {"value", CONFIG_TEXT, FIELD(struct config_source, value), .fallback = "",
     .help = "Path to the value in a JSON payload, such as `temperature` or `sensors[0].t`; left "
             "out, the payload is the value."},
    {"unit", CONFIG_ENUM, FIELD(struct config_source, unit), .choices = temperature_units,
     .fallback = "C", .help = "Unit of the payload."},
    {"stale_after", CONFIG_DURATION, FIELD(struct config_source, stale_after_ms), .min = 1 * SECOND,
     .max = 7 * DAY, .fallback = "2 h", .help = "A value older than this is not used."},
    {.name = NULL}};

static const struct config_item humidity_items[] = {
    {"topic", CONFIG_TOPIC, FIELD(struct config_source, topic), .fallback = NULL,
     .help = "MQTT topic on which the relative humidity in percent arrives."},
    {"value", CONFIG_TEXT, FIELD(struct config_source, value), .fallback = "",
     .help = "Path to the value in a JSON payload, such as `temperature` or `sensors[0].t`; left "
             "out, the payload is the value."},
    {"stale_after", CONFIG_DURATION, FIELD(struct config_source, stale_after_ms), .min = 1 * SECOND,
     .max = 7 * DAY, .fallback = "2 h", .help = "A value older than this is not shown."},
    {.name = NULL}};

static const struct config_item window_items[] = {
    {"topic", CONFIG_TOPIC, FIELD(struct config_source, topic), .fallback = NULL,
     .help = "MQTT topic on which the state of the window contact (on, open, true or 1: open) "
             "arrives."},
    {"value", CONFIG_TEXT, FIELD(struct config_source, value), .fallback = "",
     .help = "Path to the value in a JSON payload, such as `temperature` or `sensors[0].t`; left "
             "out, the payload is the value."},
    {"stale_after", CONFIG_DURATION, FIELD(struct config_source, stale_after_ms), .min = 1 * SECOND,
     .max = 7 * DAY, .fallback = "25 h",
     .help = "A state older than this is not used. Most contacts send at least once a day."},
    {.name = NULL}};

static const struct config_item demand_items[] = {
    {"stale_after", CONFIG_DURATION, FIELD(struct config_demand, source.stale_after_ms),
     .min = 1 * SECOND, .max = 7 * DAY, .fallback = NULL,
     .help =
         "A demand holds so long unless it is renewed; then the room's own thermostat goes on."},
    {"topic", CONFIG_TOPIC, FIELD(struct config_demand, source.topic), .fallback = "",
     .help = "MQTT topic on which the demand arrives; left out, only the room's own "
             "`.../demand/set` takes it."},
    {"value", CONFIG_TEXT, FIELD(struct config_demand, source.value), .fallback = "",
     .help = "Path to the value in a JSON payload, such as `demand` or `heating.power`; left out, "
             "the payload is the value."},
    {"unit", CONFIG_ENUM, FIELD(struct config_demand, unit), .choices = demand_units,
     .fallback = "W",
     .help = "Unit of the demand: W, or \"%\" (in quotes) of what the room's heaters can give."},
    {.name = NULL}};

static const struct config_item target_items[] = {
    {"min", CONFIG_NUMBER, FIELD(struct config_room, min_target_c), .min = 0, .max = 30,
     .unit = "°C", .fallback = "5 °C", .help = "Lowest target that can be set."},
    {"max", CONFIG_NUMBER, FIELD(struct config_room, max_target_c), .min = 5, .max = 45,
     .unit = "°C", .fallback = "30 °C", .help = "Highest target that can be set."},
    {"step", CONFIG_NUMBER, FIELD(struct config_room, step_c), .min = 0.1, .max = 5, .unit = "K",
     .fallback = "0.5 K", .help = "Step of the target in Home Assistant."},
    {"initial", CONFIG_NUMBER, FIELD(struct config_room, initial_target_c), .min = 0, .max = 45,
     .unit = "°C", .fallback = "20 °C", .help = "Target until one is set for the first time."},
    {.name = NULL}};

static const struct config_item band_items[] = {
    {"below", CONFIG_NUMBER, FIELD(struct config_room, band_below_c), .min = 0, .max = 5,
     .unit = "K", .fallback = "0.5 K", .help = "The room may be so much colder than its target."},
    {"above", CONFIG_NUMBER, FIELD(struct config_room, band_above_c), .min = 0, .max = 5,
     .unit = "K", .fallback = "0.5 K", .help = "The room may be so much warmer than its target."},
    {.name = NULL}};

static const struct config_item room_items[] = {
    {"name", CONFIG_TEXT, FIELD(struct config_room, name), .fallback = "",
     .help = "Name for people; left out, it is made from the id."},
    {"area", CONFIG_TEXT, FIELD(struct config_room, area), .fallback = "",
     .help = "Area suggested to Home Assistant; left out, the name."},
    {"frost", CONFIG_NUMBER_OR_OFF, FIELD(struct config_room, frost_c), .min = 0, .max = 15,
     .unit = "°C", .fallback = "7 °C",
     .help = "The room is kept above this whatever its mode; `off`: it is not."},
    {"too_hot", CONFIG_NUMBER, FIELD(struct config_room, too_hot_c), .min = 15, .max = 60,
     .unit = "°C", .fallback = "35 °C", .help = "No heat at or above this room temperature."},
    {"heat_loss", CONFIG_NUMBER, FIELD(struct config_room, heat_loss_w_per_k), .min = 0,
     .max = 5000, .unit = "W/K", .fallback = "0 W/K",
     .help = "Heat that the room loses per degree between inside and outside; 0: not known."},
    {"power_limit", CONFIG_POWER, FIELD(struct config_room, power_limit_w), .max = 100000,
     .fallback = "0 W", .help = "Never heat this room with more; 0: no limit."},
    {"window_delay", CONFIG_DURATION, FIELD(struct config_room, window_delay_ms), .min = 0,
     .max = 1 * HOUR, .fallback = "30 s",
     .help = "A window must be open for so long before the heat stops."},
    {.name = NULL}};

static const struct config_item power_meter_items[] = {
    {"topic", CONFIG_TOPIC, FIELD(struct config_source, topic), .fallback = NULL,
     .help = "MQTT topic on which the power in watts arrives."},
    {"value", CONFIG_TEXT, FIELD(struct config_source, value), .fallback = "",
     .help =
         "Path to the value in a JSON payload, such as `power` or `ENERGY.Power`; left out, the "
         "payload is the value."},
    {"stale_after", CONFIG_DURATION, FIELD(struct config_source, stale_after_ms), .min = 1 * SECOND,
     .max = 1 * DAY, .fallback = "5 min",
     .help = "A value older than this is not used; the heater's own figure is, then."},
    {.name = NULL}};

static const struct config_item circuit_items[] = {
    {"name", CONFIG_TEXT, FIELD(struct config_circuit, name), .fallback = "",
     .help = "Name for people; left out, it is made from the id."},
    {"max_power", CONFIG_POWER, FIELD(struct config_circuit, max_w), .min = 1, .max = 100000,
     .fallback = "",
     .help = "All its heaters together never draw more; either this or `fuse` is given."},
    {"fuse", CONFIG_NUMBER, FIELD(struct config_circuit, fuse_a), .min = 1, .max = 400, .unit = "A",
     .fallback = "", .help = "Current at which its fuse or breaker is rated."},
    {"voltage", CONFIG_NUMBER, FIELD(struct config_circuit, voltage_v), .min = 100, .max = 400,
     .unit = "V", .fallback = "230 V", .help = "Voltage behind the fuse."},
    {"load", CONFIG_NUMBER, FIELD(struct config_circuit, load_percent), .min = 10, .max = 100,
     .unit = "%", .fallback = "80 %",
     .help = "Part of the fuse's current that may flow for hours; breakers get warm."},
    {.name = NULL}};

static const struct config_item circuit_meter_items[] = {
    {"topic", CONFIG_TOPIC, FIELD(struct config_source, topic), .fallback = NULL,
     .help = "MQTT topic on which the power in watts arrives."},
    {"value", CONFIG_TEXT, FIELD(struct config_source, value), .fallback = "",
     .help =
         "Path to the value in a JSON payload, such as `power` or `ENERGY.Power`; left out, the "
         "payload is the value."},
    {"stale_after", CONFIG_DURATION, FIELD(struct config_source, stale_after_ms), .min = 1 * SECOND,
     .max = 1 * DAY, .fallback = "1 min",
     .help = "A value older than this is not used; it is then as if there were no meter."},
    {.name = NULL}};

static const struct config_item interlock_items[] = {
    {"topic", CONFIG_TOPIC, FIELD(struct config_interlock, source.topic), .fallback = NULL,
     .help = "MQTT topic on which the value arrives, a number."},
    {"value", CONFIG_TEXT, FIELD(struct config_interlock, source.value), .fallback = "",
     .help = "Path to the value in a JSON payload, such as `flow` or `sensors[0].t`; left out, the "
             "payload is the value."},
    {"min", CONFIG_NUMBER, FIELD(struct config_interlock, min), .min = -1e6, .max = 1e6,
     .fallback = "", .help = "The heater is stopped when the value is below."},
    {"max", CONFIG_NUMBER, FIELD(struct config_interlock, max), .min = -1e6, .max = 1e6,
     .fallback = "", .help = "The heater is stopped when the value is above."},
    {"hold", CONFIG_DURATION, FIELD(struct config_interlock, hold_ms), .min = 0, .max = 1 * HOUR,
     .fallback = "10 s", .help = "It must be so for this long."},
    {"stale_after", CONFIG_DURATION, FIELD(struct config_interlock, source.stale_after_ms),
     .min = 0, .max = 7 * DAY, .fallback = "5 min",
     .help = "No message for so long counts as a value outside the limits; `0 s`: silence is "
             "allowed, for sensors that send only on change."},
    {.name = NULL}};

static const struct config_item heater_items[] = {
    {"name", CONFIG_TEXT, FIELD(struct config_heater, name), .fallback = "",
     .help = "Name for people; left out, it is made from the id."},
    {"max_power", CONFIG_POWER, FIELD(struct config_heater, max_w), .max = 100000, .fallback = "",
     .help = "Never use more; left out, what the driver says."},
    {"min_power", CONFIG_POWER, FIELD(struct config_heater, min_w), .max = 100000, .fallback = "",
     .help = "Never use less while on; left out, what the driver says."},
    {"min_on", CONFIG_DURATION, FIELD(struct config_heater, min_on_ms), .min = 0, .max = 1 * DAY,
     .fallback = "", .help = "Once on, stay on for so long; left out, what the driver says."},
    {"min_off", CONFIG_DURATION, FIELD(struct config_heater, min_off_ms), .min = 0, .max = 1 * DAY,
     .fallback = "", .help = "Once off, stay off for so long; left out, what the driver says."},
    {"circuit", CONFIG_ID, FIELD(struct config_heater, circuit_id), .fallback = "",
     .help = "Id of the circuit that it is on; left out, none limits it."},
    {"too_hot", CONFIG_NUMBER, FIELD(struct config_heater, too_hot_c), .min = 30, .max = 120,
     .unit = "°C", .fallback = "90 °C",
     .help = "No heat while a chip or board is at or above this."},
    {"lease", CONFIG_DURATION, FIELD(struct config_heater, lease_ms), .min = 1 * SECOND,
     .max = 1 * HOUR, .fallback = "30 s",
     .help = "A command ends by itself after so long unless it is renewed."},
    {"on_exit", CONFIG_ENUM, FIELD(struct config_heater, on_exit), .choices = exit_policies,
     .fallback = "off", .help = "What happens to the heater when heatbridge stops."},
    {"max_writes_per_day", CONFIG_INT, FIELD(struct config_heater, max_writes_per_day), .min = 0,
     .max = 100000, .fallback = "",
     .help = "Write its settings to its flash memory at most so often in a day, switching off "
             "excepted; left out or 0, what the driver says."},
    {"identity", CONFIG_TEXT, FIELD(struct config_heater, identity), .fallback = "",
     .help = "MAC address or serial number of the device; another one at its address is not "
             "commanded. Left out, the first one seen is remembered."},
    {"expected_pool", CONFIG_TEXT, FIELD(struct config_heater, expected_pool), .fallback = "",
     .help =
         "The pool that the device should mine at, as `host:port`, several with spaces between; "
         "left out, the first one seen. Another one is reported as a problem."},
    {.name = NULL}};

/* --- special keys -------------------------------------------------------------------------------
 */

static const struct config_special no_specials[] = {{.name = NULL}};
static const struct config_special root_specials[] = {
    {"rooms", SPECIAL_ROOMS, NULL, "The rooms, each by its id."},
    {"heaters", SPECIAL_HEATERS, "", "The heaters, each by its id."},
    {"circuits", SPECIAL_CIRCUITS, "", "Fuses that several heaters share, each by its id."},
    {.name = NULL}};
static const struct config_special mining_specials[] = {
    {"redirect_hosts", SPECIAL_HOSTS, "",
     "Hosts, with or without a port, to which a pool may send the engine on."},
    {"pools", SPECIAL_POOLS, "", "The pools, the preferred one first."},
    {.name = NULL}};
static const struct config_special room_specials[] = {
    {"presets", SPECIAL_PRESETS, "{home: 21, away: 16, eco: 19, sleep: 18, boost: 23}",
     "Targets with a name, up to 8."},
    {"schedule", SPECIAL_SCHEDULE, "",
     "When which preset begins in mode auto. Days: daily, weekdays, weekend, monday to sunday; a "
     "single day goes before weekdays or weekend, and those before daily."},
    {"heaters", SPECIAL_ROOM_HEATERS, "", "Ids of the heaters in this room."},
    {.name = NULL}};
static const struct config_special heater_specials[] = {
    {"driver", SPECIAL_DRIVER, NULL, "The family of the heater."},
    {"interlocks", SPECIAL_INTERLOCKS, "",
     "Values of other devices that stop the heater until a person acknowledges, up to 4, each by "
     "its id."},
    {.name = NULL}};

/* --- shapes -------------------------------------------------------------------------------------
 */

static const struct config_shape no_groups[] = {{.name = NULL}};

static const struct config_shape mining_groups[] = {
    {"proxy",
     "The Stratum proxy for heaters that only let their owner set a pool; it runs if a "
     "heater has the driver `stratum_proxy`.",
     offsetof(struct config_mining, proxy), false, proxy_items, no_specials, no_groups},
    {.name = NULL}};

static const struct config_shape root_groups[] = {
    {"mqtt", "The broker.", offsetof(struct config, mqtt), false, mqtt_items, no_specials,
     no_groups},
    {"homeassistant", "How Home Assistant gets to know the rooms and heaters.",
     offsetof(struct config, homeassistant), false, homeassistant_items, no_specials, no_groups},
    {"web", "The built-in page.", offsetof(struct config, web), false, web_items, no_specials,
     no_groups},
    {"outdoor", "Where the outdoor temperature comes from.", offsetof(struct config, outdoor), true,
     outdoor_items, no_specials, no_groups},
    {"mining", "The built-in mining engine.", offsetof(struct config, mining), false, mining_items,
     mining_specials, mining_groups},
    {.name = NULL}};

const struct config_shape config_shape_root = {.help = "The whole file.",
                                               .items = root_items,
                                               .specials = root_specials,
                                               .groups = root_groups};

const struct config_shape config_shape_pool = {.name = "pools",
                                               .help = "A mining pool.",
                                               .items = pool_items,
                                               .specials = no_specials,
                                               .groups = no_groups};

static const struct config_shape room_groups[] = {
    {"temperature", "The room's temperature.", offsetof(struct config_room, temperature), false,
     temperature_items, no_specials, no_groups},
    {"humidity", "The room's humidity, shown in Home Assistant.",
     offsetof(struct config_room, humidity), true, humidity_items, no_specials, no_groups},
    {"window", "A window contact; no heat while it is open.", offsetof(struct config_room, window),
     true, window_items, no_specials, no_groups},
    {"demand",
     "A power that another program asks for, such as Versatile Thermostat or evcc; while it is "
     "fresh, it takes the place of the room's own thermostat.",
     offsetof(struct config_room, demand), true, demand_items, no_specials, no_groups},
    {"target", "What can be set as target.", 0, false, target_items, no_specials, no_groups},
    {"band", "Comfort band around the target.", 0, false, band_items, no_specials, no_groups},
    {.name = NULL}};

const struct config_shape config_shape_room = {.name = "rooms",
                                               .help = "A room.",
                                               .items = room_items,
                                               .specials = room_specials,
                                               .groups = room_groups};

static const struct config_shape heater_groups[] = {
    {"power_meter",
     "A plug or another meter that measures this heater; it is believed before the heater itself.",
     offsetof(struct config_heater, power_meter), true, power_meter_items, no_specials, no_groups},
    {.name = NULL}};

const struct config_shape config_shape_heater = {.name = "heaters",
                                                 .help = "A heater.",
                                                 .items = heater_items,
                                                 .specials = heater_specials,
                                                 .groups = heater_groups};

const struct config_shape config_shape_interlock = {.name = "interlocks",
                                                    .help = "An interlock of a heater.",
                                                    .items = interlock_items,
                                                    .specials = no_specials,
                                                    .groups = no_groups};

static const struct config_shape circuit_groups[] = {
    {"meter",
     "A meter of everything that is on this circuit, heaters or not; if it shows more than the "
     "limit, the heaters get less.",
     offsetof(struct config_circuit, meter), true, circuit_meter_items, no_specials, no_groups},
    {.name = NULL}};

const struct config_shape config_shape_circuit = {.name = "circuits",
                                                  .help = "A fuse that several heaters share.",
                                                  .items = circuit_items,
                                                  .specials = no_specials,
                                                  .groups = circuit_groups};

/* --- words --------------------------------------------------------------------------------------
 */

const struct config_default_preset config_default_presets[] = {
    {"home", 21}, {"away", 16}, {"eco", 19}, {"sleep", 18}, {"boost", 23}, {NULL, 0}};

const struct config_days config_days[] = {
    {"daily", 0x7F, 1},     {"weekdays", 0x1F, 2}, {"weekend", 0x60, 2}, {"mon", 0x01, 3},
    {"tue", 0x02, 3},       {"wed", 0x04, 3},      {"thu", 0x08, 3},     {"fri", 0x10, 3},
    {"sat", 0x20, 3},       {"sun", 0x40, 3},      {"monday", 0x01, 3},  {"tuesday", 0x02, 3},
    {"wednesday", 0x04, 3}, {"thursday", 0x08, 3}, {"friday", 0x10, 3},  {"saturday", 0x20, 3},
    {"sunday", 0x40, 3},    {NULL, 0, 0}};

const char *const config_reserved_rooms[] = {"heater", "circuit", "status", "prices", "outdoor",
                                             "solar",  "curtail", "set",    NULL};
