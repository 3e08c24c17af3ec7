/* heatbridge demo: the whole thing on loopback, with a broker, a pool and a room of its own. */
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "bridge/app/app.h"
#include "bridge/command.h"
#include "bridge/config/load.h"
#include "bridge/demo/child.h"
#include "bridge/demo/household.h"
#include "bridge/house/room.h"
#include "bridge/house/script.h"
#include "devices/registry.h"
#include "ground/text.h"
#include "plumbing/json.h"

#define DEFAULT_STORY_SECONDS 60.0
#define REGULATED_WITHIN_K    0.5

enum { START_MS = 5000, PROGRESS_MS = 1000, QUIET_EVERY = 10, PATH_B = 512 };

struct demo {
    double seconds; /* 0: until Ctrl-C */
    uint16_t mqtt_port, http_port, pool_port;
    char folder[64];
    struct child broker, pool;
    uv_loop_t loop;
    uv_signal_t term, interrupt;
    uv_timer_t progress, end;
    uv_pipe_t pool_out;
    char pool_line[4096];
    size_t pool_len;
    unsigned accepted, rejected; /* as the pool, the independent judge, says */
    struct hb_log log;
    struct config *config;
    struct app_options options;
    struct app *app;
    struct household *home;
    bool terminal;
    unsigned progress_count;
};

static void print_help(FILE *out)
{
    (void)fputs(
        "usage: heatbridge demo [--seconds N] [--mqtt-port P] [--http-port P]\n\n"
        "Runs a private Mosquitto and a Stratum pool on loopback, a simulated room with half\n"
        "an hour of house life in a minute, and the real engine hashing on one CPU thread.\n\n"
        "  --seconds N    tell the story in N seconds (20 to 3600), then print a summary; the\n"
        "                 exit status is 0 only if the room was kept within 0.5 K in the\n"
        "                 last third and the pool accepted shares\n"
        "  --mqtt-port P  the broker's port, to look in with other programs\n"
        "  --http-port P  the page's port\n",
        out);
}

/* --- children ------------------------------------------------------------------------------- */

static bool start_broker(struct demo *demo, struct hb_err *err)
{
    char program[PATH_B];
    char file[PATH_B];
    char log[PATH_B];
    (void)snprintf(file, sizeof file, "%s/mosquitto.conf", demo->folder);
    (void)snprintf(log, sizeof log, "%s/mosquitto.log", demo->folder);
    if (!program_find("mosquitto", program, sizeof program)) {
        return hb_fail(err, HB_ERR_SYSTEM,
                       "the demo needs the program 'mosquitto' (Debian package mosquitto)");
    }
    FILE *out = fopen(file, "w");
    if (out == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "cannot write '%s'", file);
    }
    (void)fprintf(out, "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\n",
                  demo->mqtt_port);
    (void)fclose(out);
    char *const argv[] = {program, "-c", file, NULL};
    if (!child_start(&demo->broker, argv, false, log, err)) {
        return false;
    }
    return loopback_wait(demo->mqtt_port, START_MS) ||
           hb_fail(err, HB_ERR_SYSTEM, "mosquitto does not listen on 127.0.0.1:%d",
                   demo->mqtt_port);
}

/* Beside this program in a build folder, in libexec when installed. */
static bool find_pool(char *path, size_t size)
{
    char self[PATH_B / 2];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        return false;
    }
    self[len] = '\0';
    *strrchr(self, '/') = '\0';
    (void)snprintf(path, size, "%s/demo-pool", self);
    if (access(path, X_OK) == 0) {
        return true;
    }
    (void)snprintf(path, size, "%s/../libexec/heatbridge/demo-pool", self);
    return access(path, X_OK) == 0;
}

static bool start_pool(struct demo *demo, struct hb_err *err)
{
    char program[PATH_B];
    char line[256];
    double port = 0;
    if (!find_pool(program, sizeof program)) {
        return hb_fail(err, HB_ERR_SYSTEM, "the program 'demo-pool' is not beside heatbridge");
    }
    char *const argv[] = {program, "--port", "0", NULL};
    if (!child_start(&demo->pool, argv, true, NULL, err)) {
        return false;
    }
    struct json *said = NULL;
    if (child_read_line(&demo->pool, line, sizeof line, START_MS)) {
        said = json_parse(line, strlen(line), sizeof line, NULL);
    }
    const bool listening = json_number(json_get(said, "port"), &port);
    json_free(said);
    demo->pool_port = (uint16_t)port;
    return listening || hb_fail(err, HB_ERR_SYSTEM, "demo-pool does not listen");
}

/* --- what is told --------------------------------------------------------------------------- */

static void tell(void *ctx, const char *line)
{
    const struct demo *demo = ctx;
    (void)printf("%s%s\n", demo->terminal ? "\r\033[K  " : "  ", line);
    (void)fflush(stdout);
}

static void take_pool_line(struct demo *demo)
{
    struct json *event = json_parse(demo->pool_line, demo->pool_len, sizeof demo->pool_line, NULL);
    const char *name = json_string(json_get(event, "event"));
    bool accepted = false;
    if (name != NULL && strcmp(name, "share") == 0 &&
        json_bool(json_get(event, "accepted"), &accepted)) {
        demo->accepted += accepted ? 1 : 0;
        demo->rejected += accepted ? 0 : 1;
    }
    json_free(event);
}

static void on_pool_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct demo *demo = handle->data;
    (void)suggested;
    /* A byte is kept free so that a line that never ends is cut instead of stopping the pipe. */
    if (demo->pool_len + 1 >= sizeof demo->pool_line) {
        demo->pool_len = 0;
    }
    *buf = uv_buf_init(demo->pool_line + demo->pool_len,
                       (unsigned)(sizeof demo->pool_line - demo->pool_len));
}

static void on_pool_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct demo *demo = stream->data;
    (void)buf;
    if (got < 0) {
        (void)uv_read_stop(stream);
        return;
    }
    demo->pool_len += (size_t)got;
    char *end;
    while ((end = memchr(demo->pool_line, '\n', demo->pool_len)) != NULL) {
        const size_t whole = (size_t)(end - demo->pool_line) + 1;
        const size_t all = demo->pool_len;
        demo->pool_len = whole - 1;
        take_pool_line(demo);
        memmove(demo->pool_line, demo->pool_line + whole, all - whole);
        demo->pool_len = all - whole;
    }
}

static void print_progress(const struct demo *demo)
{
    struct room_view room;
    struct household_report report;
    char clock[16];
    app_room_view(demo->app, 0, &room);
    household_get_report(demo->home, &report);
    const int minutes = (int)(report.story_s / 60);
    (void)snprintf(clock, sizeof clock, "%02d:%02d", minutes, (int)report.story_s % 60);
    (void)printf("%s[%s] room %.1f C, target %.1f C, %4.0f W, %.2f MH/s, %u shares: %s%s",
                 demo->terminal ? "\r\033[K" : "", clock, report.room_c, room.target_c,
                 isfinite(room.power_w) ? room.power_w : 0.0,
                 isfinite(room.hashrate_hs) ? room.hashrate_hs / 1e6 : 0.0, demo->accepted,
                 reason_sentence(room.reason), demo->terminal ? "" : "\n");
    (void)fflush(stdout);
}

static void on_progress(uv_timer_t *timer)
{
    struct demo *demo = timer->data;
    if (demo->terminal || demo->progress_count % QUIET_EVERY == 0) {
        print_progress(demo);
    }
    demo->progress_count++;
}

static bool print_summary(const struct demo *demo)
{
    struct household_report report;
    household_get_report(demo->home, &report);
    const bool regulated = report.worst_k <= REGULATED_WITHIN_K;
    const bool mined = demo->accepted > 0;
    (void)printf("%ssummary\n", demo->terminal ? "\r\033[K" : "");
    (void)printf("  room    %.2f C, target %.2f C; ", report.room_c, report.target_c);
    if (isfinite(report.worst_k)) {
        (void)printf("at most %.2f K off during the last third\n", report.worst_k);
    } else {
        (void)printf("ended before the last third\n");
    }
    (void)printf("  shares  %u accepted, %u refused by the pool\n", demo->accepted, demo->rejected);
    (void)printf("  result  %s\n", !regulated ? "the room was not kept within 0.5 K"
                                   : !mined   ? "no share was accepted"
                                              : "good");
    return regulated && mined;
}

/* --- life ----------------------------------------------------------------------------------- */

static void on_end_signal(uv_signal_t *signal, int number)
{
    (void)number;
    uv_stop(signal->loop);
}

static void on_end(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static bool load_config(struct demo *demo, struct hb_err *err)
{
    static const char format[] =
        "mqtt: {url: \"mqtt://127.0.0.1:%d\"}\n"
        "web: {listen: 127.0.0.1, port: %d}\n"
        "state_dir: %s/state\n"
        "log: warn\n"
        "outdoor: {topic: demo/outdoor, value: temperature, stale_after: 1 h}\n"
        "mining:\n"
        "  threads: 1\n"
        "  pools: [{url: \"stratum+tcp://127.0.0.1:%d\", user: demo.living_room, password: x}]\n"
        "rooms:\n"
        "  living_room:\n"
        "    name: Living room\n"
        "    temperature: {topic: demo/living_room, value: temperature, stale_after: 10 min}\n"
        "    window: {topic: demo/window}\n"
        "    presets: {home: 21, away: 17, eco: 19}\n"
        "    heat_loss: %.1f W/K\n"
        "    window_delay: 10 s\n"
        "    heaters: [miner]\n"
        "heaters:\n"
        "  miner: {driver: engine, name: Miner, max_power: 1500 W, meter: model,\n"
        "          lease: 10 min}\n";
    char text[2048];
    const struct house_room_parameters is = house_demo_room();
    const int len = snprintf(text, sizeof text, format, demo->mqtt_port, demo->http_port,
                             demo->folder, demo->pool_port, house_room_loss_w_per_k(&is));
    struct config_problems *problems = calloc(1, sizeof *problems);
    if (problems == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    demo->config = config_load_text(text, (size_t)len, "demo", NULL, heater_drivers, problems);
    if (demo->config == NULL) {
        config_problems_print(problems, stderr);
        hb_fail(err, HB_ERR_STATE, "the demo's own configuration is refused");
    }
    free(problems);
    return demo->config != NULL;
}

static void watch(struct demo *demo)
{
    (void)uv_signal_init(&demo->loop, &demo->term);
    (void)uv_signal_start(&demo->term, on_end_signal, SIGTERM);
    (void)uv_signal_init(&demo->loop, &demo->interrupt);
    (void)uv_signal_start(&demo->interrupt, on_end_signal, SIGINT);
    (void)uv_timer_init(&demo->loop, &demo->progress);
    demo->progress.data = demo;
    (void)uv_timer_start(&demo->progress, on_progress, PROGRESS_MS, PROGRESS_MS);
    (void)uv_timer_init(&demo->loop, &demo->end);
    if (demo->seconds > 0) {
        (void)uv_timer_start(&demo->end, on_end, (uint64_t)(demo->seconds * 1000), 0);
    }
    (void)uv_pipe_init(&demo->loop, &demo->pool_out, 0);
    demo->pool_out.data = demo;
    (void)uv_pipe_open(&demo->pool_out, demo->pool.out_fd);
    demo->pool.out_fd = -1; /* the pipe owns it now */
    (void)uv_read_start((uv_stream_t *)&demo->pool_out, on_pool_alloc, on_pool_read);
}

static void unwatch(struct demo *demo)
{
    uv_close((uv_handle_t *)&demo->term, NULL);
    uv_close((uv_handle_t *)&demo->interrupt, NULL);
    uv_close((uv_handle_t *)&demo->progress, NULL);
    uv_close((uv_handle_t *)&demo->end, NULL);
    uv_close((uv_handle_t *)&demo->pool_out, NULL);
}

/* Broker and pool first: they are forked before any thread exists. */
static bool start(struct demo *demo, struct hb_err *err)
{
    if (!start_broker(demo, err) || !start_pool(demo, err) || !load_config(demo, err)) {
        return false;
    }
    demo->app = app_start(&demo->loop, demo->config, &demo->options, &demo->log, err);
    if (demo->app == NULL) {
        return false;
    }
    demo->home = household_start(&demo->loop, demo->mqtt_port, demo->options.time_scale, &demo->log,
                                 tell, demo, err);
    return demo->home != NULL;
}

static void stop(struct demo *demo)
{
    if (demo->home != NULL) {
        household_stop(demo->home);
    }
    app_stop(demo->app, false);
    (void)uv_run(&demo->loop, UV_RUN_DEFAULT);
    household_free(demo->home);
    config_free(demo->config);
    child_stop(&demo->pool);
    child_stop(&demo->broker);
}

static int live(struct demo *demo)
{
    struct hb_err err;
    bool good = false;
    (void)uv_loop_init(&demo->loop);
    if (start(demo, &err)) {
        (void)printf("heatbridge demo: a room of a house where time runs %.0f times faster\n"
                     "  page    http://127.0.0.1:%d/\n"
                     "  MQTT    mqtt://127.0.0.1:%d (Home Assistant discovers the room there)\n"
                     "  pool    stratum+tcp://127.0.0.1:%d, a real one in small\n",
                     demo->options.time_scale, demo->http_port, demo->mqtt_port, demo->pool_port);
        if (demo->seconds <= 0) {
            (void)puts("  end it with Ctrl-C");
        }
        (void)fflush(stdout);
        watch(demo);
        (void)uv_run(&demo->loop, UV_RUN_DEFAULT);
        unwatch(demo);
        good = print_summary(demo);
    } else {
        (void)fprintf(stderr, "heatbridge demo: %s\n", err.msg);
    }
    stop(demo);
    (void)uv_loop_close(&demo->loop);
    /* Without --seconds the person decides when it is enough. */
    return good || (demo->seconds <= 0 && demo->home != NULL) ? EXIT_GOOD : EXIT_FAILED;
}

static void remove_folder(const char *folder)
{
    static const char *const files[] = {"mosquitto.conf", "mosquitto.log", "state/heatbridge.db",
                                        "state/heatbridge.db-wal", "state/heatbridge.db-shm"};
    char path[PATH_B];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/state", folder);
    (void)rmdir(path);
    (void)rmdir(folder);
}

static bool read_number(const char *word, double low, double high, double *number)
{
    return text_to_number(word, strlen(word), number) && *number >= low && *number <= high;
}

int demo_command(int argc, char **argv)
{
    enum { OPTION_SECONDS = 256, OPTION_MQTT, OPTION_HTTP };
    static const struct option options[] = {
        {"seconds", required_argument, NULL, OPTION_SECONDS},
        {"mqtt-port", required_argument, NULL, OPTION_MQTT},
        {"http-port", required_argument, NULL, OPTION_HTTP},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct demo demo = {
        .log = log_to_stderr(LOG_LEVEL_WARN, false),
        .terminal = isatty(STDOUT_FILENO) != 0,
        .broker = {.out_fd = -1},
        .pool = {.out_fd = -1},
    };
    double seconds = 0;
    double mqtt_port = 0;
    double http_port = 0;
    bool good = true;
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case OPTION_SECONDS:
            good = read_number(optarg, 20, 3600, &seconds) && good;
            break;
        case OPTION_MQTT:
            good = read_number(optarg, 1, 65535, &mqtt_port) && good;
            break;
        case OPTION_HTTP:
            good = read_number(optarg, 1, 65535, &http_port) && good;
            break;
        case 'h':
            print_help(stdout);
            return EXIT_GOOD;
        default:
            good = false;
        }
    }
    if (!good || optind != argc) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    demo.seconds = seconds;
    demo.mqtt_port = mqtt_port > 0 ? (uint16_t)mqtt_port : loopback_free_port();
    demo.http_port = http_port > 0 ? (uint16_t)http_port : loopback_free_port();
    demo.options = (struct app_options){
        .time_scale = SCRIPT_LENGTH_S / (seconds > 0 ? seconds : DEFAULT_STORY_SECONDS),
        .note = "demo: half an hour of a house in a minute",
    };
    (void)snprintf(demo.folder, sizeof demo.folder, "/tmp/heatbridge-demo.XXXXXX");
    if (mkdtemp(demo.folder) == NULL) {
        (void)fprintf(stderr, "heatbridge demo: cannot make a folder in /tmp\n");
        return EXIT_FAILED;
    }
    const int status = live(&demo);
    remove_folder(demo.folder);
    return status;
}
