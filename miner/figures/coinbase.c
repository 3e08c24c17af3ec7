#include "miner/figures/coinbase.h"

#include <inttypes.h>
#include <string.h>

enum { OP_1 = 0x51, OP_16 = 0x60, HEIGHT_BYTES_MAX = 4, OUTPOINT_BYTES = 36 };

/* A place in the transaction. Once it has failed it stays failed, and reads nothing but zeros. */
struct cursor {
    const struct coinbase_parts *parts;
    uint64_t at;
    bool failed;
};

static uint64_t total_len(const struct coinbase_parts *parts)
{
    return (uint64_t)parts->head_len + parts->gap_len + parts->tail_len;
}

static uint8_t read_byte(struct cursor *cursor)
{
    const struct coinbase_parts *parts = cursor->parts;
    const uint64_t at = cursor->at;
    const uint64_t tail_at = (uint64_t)parts->head_len + parts->gap_len;
    const bool in_head = at < parts->head_len;
    if (cursor->failed || (!in_head && (at < tail_at || at >= total_len(parts)))) {
        cursor->failed = true;
        return 0;
    }
    cursor->at++;
    return in_head ? parts->head[at] : parts->tail[at - tail_at];
}

static uint64_t read_number(struct cursor *cursor, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++) {
        number |= (uint64_t)read_byte(cursor) << (8 * i);
    }
    return cursor->failed ? 0 : number;
}

/* "CompactSize": one, three, five or nine bytes. */
static uint64_t read_count(struct cursor *cursor)
{
    const uint8_t first = read_byte(cursor);
    switch (first) {
    case 0xfd:
        return read_number(cursor, 2);
    case 0xfe:
        return read_number(cursor, 4);
    case 0xff:
        return read_number(cursor, 8);
    default:
        return first;
    }
}

/* Over known and unknown bytes alike. */
static void skip(struct cursor *cursor, uint64_t bytes)
{
    if (bytes > total_len(cursor->parts) - cursor->at) {
        cursor->failed = true;
    } else if (!cursor->failed) {
        cursor->at += bytes;
    }
}

/* The largest number that a push of so many bytes may hold; up to 16 there are opcodes. */
static uint64_t most_of(unsigned bytes)
{
    return bytes == 0 ? 16 : (UINT64_C(1) << (8 * bytes - 1)) - 1;
}

/* A push of the height in its only allowed form: positive, and the shortest that holds it. */
static bool read_height(struct cursor *script, uint32_t *height)
{
    const uint8_t opcode = read_byte(script);
    if (opcode >= OP_1 && opcode <= OP_16) {
        *height = opcode - OP_1 + 1U;
        return !script->failed;
    }
    if (opcode < 1 || opcode > HEIGHT_BYTES_MAX) {
        return false;
    }
    const uint64_t number = read_number(script, opcode);
    *height = (uint32_t)number;
    return !script->failed && number > most_of(opcode - 1U) && number <= most_of(opcode) &&
           number <= COINBASE_MOST_HEIGHT;
}

static bool read_input(struct cursor *cursor, struct coinbase *coinbase, struct hb_err *err)
{
    uint8_t outpoint[OUTPOINT_BYTES];
    static const uint8_t none[OUTPOINT_BYTES] = {[32] = 0xff, 0xff, 0xff, 0xff};
    for (size_t i = 0; i < sizeof outpoint; i++) {
        outpoint[i] = read_byte(cursor);
    }
    if (memcmp(outpoint, none, sizeof none) != 0) {
        return hb_fail(err, HB_ERR_INPUT, "coinbase: expected an input without a source");
    }
    const uint64_t script_len = read_count(cursor);
    struct cursor script = *cursor;
    skip(cursor, script_len);
    uint32_t height = 0;
    if (read_height(&script, &height) && script.at <= cursor->at) {
        coinbase->height_known = true;
        coinbase->height = height;
    }
    skip(cursor, 4); /* sequence */
    return !cursor->failed || hb_fail(err, HB_ERR_INPUT, "coinbase: its input has no end");
}

static bool read_outputs(struct cursor *cursor, struct coinbase *coinbase, struct hb_err *err)
{
    const uint64_t count = read_count(cursor);
    for (uint64_t i = 0; i < count && !cursor->failed; i++) {
        const uint64_t value_sat = read_number(cursor, 8);
        skip(cursor, read_count(cursor));
        if (value_sat > COINBASE_MOST_SAT || coinbase->reward_sat > COINBASE_MOST_SAT - value_sat) {
            return hb_fail(err, HB_ERR_INPUT, "coinbase: pays more than there can be");
        }
        coinbase->reward_sat += value_sat;
    }
    if (cursor->failed) {
        return hb_fail(err, HB_ERR_INPUT, "coinbase: an output is cut off or lies in the gap");
    }
    return count > 0 || hb_fail(err, HB_ERR_INPUT, "coinbase: expected an output, got none");
}

static void skip_witness(struct cursor *cursor)
{
    const uint64_t items = read_count(cursor);
    for (uint64_t i = 0; i < items && !cursor->failed; i++) {
        skip(cursor, read_count(cursor));
    }
}

bool coinbase_read(const struct coinbase_parts *parts, struct coinbase *coinbase,
                   struct hb_err *err)
{
    struct cursor cursor = {.parts = parts};
    *coinbase = (struct coinbase){0};
    skip(&cursor, 4); /* version */
    uint64_t inputs = read_count(&cursor);
    const bool witness = !cursor.failed && inputs == 0 && read_byte(&cursor) == 1;
    if (witness) {
        inputs = read_count(&cursor);
    }
    if (cursor.failed || inputs != 1) {
        return hb_fail(err, HB_ERR_INPUT, "coinbase: expected 1 input, got %" PRIu64, inputs);
    }
    if (!read_input(&cursor, coinbase, err) || !read_outputs(&cursor, coinbase, err)) {
        return false;
    }
    if (witness) {
        skip_witness(&cursor);
    }
    skip(&cursor, 4); /* lock time */
    if (cursor.failed || cursor.at != total_len(parts)) {
        return hb_fail(err, HB_ERR_INPUT,
                       "coinbase: expected to end at byte %" PRIu64 " of %" PRIu64, cursor.at,
                       total_len(parts));
    }
    return true;
}
