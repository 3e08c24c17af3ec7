#include "bridge/mine_options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"
#include "miner/kernel/kernel_choice.h"

static const char help[] =
    "usage: heatbridge mine --url URL --user WORKER [options]\n"
    "\n"
    "Mines with all processors, without any heating: a status line on a terminal, a line\n"
    "every ten seconds elsewhere, and a summary at the end.\n"
    "\n"
    "  --url URL          stratum+tcp://host:port, stratum+ssl://host:port; a Bitcoin node of\n"
    "                     your own: solo+http://host:port, solo+https://host:port; given several\n"
    "                     times, the next is used while those before it give no work\n"
    "  --user WORKER      account or address, with the worker's name as the pool wants it;\n"
    "                     solo: the address that a found block pays\n"
    "  --password TEXT    default: x\n"
    "  --fee PERCENT      what the pool keeps of the reward, 0 to 100; default: 0\n"
    "  --ca-file FILE     certificates to trust instead of the system's\n"
    "  --tls-pin SHA256   the one certificate to trust\n"
    "  --insecure         do not verify the pool's certificate\n"
    "  --proxy URL        socks5://host:port to go through; Tor's is socks5://127.0.0.1:9050\n"
    "  --proxy-user NAME, --proxy-password TEXT\n"
    "  --cookie-file FILE solo: the file .cookie in the node's data directory\n"
    "  --rpc-user NAME    solo: instead of the cookie file, with --rpc-password\n"
    "  --rpc-password TEXT\n"
    "These belong to the --url before them; a later --url takes over what it does not name,\n"
    "one without --user that of the next.\n"
    "\n"
    "  --threads N        1 to 1024; default: one per processor\n"
    "  --kernel NAME      as 'heatbridge bench sha256d' tells it; default: the fastest\n"
    "  --duty PERCENT     fraction of full hashing, 0 to 100; default: 100\n"
    "  --power WATTS      instead of the duty: what the processor shall draw\n"
    "  --seconds N        stop after so long; default: run until interrupted\n"
    "  --every SECONDS    between two lines where there is no terminal, 1 to 86400; default: 10\n"
    "  --json             one JSON line per second on standard output, all messages elsewhere\n"
    "  --help             this text\n"
    "\n"
    "Colours are used on a terminal only, and not where NO_COLOR is set.\n"
    "\n"
    "Keys of the JSON lines; all are always there, what is not known is null:\n"
    "  uptime_s, pool, link (none, connecting, ok, lost), pool_reason, pool_changes, message\n"
    "  hashrate_hs (2 s), hashrate_1m_hs, hashrate_15m_hs, full_hashrate_hs, hashes\n"
    "  hashrate_shares_hs, hashrate_shares_low_hs, hashrate_shares_high_hs: by the accepted\n"
    "    shares of the last hour, with the 95 % interval; shares_check: agrees, below, above\n"
    "  accepted, rejected, rejected_by_reason, dropped, hits (solo: results that prove hashing),\n"
    "    difficulty, best_difficulty\n"
    "  pools: of each pool its state (waiting, trying, working, silent), losses, submitted,\n"
    "    accepted, rejected_by_reason, best_difficulty, and how long answers to shares took:\n"
    "    answer_p50_ms, answer_p95_ms, answer_max_ms\n"
    "  blocks_found, blocks (solo: taken by the node), last_block {hash, height, difficulty}\n"
    "  power_w, power_source (metered, reported by the processor, modelled), power_error_w (its\n"
    "    standard deviation if it is modelled), package_w (the processor's counters),\n"
    "    joules_per_th, cpu_c, threads, kernel\n"
    "  network_difficulty, height, next_halving_height, block_reward_sat, reward_source (job:\n"
    "    by its coinbase; subsidy: by the height, without fees), fee_percent\n"
    "  sat_per_hour, sat_per_kwh, sat_next_year (with halvings), share_value_sat,\n"
    "    block_chance_year: expectations at the pace of the last minute\n";

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

/* The pool that an option belongs to: the latest, or the first, which has no URL yet. */
static struct miner_pool *current_pool(struct mine_options *options)
{
    return &options->pools[options->pool_count > 0 ? options->pool_count - 1 : 0];
}

static bool add_pool(struct mine_options *options, const char *url)
{
    if (options->pool_count == MINE_POOLS_MAX) {
        (void)fprintf(stderr, "mine: --url: expected at most %d\n", MINE_POOLS_MAX);
        return false;
    }
    const struct miner_pool before = *current_pool(options);
    options->pools[options->pool_count] = before;
    options->pools[options->pool_count++].url = url;
    return true;
}

/* Options of a pool that are a text as it stands. */
static const struct pool_text {
    const char *name;
    size_t offset;
} pool_texts[] = {
    {"user", offsetof(struct miner_pool, user)},
    {"password", offsetof(struct miner_pool, password)},
    {"ca-file", offsetof(struct miner_pool, ca_file)},
    {"cookie-file", offsetof(struct miner_pool, cookie_file)},
    {"rpc-user", offsetof(struct miner_pool, rpc_user)},
    {"rpc-password", offsetof(struct miner_pool, rpc_password)},
    {"tls-pin", offsetof(struct miner_pool, tls_pin)},
    {"proxy", offsetof(struct miner_pool, proxy)},
    {"proxy-user", offsetof(struct miner_pool, proxy_user)},
    {"proxy-password", offsetof(struct miner_pool, proxy_password)},
};

static bool read_pool_option(struct miner_pool *pool, const char *name, const char *value)
{
    double percent = 0;
    for (size_t i = 0; i < sizeof pool_texts / sizeof pool_texts[0]; i++) {
        if (strcmp(name, pool_texts[i].name) == 0) {
            *(const char **)(void *)((char *)pool + pool_texts[i].offset) = value;
            return true;
        }
    }
    if (strcmp(name, "insecure") == 0) {
        pool->tls_verify = false;
        return true;
    }
    const bool good = read_number(name, value, 0, 100, false, &percent); /* fee */
    pool->fee_ratio = percent / 100;
    return good;
}

static bool read_option(struct mine_options *options, const char *name, const char *value)
{
    double number = 0;
    if (strcmp(name, "url") == 0) {
        return add_pool(options, value);
    }
    if (strcmp(name, "json") == 0) {
        options->json = true;
        return true;
    }
    if (strcmp(name, "kernel") == 0) {
        options->kernel = value;
        if (kernel_named(value) == NULL) {
            (void)fprintf(stderr, "mine: --kernel: no kernel is called '%s'\n", value);
            return false;
        }
        return true;
    }
    if (strcmp(name, "seconds") == 0) {
        return read_number(name, value, 0.1, 1e9, false, &options->seconds);
    }
    if (strcmp(name, "every") == 0) {
        return read_number(name, value, 1, 86400, false, &options->every_s);
    }
    if (strcmp(name, "threads") == 0) {
        const bool good = read_number(name, value, 1, 1024, true, &number);
        options->threads = good ? (int)number : 0;
        return good;
    }
    if (strcmp(name, "power") == 0) {
        return read_number(name, value, 1, 100000, false, &options->power_w);
    }
    if (strcmp(name, "duty") == 0) {
        const bool good = read_number(name, value, 0, 100, false, &number);
        options->duty_ratio = number / 100;
        return good;
    }
    return read_pool_option(current_pool(options), name, value);
}

/* "--url A --url B --user W" means W for both. */
static void share_users(struct mine_options *options)
{
    for (size_t i = options->pool_count; i-- > 1;) {
        const struct miner_pool *later = &options->pools[i];
        struct miner_pool *pool = &options->pools[i - 1];
        if (pool->user == NULL) {
            pool->user = later->user;
            pool->password = later->password;
        }
    }
}

static int check(const struct mine_options *options)
{
    if (options->pool_count == 0 || options->pools[0].user == NULL) {
        (void)fputs("mine: expected --url and --user; --help tells more\n", stderr);
        return 2;
    }
    return MINE_GO_ON;
}

int mine_read_options(struct mine_options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"url", required_argument, NULL, 'o'},
        {"user", required_argument, NULL, 'o'},
        {"password", required_argument, NULL, 'o'},
        {"fee", required_argument, NULL, 'o'},
        {"cookie-file", required_argument, NULL, 'o'},
        {"rpc-user", required_argument, NULL, 'o'},
        {"rpc-password", required_argument, NULL, 'o'},
        {"ca-file", required_argument, NULL, 'o'},
        {"tls-pin", required_argument, NULL, 'o'},
        {"proxy", required_argument, NULL, 'o'},
        {"proxy-user", required_argument, NULL, 'o'},
        {"proxy-password", required_argument, NULL, 'o'},
        {"insecure", no_argument, NULL, 'o'},
        {"threads", required_argument, NULL, 'o'},
        {"kernel", required_argument, NULL, 'o'},
        {"duty", required_argument, NULL, 'o'},
        {"power", required_argument, NULL, 'o'},
        {"seconds", required_argument, NULL, 'o'},
        {"every", required_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int index = 0;
    int found = 0;
    *options = (struct mine_options){.duty_ratio = 1, .every_s = 10};
    options->pools[0].password = "x";
    options->pools[0].tls_verify = true;
    optind = 1;
    while ((found = getopt_long(argc, argv, "", known, &index)) != -1) {
        if (found == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (found != 'o' || !read_option(options, known[index].name, optarg)) {
            return 2;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "mine: expected options only, got '%s'\n", argv[optind]);
        return 2;
    }
    share_users(options);
    return check(options);
}
