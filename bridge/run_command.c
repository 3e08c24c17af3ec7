/* heatbridge run: the daemon. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "bridge/app/app.h"
#include "bridge/command.h"
#include "bridge/config/load.h"
#include "bridge/notify.h"
#include "devices/registry.h"

static const char default_config[] = "/etc/heatbridge/heatbridge.yaml";

struct daemon {
    uv_loop_t loop;
    uv_signal_t term, interrupt, hup;
    const char *config_path;
    struct config *config;
    struct app_options options;
    struct hb_log log;
    struct app *app;
    bool stopping, reloading;
};

static void print_help(FILE *out)
{
    (void)fputs("usage: heatbridge run [--config FILE] [--log LEVEL] [--trace FILE]\n\n"
                "Regulates the rooms of the configuration until SIGTERM. SIGHUP reads it again.\n\n"
                "  -c, --config FILE  default /etc/heatbridge/heatbridge.yaml\n"
                "      --log LEVEL    error, warn, info or debug, instead of the configured one\n"
                "      --trace FILE   record every event, for 'the same again' in a bug report\n",
                out);
}

static bool parse_level(const char *word, enum log_level *level)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(word, log_level_name((enum log_level)i)) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static struct config *load(const char *path)
{
    struct config_problems *problems = calloc(1, sizeof *problems);
    if (problems == NULL) {
        return NULL;
    }
    struct config *config = config_load(path, heater_drivers, problems);
    config_problems_print(problems, stderr);
    free(problems);
    return config;
}

static void on_end(uv_signal_t *signal, int number)
{
    struct daemon *daemon = signal->data;
    (void)number;
    daemon->stopping = true;
    uv_stop(&daemon->loop);
}

static void on_hup(uv_signal_t *signal, int number)
{
    struct daemon *daemon = signal->data;
    (void)number;
    daemon->reloading = true;
    uv_stop(&daemon->loop);
}

static void catch_signal(struct daemon *daemon, uv_signal_t *signal, uv_signal_cb act, int number)
{
    (void)uv_signal_init(&daemon->loop, signal);
    signal->data = daemon;
    (void)uv_signal_start(signal, act, number);
}

/* A new configuration takes over only if it is good and everything in it starts; else the old one
 * goes on. */
static void reload(struct daemon *daemon)
{
    daemon->reloading = false;
    struct config *fresh = load(daemon->config_path);
    if (fresh == NULL) {
        hb_log(&daemon->log, LOG_LEVEL_ERROR, "config",
               "'%s' has mistakes; the old configuration stays in force", daemon->config_path);
        return;
    }
    app_stop(daemon->app, true);
    struct hb_err err;
    daemon->app = app_start(&daemon->loop, fresh, &daemon->options, &daemon->log, &err);
    if (daemon->app == NULL) {
        hb_log(&daemon->log, LOG_LEVEL_ERROR, "config", "%s; the old configuration stays in force",
               err.msg);
        config_free(fresh);
        fresh = daemon->config;
        daemon->app = app_start(&daemon->loop, fresh, &daemon->options, &daemon->log, &err);
    } else {
        config_free(daemon->config);
        hb_log(&daemon->log, LOG_LEVEL_INFO, "config", "'%s' is in force", daemon->config_path);
    }
    daemon->config = fresh;
    daemon->stopping = daemon->app == NULL;
}

static void on_ready(uv_timer_t *timer)
{
    notify_send("READY=1");
    uv_close((uv_handle_t *)timer, NULL);
}

static int serve(struct daemon *daemon)
{
    struct hb_err err;
    (void)uv_loop_init(&daemon->loop);
    daemon->app = app_start(&daemon->loop, daemon->config, &daemon->options, &daemon->log, &err);
    if (daemon->app == NULL) {
        hb_log(&daemon->log, LOG_LEVEL_ERROR, "heatbridge", "%s", err.msg);
        (void)uv_loop_close(&daemon->loop);
        return EXIT_FAILED;
    }
    catch_signal(daemon, &daemon->term, on_end, SIGTERM);
    catch_signal(daemon, &daemon->interrupt, on_end, SIGINT);
    catch_signal(daemon, &daemon->hup, on_hup, SIGHUP);
    uv_timer_t ready; /* after the first core step, not after the broker is up */
    (void)uv_timer_init(&daemon->loop, &ready);
    (void)uv_timer_start(&ready, on_ready, 2, 0);
    while (!daemon->stopping) {
        (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
        if (daemon->reloading && !daemon->stopping) {
            notify_send("RELOADING=1");
            reload(daemon);
            notify_send("READY=1");
        }
    }
    notify_send("STOPPING=1");
    const int status = daemon->app == NULL ? EXIT_FAILED : EXIT_GOOD;
    if (daemon->app != NULL) {
        hb_log(&daemon->log, LOG_LEVEL_INFO, "heatbridge", "stopping; worst tick was %.1f ms late",
               app_tick_jitter_ms(daemon->app));
    }
    app_stop(daemon->app, false);
    uv_close((uv_handle_t *)&daemon->term, NULL);
    uv_close((uv_handle_t *)&daemon->interrupt, NULL);
    uv_close((uv_handle_t *)&daemon->hup, NULL);
    (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&daemon->loop);
    return status;
}

int run_command(int argc, char **argv)
{
    enum { OPTION_LOG = 256, OPTION_TRACE };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"log", required_argument, NULL, OPTION_LOG},
        {"trace", required_argument, NULL, OPTION_TRACE},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct daemon daemon = {
        .config_path = default_config,
        .options = {.time_scale = 1, .note = "", .feed_watchdog = true},
    };
    const char *level_word = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            daemon.config_path = optarg;
            break;
        case OPTION_LOG:
            level_word = optarg;
            break;
        case OPTION_TRACE:
            daemon.options.trace_path = optarg;
            break;
        case 'h':
            print_help(stdout);
            return EXIT_GOOD;
        default:
            print_help(stderr);
            return EXIT_USAGE;
        }
    }
    enum log_level level = LOG_LEVEL_INFO;
    if (optind != argc || (level_word != NULL && !parse_level(level_word, &level))) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    daemon.config = load(daemon.config_path);
    if (daemon.config == NULL) {
        return EXIT_USAGE;
    }
    level = level_word != NULL ? level : (enum log_level)daemon.config->log_level;
    daemon.log = log_to_stderr(level, getenv("JOURNAL_STREAM") != NULL);
    hb_log(&daemon.log, LOG_LEVEL_INFO, "heatbridge",
           "version " HB_VERSION ", %zu room(s), %zu heater(s)", daemon.config->room_count,
           daemon.config->heater_count);
    const int status = serve(&daemon);
    config_free(daemon.config);
    return status;
}
