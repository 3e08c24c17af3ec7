#include "bridge/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uv.h>

#include "bridge/mine_json.h"
#include "bridge/mine_options.h"
#include "bridge/mine_summary.h"
#include "bridge/mine_view.h"
#include "miner/engine.h"
#include "plumbing/clock.h"
#include "plumbing/log.h"

enum { SECOND_MS = 1000, COLUMNS_DEFAULT = 80, RAMP_S = 2 };

struct mine {
    struct mine_options options;
    bool terminal; /* standard output is one, and not for JSON */
    bool line_on;  /* the cursor stands behind a status line   */
    struct mine_look look;
    uv_loop_t loop;
    uv_timer_t second, deadline;
    uv_signal_t interrupt, terminate, resized;
    struct miner_engine *engine;
    struct hb_log log;
    hb_mono started, shown;
};

/* --- output -------------------------------------------------------------------------------------
 */

static double uptime_s(const struct mine *mine)
{
    return (double)mono_age_ms(clock_mono(), mine->started) / 1000;
}

/* What is written next stands above the status line, which is drawn anew afterwards. */
static void clear_line(struct mine *mine)
{
    if (mine->line_on) {
        (void)fputs("\r\033[K", stdout);
        (void)fflush(stdout);
        mine->line_on = false;
    }
}

static void show_line(struct mine *mine)
{
    struct miner_stats stats;
    char line[MINE_LINE_MAX];
    miner_get_stats(mine->engine, &stats);
    mine_view_line(&stats, uptime_s(mine), &mine->look, line);
    clear_line(mine);
    (void)fputs(line, stdout);
    (void)fputs(mine->terminal ? "" : "\n", stdout);
    (void)fflush(stdout);
    mine->line_on = mine->terminal;
}

static void show_json(const struct mine *mine)
{
    struct miner_stats stats;
    struct miner_pool_stats pools[MINE_POOLS_MAX];
    miner_get_stats(mine->engine, &stats);
    const size_t pool_count = miner_get_pools(mine->engine, pools, MINE_POOLS_MAX);
    char *text = mine_json_line(&stats, pools, pool_count, uptime_s(mine));
    (void)puts(text);
    (void)fflush(stdout);
    free(text);
}

static void on_second(uv_timer_t *timer)
{
    struct mine *mine = timer->data;
    const hb_mono now = clock_mono();
    if (mine->options.json) {
        show_json(mine);
    } else if (mine->terminal ||
               (double)mono_age_ms(now, mine->shown) >= mine->options.every_s * SECOND_MS) {
        show_line(mine);
        mine->shown = now;
    }
}

/* Messages must not be torn apart by the status line. */
static void write_message(void *ctx, enum log_level level, const char *part, const char *text)
{
    struct mine *mine = ctx;
    const bool redraw = mine->line_on;
    struct mine_look look = mine->look;
    char line[MINE_LINE_MAX];
    look.colour = look.colour && isatty(STDERR_FILENO) == 1;
    mine_view_message(level, part, text, &look, line);
    clear_line(mine);
    (void)fprintf(stderr, "%s\n", line);
    if (redraw) {
        show_line(mine);
    }
}

/* Each share is something to watch, but nothing to fill a file with. */
static void on_accepted(void *ctx, const struct miner_accepted *share)
{
    struct mine *mine = ctx;
    char line[MINE_LINE_MAX];
    if (!mine->terminal) {
        return;
    }
    mine_view_accepted(share, &mine->look, line);
    clear_line(mine);
    (void)puts(line);
    show_line(mine);
}

/* --- the terminal -------------------------------------------------------------------------------
 */

static void measure(struct mine *mine)
{
    struct winsize size;
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    mine->look.width = known ? size.ws_col : COLUMNS_DEFAULT;
}

/* As setlocale would choose it. */
static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0') {
            return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL;
        }
    }
    return false;
}

static void look_at_terminal(struct mine *mine)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *kind = getenv("TERM");
    mine->terminal = !mine->options.json && isatty(STDOUT_FILENO) == 1;
    mine->look.utf8 = locale_is_utf8();
    mine->look.colour = mine->terminal && (no_colour == NULL || no_colour[0] == '\0') &&
                        kind != NULL && strcmp(kind, "dumb") != 0;
    if (mine->terminal) {
        measure(mine);
    }
}

static void on_resized(uv_signal_t *handle, int number)
{
    struct mine *mine = handle->data;
    (void)number;
    measure(mine);
    if (mine->line_on) {
        show_line(mine);
    }
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
    (void)uv_signal_init(&mine->loop, &mine->resized);
    mine->second.data = mine->resized.data = mine;
    (void)uv_timer_start(&mine->second, on_second, SECOND_MS, SECOND_MS);
    (void)uv_signal_start(&mine->interrupt, on_signal, SIGINT);
    (void)uv_signal_start(&mine->terminate, on_signal, SIGTERM);
    if (mine->terminal) {
        (void)uv_signal_start(&mine->resized, on_resized, SIGWINCH);
    }
    if (mine->options.seconds > 0) {
        (void)uv_timer_start(&mine->deadline, on_end, (uint64_t)(mine->options.seconds * 1000), 0);
    }
}

static void close_handles(struct mine *mine)
{
    uv_close((uv_handle_t *)&mine->second, NULL);
    uv_close((uv_handle_t *)&mine->deadline, NULL);
    uv_close((uv_handle_t *)&mine->interrupt, NULL);
    uv_close((uv_handle_t *)&mine->terminate, NULL);
    uv_close((uv_handle_t *)&mine->resized, NULL);
}

/* The last word, also for those who did not watch. */
static bool finish(struct mine *mine)
{
    struct miner_stats stats;
    struct miner_pool_stats pools[MINE_POOLS_MAX];
    char summary[MINE_SUMMARY_MAX];
    const size_t pool_count = miner_get_pools(mine->engine, pools, MINE_POOLS_MAX);
    miner_get_stats(mine->engine, &stats);
    if (mine->options.json) {
        show_json(mine);
    } else {
        show_line(mine);
        mine_summary_print(&stats, pools, pool_count, uptime_s(mine), summary);
        (void)printf("%s%s", mine->terminal ? "\n" : "", summary);
        (void)fflush(stdout);
        mine->line_on = false;
    }
    if (stats.link != MINER_LINK_OK) {
        hb_log(&mine->log, LOG_LEVEL_ERROR, "mine", "no pool gave work: %s",
               stats.message[0] != '\0' ? stats.message : "no answer yet");
    }
    return stats.link == MINER_LINK_OK;
}

static struct miner_engine *create_engine(struct mine *mine, struct hb_err *err)
{
    const struct miner_options options = {
        .pools = mine->options.pools,
        .pool_count = mine->options.pool_count,
        .threads = mine->options.threads,
        .kernel = mine->options.kernel,
        .no_pool = MINER_NO_POOL_PAUSE,
        .ramp_s = RAMP_S,
        .accepted = on_accepted,
        .ctx = mine,
    };
    return miner_create(&options, &mine->loop, &mine->log, err);
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
    mine->started = mine->shown = clock_mono();
    mine->engine = create_engine(mine, &err);
    if (mine->engine == NULL) {
        (void)fprintf(stderr, "mine: %s\n", err.msg);
        status = err.code == HB_ERR_USAGE ? 2 : 1;
    } else {
        start_handles(mine);
        if (mine->options.power_w > 0) {
            miner_set_power(mine->engine, mine->options.power_w);
        } else {
            miner_set_duty(mine->engine, mine->options.duty_ratio);
        }
        (void)uv_run(&mine->loop, UV_RUN_DEFAULT);
        status = finish(mine) ? 0 : 1;
        miner_destroy(mine->engine);
        close_handles(mine);
    }
    (void)uv_run(&mine->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&mine->loop);
    return status;
}

int mine_command(int argc, char **argv)
{
    static struct mine mine; /* large, and there is one per process */
    memset(&mine, 0, sizeof mine);
    const int status = mine_read_options(&mine.options, argc, argv);
    if (status != MINE_GO_ON) {
        return status;
    }
    mine.log = (struct hb_log){.write = write_message, .ctx = &mine, .level = LOG_LEVEL_INFO};
    look_at_terminal(&mine);
    return run(&mine);
}
