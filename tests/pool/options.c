#include "tests/pool/options.h"

#include <stdio.h>
#include <string.h>

#include "ground/text.h"

static const char help_text[] =
    "usage: demo-pool [options]\n"
    "A Stratum V1 pool on 127.0.0.1 that checks every share itself; one JSON line per event.\n"
    "  --port P              port to listen on, 0 for a free one (default 0)\n"
    "  --job-interval S      seconds between jobs (default 10)\n"
    "  --clean-every N       every n-th job is a new block (default 3)\n"
    "  --difficulty D        of a new client (default 0.0005)\n"
    "  --share-interval S    seconds between shares that difficulties are adjusted to, 0: fixed\n"
    "                        (default 2)\n"
    "  --mask HEX8           bits for version rolling, 00000000: not offered (default 1fffe000)\n"
    "  --nbits HEX8          target of a block in every job, instead of the real blocks' own\n"
    "  --version HEX8        of all jobs, 00000000: those of the blocks (default)\n"
    "  --version-rule RULE   how version bits are applied: or (default), xor, replace\n"
    "  --extranonce2-size N  1 to 16 bytes (default 4)\n"
    "  --extranonce1 HEX     for every client, up to 16 bytes\n"
    "  --notify FILE         serve the recorded mining.notify parameters in FILE only\n"
    "  --seconds N           end after that time\n"
    "  --redirect HOST:PORT  where redirect-foreign sends clients (default evil.example:3333)\n"
    "  --misbehave KIND      one of:";

void options_print_help(void)
{
    (void)fputs(help_text, stdout);
    for (int i = 0; i < MISBEHAVE_COUNT; i++) {
        (void)printf(" %s", misbehave_name((enum misbehave)i));
    }
    (void)puts("\nSIGUSR1 prints a summary; SIGTERM, SIGINT and a closed standard output end it.");
}

static bool number_in(const char *text, double low, double high, double *value)
{
    return text_to_number(text, strlen(text), value) && *value >= low && *value <= high;
}

static bool set_integer(const char *text, double low, double high, int *value)
{
    double number = 0;
    bool good = number_in(text, low, high, &number) && number == (double)(int)number;
    *value = good ? (int)number : *value;
    return good;
}

static bool set_redirect(struct pool_options *o, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    if (len == 0 || len >= sizeof o->redirect_host) {
        return false;
    }
    text_copy_printable(o->redirect_host, sizeof o->redirect_host, text, len);
    return set_integer(colon + 1, 0, 65535, &o->redirect_port);
}

static bool set_extranonce1(struct pool_options *o, const char *text)
{
    uint8_t bytes[WORK_EXTRANONCE_MAX];
    size_t len = strlen(text) / 2;
    return len > 0 && len <= sizeof bytes && work_hex(text, bytes, len) &&
           text_copy(o->extranonce1_hex, sizeof o->extranonce1_hex, text);
}

static bool set_version_rule(struct pool_options *o, const char *text)
{
    static const char *const names[] = {
        [VERSION_OR] = "or", [VERSION_XOR] = "xor", [VERSION_REPLACE] = "replace"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], text) == 0) {
            o->version_rule = (enum version_rule)i;
            return true;
        }
    }
    return false;
}

static bool set_misbehave(struct pool_options *o, const char *text)
{
    o->misbehave = misbehave_find(text);
    return o->misbehave != MISBEHAVE_COUNT;
}

static bool set_ints(struct pool_options *o, const char *name, const char *value, bool *known)
{
    int number = 0;
    if (strcmp(name, "--port") == 0) {
        bool good = set_integer(value, 0, 65535, &number);
        o->port = (uint16_t)number;
        return good;
    }
    if (strcmp(name, "--clean-every") == 0) {
        return set_integer(value, 1, 1000, &o->clean_every);
    }
    if (strcmp(name, "--extranonce2-size") == 0) {
        bool good = set_integer(value, 1, WORK_EXTRANONCE_MAX, &number);
        o->extranonce2_size = (size_t)number;
        return good;
    }
    *known = false;
    return false;
}

static bool set_numbers(struct pool_options *o, const char *name, const char *value, bool *known)
{
    if (strcmp(name, "--job-interval") == 0) {
        return number_in(value, 0.01, 86400, &o->job_interval_s);
    }
    if (strcmp(name, "--difficulty") == 0) {
        return number_in(value, 1e-12, 1e12, &o->difficulty);
    }
    if (strcmp(name, "--share-interval") == 0) {
        return number_in(value, 0, 3600, &o->share_interval_s);
    }
    if (strcmp(name, "--seconds") == 0) {
        return number_in(value, 0, 1e9, &o->seconds);
    }
    return set_ints(o, name, value, known);
}

static bool set_option(struct pool_options *o, const char *name, const char *value, bool *known)
{
    if (strcmp(name, "--mask") == 0) {
        return work_hex32(value, &o->mask);
    }
    if (strcmp(name, "--nbits") == 0) {
        return work_hex32(value, &o->nbits) && o->nbits != 0;
    }
    if (strcmp(name, "--version") == 0) {
        return work_hex32(value, &o->version);
    }
    if (strcmp(name, "--version-rule") == 0) {
        return set_version_rule(o, value);
    }
    if (strcmp(name, "--extranonce1") == 0) {
        return set_extranonce1(o, value);
    }
    if (strcmp(name, "--notify") == 0) {
        return text_copy(o->notify_file, sizeof o->notify_file, value);
    }
    if (strcmp(name, "--redirect") == 0) {
        return set_redirect(o, value);
    }
    if (strcmp(name, "--misbehave") == 0) {
        return set_misbehave(o, value);
    }
    return set_numbers(o, name, value, known);
}

bool options_parse(struct pool_options *options, int argc, char **argv, bool *help,
                   struct hb_err *err)
{
    *options = (struct pool_options){.job_interval_s = 10,
                                     .difficulty = 0.0005,
                                     .share_interval_s = 2,
                                     .mask = 0x1fffe000,
                                     .extranonce2_size = 4,
                                     .clean_every = 3,
                                     .redirect_host = "evil.example",
                                     .redirect_port = 3333};
    for (int i = 1; i < argc; i += 2) {
        bool known = true;
        if (strcmp(argv[i], "--help") == 0) {
            *help = true;
            return true;
        }
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!set_option(options, argv[i], value, &known)) {
            return known ? hb_fail(err, HB_ERR_USAGE, "%s: expected another value, got '%s'",
                                   argv[i], value)
                         : hb_fail(err, HB_ERR_USAGE, "expected an option of --help, got '%s'",
                                   argv[i]);
        }
    }
    return true;
}
