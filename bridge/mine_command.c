#include "bridge/command.h"

#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "ground/text.h"
#include "miner/engine.h"
#include "miner/kernel_choice.h"
#include "plumbing/json.h"
#include "plumbing/log.h"

static const char help[] =
    "usage: heatbridge mine --url URL --user WORKER [options]\n"
    "\n"
    "Mines with all processors for one pool, without any heating.\n"
    "\n"
    "  --url URL          stratum+tcp://host:port, stratum+ssl://host:port; a Bitcoin node of "
    "your\n"
    "                     own: solo+http://host:port, solo+https://host:port\n"
    "  --user WORKER      account or address, with the worker's name as the pool wants it;\n"
    "                     solo: the address that a found block pays\n"
    "  --password TEXT    default: x\n"
    "  --cookie-file FILE solo: the file .cookie in the node's data directory\n"
    "  --rpc-user NAME    solo: instead of the cookie file, with --rpc-password\n"
    "  --rpc-password TEXT\n"
    "  --threads N        1 to 1024; default: one per processor\n"
    "  --kernel NAME      as 'heatbridge bench sha256d' tells it; default: the fastest\n"
    "  --duty PERCENT     fraction of full hashing, 0 to 100; default: 100\n"
    "  --ca-file FILE     certificates to trust instead of the system's\n"
    "  --insecure         do not verify the pool's certificate\n"
    "  --seconds N        stop after so long; default: run until interrupted\n"
    "  --json             one JSON line per second on standard output\n"
    "  --help             this text\n";

struct mine {
    struct miner_pool pool;
    struct miner_options options;
    double seconds, duty_ratio;
    bool json, terminal;
    uv_loop_t loop;
    uv_timer_t second, deadline;
    uv_signal_t interrupt, terminate;
    struct miner_engine *engine;
    struct hb_log log;
};

/* --- output -------------------------------------------------------------------------------------
 */

/* A hash rate with the prefix that gives one to three digits before the point. */
static void print_rate(char *text, size_t size, double rate_hs)
{
    static const char *const units[] = {"H/s", "kH/s", "MH/s", "GH/s", "TH/s"};
    size_t unit = 0;
    while (rate_hs >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        rate_hs /= 1000;
        unit++;
    }
    (void)snprintf(text, size, "%.2f %s", rate_hs, units[unit]);
}

static uint64_t all_rejected(const struct miner_stats *stats)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        sum += stats->rejected[i];
    }
    return sum;
}

static const char *link_name(enum miner_link link)
{
    static const char *const names[] = {"none", "connecting", "ok", "lost"};
    return names[link];
}

static void print_json(const struct miner_stats *stats)
{
    static const char *const kinds[REJECT_COUNT] = {"stale", "duplicate", "low_difficulty",
                                                    "unauthorized", "other"};
    struct json *line = json_new_object();
    json_add_string(line, "pool", stats->pool);
    json_add_string(line, "link", link_name(stats->link));
    json_add_string(line, "message", stats->message);
    json_add_number(line, "hashrate_hs", stats->hashrate_hs, 0);
    json_add_number(line, "full_hashrate_hs", stats->full_hashrate_hs, 0);
    json_add_number(line, "hashes", stats->hashes, 0);
    json_add_number(line, "accepted", (double)stats->accepted, 0);
    json_add_number(line, "rejected", (double)all_rejected(stats), 0);
    struct json *rejected = json_new_object();
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        json_add_number(rejected, kinds[i], (double)stats->rejected[i], 0);
    }
    json_add(line, "rejected_by_reason", rejected);
    json_add_number(line, "dropped", (double)stats->dropped, 0);
    json_add_number(line, "blocks", (double)stats->blocks, 0);
    json_add_number(line, "hits", (double)stats->hits, 0);
    json_add(line, "difficulty", json_new_number(stats->difficulty));
    json_add(line, "best_difficulty", json_new_number(stats->best_difficulty));
    json_add_number(line, "package_w", stats->package_w, 1);
    json_add_number(line, "cpu_c", stats->cpu_c, 1);
    json_add_number(line, "threads", stats->threads, 0);
    json_add_string(line, "kernel", stats->kernel);
    char *text = json_print(line);
    (void)puts(text);
    (void)fflush(stdout);
    free(text);
    json_free(line);
}

static void print_status(const struct mine *mine, const struct miner_stats *stats)
{
    char rate[32];
    char watts[24] = "";
    print_rate(rate, sizeof rate, stats->hashrate_hs);
    if (isfinite(stats->package_w)) {
        (void)snprintf(watts, sizeof watts, "  %.1f W", stats->package_w);
    }
    (void)printf("%s%s  accepted %" PRIu64 "  refused %" PRIu64
                 "  difficulty %.4g  best %.4g%s  %s %s%s",
                 mine->terminal ? "\r\033[K" : "", rate, stats->accepted, all_rejected(stats),
                 stats->difficulty, stats->best_difficulty, watts, stats->pool,
                 link_name(stats->link), mine->terminal ? "" : "\n");
    (void)fflush(stdout);
}

static void on_second(uv_timer_t *timer)
{
    struct mine *mine = timer->data;
    struct miner_stats stats;
    miner_get_stats(mine->engine, &stats);
    if (mine->json) {
        print_json(&stats);
    } else if (mine->terminal) {
        print_status(mine, &stats);
    }
}

/* Messages must not be torn apart by the status line. */
static void write_message(void *ctx, enum log_level level, const char *part, const char *text)
{
    const struct mine *mine = ctx;
    (void)fprintf(stderr, "%s%s %s: %s\n", mine->terminal && !mine->json ? "\r\033[K" : "",
                  log_level_name(level), part, text);
}

/* --- running ------------------------------------------------------------------------------------
 */

static void on_end(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

static void start_handles(struct mine *mine)
{
    (void)uv_timer_init(&mine->loop, &mine->second);
    (void)uv_timer_init(&mine->loop, &mine->deadline);
    (void)uv_signal_init(&mine->loop, &mine->interrupt);
    (void)uv_signal_init(&mine->loop, &mine->terminate);
    mine->second.data = mine;
    (void)uv_timer_start(&mine->second, on_second, 1000, 1000);
    (void)uv_signal_start(&mine->interrupt, on_signal, SIGINT);
    (void)uv_signal_start(&mine->terminate, on_signal, SIGTERM);
    if (mine->seconds > 0) {
        (void)uv_timer_start(&mine->deadline, on_end, (uint64_t)(mine->seconds * 1000), 0);
    }
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (uv_is_closing(handle) == 0) {
        uv_close(handle, NULL);
    }
}

/* The last word, also for those who did not watch. */
static bool finish(struct mine *mine)
{
    struct miner_stats stats;
    miner_get_stats(mine->engine, &stats);
    if (mine->json) {
        print_json(&stats);
    } else {
        print_status(mine, &stats);
        (void)fputs(mine->terminal ? "\n" : "", stdout);
    }
    if (stats.link != MINER_LINK_OK) {
        hb_log(&mine->log, LOG_LEVEL_ERROR, "mine", "no pool gave work: %s",
               stats.message[0] != '\0' ? stats.message : "no answer yet");
    }
    return stats.link == MINER_LINK_OK;
}

static int run(struct mine *mine)
{
    struct hb_err err = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&mine->loop) != 0) {
        (void)fputs("mine: the event loop cannot be made\n", stderr);
        return 1;
    }
    int status = 1;
    mine->engine = miner_create(&mine->options, &mine->loop, &mine->log, &err);
    if (mine->engine == NULL) {
        (void)fprintf(stderr, "mine: %s\n", err.msg);
        status = err.code == HB_ERR_USAGE ? 2 : 1;
    } else {
        start_handles(mine);
        miner_set_duty(mine->engine, mine->duty_ratio);
        (void)uv_run(&mine->loop, UV_RUN_DEFAULT);
        status = finish(mine) ? 0 : 1;
        miner_destroy(mine->engine);
        close_handle((uv_handle_t *)&mine->second, NULL);
        close_handle((uv_handle_t *)&mine->deadline, NULL);
        close_handle((uv_handle_t *)&mine->interrupt, NULL);
        close_handle((uv_handle_t *)&mine->terminate, NULL);
    }
    (void)uv_run(&mine->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&mine->loop);
    return status;
}

/* --- options ------------------------------------------------------------------------------------
 */

static bool read_number(const char *option, const char *text, double low, double high, bool whole,
                        double *number)
{
    if (!text_to_number(text, strlen(text), number) || *number < low || *number > high ||
        (whole && *number != floor(*number))) {
        (void)fprintf(stderr, "mine: --%s: expected a %snumber from %g to %g, got '%s'\n", option,
                      whole ? "whole " : "", low, high, text);
        return false;
    }
    return true;
}

static bool read_option(struct mine *mine, const char *name, const char *value)
{
    double number = 0;
    if (strcmp(name, "url") == 0) {
        mine->pool.url = value;
    } else if (strcmp(name, "user") == 0) {
        mine->pool.user = value;
    } else if (strcmp(name, "password") == 0) {
        mine->pool.password = value;
    } else if (strcmp(name, "ca-file") == 0) {
        mine->pool.ca_file = value;
    } else if (strcmp(name, "cookie-file") == 0) {
        mine->pool.cookie_file = value;
    } else if (strcmp(name, "rpc-user") == 0) {
        mine->pool.rpc_user = value;
    } else if (strcmp(name, "rpc-password") == 0) {
        mine->pool.rpc_password = value;
    } else if (strcmp(name, "kernel") == 0) {
        if (kernel_named(value) == NULL) {
            (void)fprintf(stderr, "mine: --kernel: no kernel is called '%s'\n", value);
            return false;
        }
        mine->options.kernel = value;
    } else if (strcmp(name, "insecure") == 0) {
        mine->pool.tls_verify = false;
    } else if (strcmp(name, "json") == 0) {
        mine->json = true;
    } else if (strcmp(name, "threads") == 0) {
        if (!read_number(name, value, 1, 1024, true, &number)) {
            return false;
        }
        mine->options.threads = (int)number;
    } else if (strcmp(name, "duty") == 0) {
        if (!read_number(name, value, 0, 100, false, &number)) {
            return false;
        }
        mine->duty_ratio = number / 100;
    } else if (strcmp(name, "seconds") == 0) {
        return read_number(name, value, 0.1, 1e9, false, &mine->seconds);
    }
    return true;
}

/* 0 and 2 are exit statuses, -1 means: go on. */
static int read_options(struct mine *mine, int argc, char **argv)
{
    static const struct option options[] = {
        {"url", required_argument, NULL, 'o'},
        {"user", required_argument, NULL, 'o'},
        {"password", required_argument, NULL, 'o'},
        {"cookie-file", required_argument, NULL, 'o'},
        {"rpc-user", required_argument, NULL, 'o'},
        {"rpc-password", required_argument, NULL, 'o'},
        {"threads", required_argument, NULL, 'o'},
        {"duty", required_argument, NULL, 'o'},
        {"kernel", required_argument, NULL, 'o'},
        {"seconds", required_argument, NULL, 'o'},
        {"ca-file", required_argument, NULL, 'o'},
        {"insecure", no_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int index = 0;
    int found = 0;
    optind = 1;
    while ((found = getopt_long(argc, argv, "", options, &index)) != -1) {
        if (found == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (found != 'o' || !read_option(mine, options[index].name, optarg)) {
            return 2;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "mine: expected options only, got '%s'\n", argv[optind]);
        return 2;
    }
    if (mine->pool.url == NULL || mine->pool.user == NULL) {
        (void)fputs("mine: expected --url and --user; --help tells more\n", stderr);
        return 2;
    }
    return -1;
}

int mine_command(int argc, char **argv)
{
    static struct mine mine; /* large, and there is one per process */
    memset(&mine, 0, sizeof mine);
    mine.pool.password = "x";
    mine.pool.tls_verify = true;
    mine.duty_ratio = 1;
    mine.terminal = isatty(STDOUT_FILENO) == 1;
    mine.log = (struct hb_log){.write = write_message, .ctx = &mine, .level = LOG_LEVEL_INFO};
    const int status = read_options(&mine, argc, argv);
    if (status >= 0) {
        return status;
    }
    mine.options.pools = &mine.pool;
    mine.options.pool_count = 1;
    mine.options.no_pool = MINER_NO_POOL_PAUSE;
    mine.options.ramp_s = 2;
    return run(&mine);
}
