/* Old Braiins OS: its answers, its file, and what its shell and the SSH client say, may be
 * anything. Nothing impossible comes out, and of a file that is patched nothing but the digits
 * differs. The first byte chooses the reader. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/bosminer_codec.h"
#include "devices/bosminer_file.h"
#include "devices/ssh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef bool (*reader)(const char *body, size_t len, struct bosminer *seen,
                       struct reply_faults *faults);
static const reader readers[] = {bosminer_read_tuner, bosminer_read_summary, bosminer_read_temps,
                                 bosminer_read_fans,  bosminer_read_pools,   bosminer_read_details};
enum { READERS = sizeof readers / sizeof readers[0], OBEYS = READERS, FILES, READING, WORDS, ALL };

static void check(bool fine)
{
    if (!fine) {
        abort();
    }
}

static void check_reader(reader read, const char *body, size_t len)
{
    struct bosminer seen;
    struct reply_faults faults = {0};
    bosminer_forget(&seen, (hb_mono){1000});
    (void)read(body, len, &seen, &faults);
    const struct heater_state *state = &seen.state;
    check(isnan(seen.limit_w) || seen.limit_w >= 0);
    check(!isinf(seen.shows_hs));
    check(!mono_is_set(state->power_w.at) || state->power_w.value >= 0);
    check(!mono_is_set(state->hashrate_hs.at) || isfinite(state->hashrate_hs.value));
    check(!mono_is_set(state->fan_ratio.at) ||
          (state->fan_ratio.value >= 0 && state->fan_ratio.value <= 1));
    check(!mono_is_set(state->chip_c.at) || state->chip_c.value > 0);
    check(memchr(state->pool, '\0', sizeof state->pool) != NULL);
    check(memchr(seen.tuner_words, '\0', sizeof seen.tuner_words) != NULL);
}

static void check_patch(const char *text, size_t len, unsigned watts)
{
    const struct bosminer_file file = bosminer_file_read(text, len);
    const size_t room = len + 8;
    size_t patched_len = 0;
    char *patched = malloc(room);
    check(patched != NULL);
    const bool done = bosminer_file_patch(text, len, watts, patched, room, &patched_len);
    check(done == (file.fault == BOSMINER_FINE));
    if (done) {
        const struct bosminer_file after = bosminer_file_read(patched, patched_len);
        check(after.fault == BOSMINER_FINE && after.watts == watts);
        check(file.begin < file.end && file.end <= len && after.begin == file.begin);
        check(memcmp(text, patched, file.begin) == 0);
        check(len - file.end == patched_len - after.end);
        check(memcmp(text + file.end, patched + after.end, len - file.end) == 0);
        check(bosminer_file_alike(text, len, patched, patched_len));
    }
    check((bosminer_fault_sentence(file.fault)[0] == '\0') == (file.fault == BOSMINER_FINE));
    free(patched);
}

static void check_reading(const char *out, size_t len)
{
    struct bosminer_reading reading;
    if (bosminer_read_output(out, len, &reading) && reading.text != NULL) {
        check(reading.text >= out && reading.text + reading.len == out + len);
        check(strlen(reading.hash) == BOSMINER_HASH - 1);
    }
}

static void check_words(const char *words)
{
    const struct program_result result = {.end = PROGRAM_EXITED, .status = 255, .words = words};
    const struct ssh_target target = {.host = "192.168.1.20", .port = 22};
    char sentence[TEXT_MAX];
    const enum ssh_end end = ssh_judge(&result);
    check(end != SSH_DONE && end != SSH_MISSING);
    ssh_explain(end, &target, "s9", sentence, sizeof sentence);
    check(sentence[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reply_faults faults = {0};
    if (size == 0) {
        return 0;
    }
    char *body = malloc(size);
    check(body != NULL);
    memcpy(body, data + 1, size - 1);
    body[size - 1] = '\0';
    const unsigned which = data[0] % ALL;
    if (which < READERS) {
        check_reader(readers[which], body, size - 1);
    } else if (which == OBEYS) {
        (void)bosminer_obeys(body, size - 1, &faults);
    } else if (which == FILES) {
        check_patch(body, size - 1, 1400);
        check_patch(body, size - 1, 0);
    } else if (which == READING) {
        check_reading(body, size - 1);
    } else {
        check_words(body);
    }
    free(body);
    return 0;
}
