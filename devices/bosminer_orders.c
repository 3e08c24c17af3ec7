/* How an order is carried out: off by the API or the service, never by the file; a power by the
 * file, and only if it differs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/bosminer_inside.h"
#include "ground/text.h"

enum {
    PAUSE_MS = 60000,   /* ramping down takes 15 s [documentation]; then its service is stopped */
    START_MS = 90000,   /* that its miner may take to answer after a start                    */
    RELOAD_MS = 300000, /* before a limit that was not taken over is asked for again          */
    ATTEMPTS_MOST = 3,
};

static void refuse(struct bosminer_heater *b, const struct heater_command *order,
                   const char *sentence)
{
    if (order != NULL) {
        b->env.refused(b->env.report_ctx, order->seq, sentence);
    }
}

/* --- the two files -------------------------------------------------------------------------------
 */

static void drop(char **bytes, size_t *len)
{
    free(*bytes);
    *bytes = NULL;
    *len = 0;
}

void bosminer_drop_files(struct bosminer_heater *b)
{
    drop(&b->before, &b->before_len);
    drop(&b->after, &b->after_len);
}

static bool keep(char **bytes, size_t *len, const char *text, size_t text_len)
{
    char *copy = malloc(text_len + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, text, text_len);
    free(*bytes);
    *bytes = copy;
    *len = text_len;
    return true;
}

static bool is_same(const struct bosminer_reading *reading, const char *bytes, size_t len)
{
    return reading->text != NULL && bytes != NULL && reading->len == len &&
           memcmp(reading->text, bytes, len) == 0;
}

/* Begins to replace what has the hash `found` by `bytes`. */
static enum errand_step send_file(struct bosminer_heater *b, enum bosminer_request request,
                                  const char found[BOSMINER_HASH], const char *bytes, size_t len)
{
    char hash[BOSMINER_HASH];
    char script[BOSMINER_SCRIPT_MAX];
    bosminer_hash(bytes, len, hash);
    bosminer_write_script(found, hash, script);
    const enum errand_step step = bosminer_command(b, request, script, bytes, len);
    if (step == ERRAND_ASKED) {
        b->env.wrote(b->env.report_ctx, WRITE_FLASH);
    }
    return step;
}

static enum errand_step write_file(struct bosminer_heater *b, unsigned watts)
{
    char hash[BOSMINER_HASH];
    char *patched = malloc(b->before_len + 16);
    size_t len = 0;
    if (patched == NULL ||
        !bosminer_file_patch(b->before, b->before_len, watts, patched, b->before_len + 16, &len) ||
        !bosminer_file_alike(b->before, b->before_len, patched, len)) {
        free(patched);
        return ERRAND_LATER;
    }
    drop(&b->after, &b->after_len);
    b->after = patched;
    b->after_len = len;
    bosminer_hash(b->before, b->before_len, hash);
    b->check_due = true; /* whatever becomes of the connection */
    b->looked = false;
    return send_file(b, WRITE, hash, patched, len);
}

/* --- what is next --------------------------------------------------------------------------------
 */

static enum errand_step command(struct bosminer_heater *b, enum bosminer_request request,
                                const char *script)
{
    const enum errand_step step = bosminer_command(b, request, script, NULL, 0);
    if (step == ERRAND_ASKED && request >= RELOAD) {
        b->env.wrote(b->env.report_ctx, WRITE_VOLATILE);
    }
    return step;
}

static enum errand_step ask(struct bosminer_heater *b, enum bosminer_request request)
{
    const enum errand_step step = bosminer_ask(b, request);
    if (step == ERRAND_ASKED) {
        b->env.wrote(b->env.report_ctx, WRITE_VOLATILE);
    }
    return step;
}

static bool is_off(const struct bosminer_heater *b)
{
    return b->mode == MODE_PAUSED || b->mode == MODE_STOPPED;
}

/* It was told to pause and does not; or nobody answers who could be told. */
static bool must_be_stopped(const struct bosminer_heater *b, hb_mono now)
{
    if (b->mode == MODE_RUNNING) {
        return b->pause_useless ||
               (mono_is_set(b->paused_at) && mono_age_ms(now, b->paused_at) >= PAUSE_MS);
    }
    return mono_is_set(b->api_lost_at) && mono_age_ms(now, b->api_lost_at) >= START_MS;
}

static enum errand_step switch_off(struct bosminer_heater *b, hb_mono now)
{
    if (is_off(b)) {
        return ERRAND_DONE;
    }
    if (must_be_stopped(b, now)) {
        return command(b, STOP, bosminer_stop_script);
    }
    if (b->mode == MODE_RUNNING && !mono_is_set(b->paused_at)) {
        return ask(b, PAUSE);
    }
    return ERRAND_LATER;
}

/* What was begun with the file, to its end; ERRAND_DONE if there is nothing. */
static enum errand_step finish_file(struct bosminer_heater *b)
{
    if (b->undo_due) {
        return send_file(b, UNDO, b->found, b->before, b->before_len);
    }
    if (b->check_due) {
        return command(b, b->undone ? CHECK_UNDONE : CHECK, bosminer_read_script);
    }
    return ERRAND_DONE;
}

/* To begin to mine, or to mine at another limit. */
static enum errand_step run_it(struct bosminer_heater *b, unsigned watts, hb_mono now)
{
    if (b->mode == MODE_STOPPED) {
        return command(b, START, bosminer_start_script);
    }
    if (b->reload_due) {
        return command(b, RELOAD, bosminer_reload_script);
    }
    if (b->mode == MODE_PAUSED) {
        return ask(b, RESUME);
    }
    const bool deaf =
        b->looked && b->mode == MODE_RUNNING && isfinite(b->limit_w) &&
        lround(b->limit_w) != (long)watts &&
        (!mono_is_set(b->reloaded_at) || mono_age_ms(now, b->reloaded_at) >= RELOAD_MS);
    return deaf ? command(b, RELOAD, bosminer_reload_script) : ERRAND_DONE;
}

static enum errand_step switch_on(struct bosminer_heater *b, const struct heater_command *order,
                                  hb_mono now)
{
    const unsigned watts = (unsigned)lround(order->power_w);
    const bool as_wanted = isfinite(b->limit_w) && lround(b->limit_w) == (long)watts;
    if (!b->looked && (b->reload_due || !as_wanted)) {
        return command(b, LOOK, bosminer_read_script);
    }
    if (b->looked && b->file.watts != watts) {
        return write_file(b, watts);
    }
    return run_it(b, watts, now);
}

/* Nobody wants anything: only that what was begun is ended. */
static enum errand_step tidy_up(struct bosminer_heater *b, hb_mono now)
{
    if (mono_is_set(b->paused_at) && b->mode == MODE_RUNNING) {
        return switch_off(b, now);
    }
    if (b->reload_due && b->mode == MODE_RUNNING) {
        return command(b, RELOAD, bosminer_reload_script);
    }
    return ERRAND_DONE;
}

/* The next order looks at the file anew. */
static enum errand_step end_of(struct bosminer_heater *b, enum errand_step step)
{
    if (step == ERRAND_DONE || step == ERRAND_LATER) {
        b->looked = false;
    }
    if (step == ERRAND_DONE) {
        b->attempts = 0;
        bosminer_drop_files(b);
    }
    return step;
}

enum errand_step bosminer_write(void *self, const struct heater_command *order, hb_mono now)
{
    struct bosminer_heater *b = self;
    const bool off = order != NULL && order->power_w <= 0;
    enum errand_step step = ERRAND_DONE;
    if (off && !is_off(b)) {
        return end_of(b, switch_off(b, now)); /* before all else */
    }
    step = finish_file(b);
    if (step != ERRAND_DONE) {
        return step;
    }
    if (order != NULL && !off) {
        step = switch_on(b, order, now);
    } else if (order == NULL) {
        step = tidy_up(b, now);
    }
    return end_of(b, step);
}

/* A new file that waits for a heater that is off does not matter until it is switched on. */
bool bosminer_unfinished(const void *self)
{
    const struct bosminer_heater *b = self;
    return b->check_due || b->undo_due ||
           (b->mode == MODE_RUNNING && (b->reload_due || mono_is_set(b->paused_at)));
}

void bosminer_abandon(void *self)
{
    struct bosminer_heater *b = self;
    b->looked = b->check_due = b->undo_due = b->undone = b->reload_due = false;
    b->pause_useless = false;
    b->paused_at = b->reloaded_at = (hb_mono){0};
    b->attempts = 0;
    bosminer_drop_files(b);
}

/* --- what came of it
 * ------------------------------------------------------------------------------
 */

/* What goes by itself is waited for; what does not, needs its owner. */
static enum errand_step take_failure(struct bosminer_heater *b, const struct heater_command *order)
{
    const enum ssh_end end = b->ssh_end;
    const bool passing = end == SSH_LATE || end == SSH_BROKEN || end == SSH_UNREACHABLE;
    if (end == SSH_DROPPED) {
        return ERRAND_LATER;
    }
    ssh_explain(end, &b->target, b->env.id, b->obstacle, sizeof b->obstacle);
    if (passing && ++b->attempts < ATTEMPTS_MOST) {
        return ERRAND_LATER;
    }
    refuse(b, order, b->obstacle);
    b->attempts = 0;
    return order != NULL ? ERRAND_LEAVE : ERRAND_LATER;
}

static enum errand_step take_look(struct bosminer_heater *b, const struct heater_command *order,
                                  const struct remote_answer *answer)
{
    struct bosminer_reading reading;
    char mac[sizeof b->mac];
    (void)text_copy(mac, sizeof mac, b->mac);
    if (!bosminer_take_device(b, answer, &reading)) {
        return take_failure(b, order);
    }
    if (mac[0] != '\0' && strcmp(mac, b->mac) != 0) {
        return ERRAND_LATER; /* it reports itself as what it is first */
    }
    if (b->obstacle[0] != '\0') {
        refuse(b, order, b->obstacle);
        return ERRAND_LEAVE;
    }
    if (!keep(&b->before, &b->before_len, reading.text, reading.len)) {
        return ERRAND_LATER;
    }
    b->file = bosminer_file_read(b->before, b->before_len);
    b->looked = true;
    return ERRAND_NEXT;
}

static void explain_write(const struct remote_answer *answer, char *sentence, size_t size)
{
    char words[120];
    text_copy_printable(words, sizeof words, answer->why, strcspn(answer->why, "\r\n"));
    if (answer->status == BOSMINER_ABSENT) {
        (void)snprintf(sentence, size,
                       "it has no plain file /etc/bosminer.toml: save its settings "
                       "on its web page once");
    } else if (strstr(answer->why, "No space left") != NULL) {
        (void)snprintf(sentence, size,
                       "its flash memory is full, so its power stays as it is: "
                       "remove files from it, or install its firmware anew");
    } else if (strstr(answer->why, "Read-only file system") != NULL) {
        (void)snprintf(sentence, size,
                       "its file system is read-only, so its power stays as it is: "
                       "restart it; if that does not help, its flash memory fails");
    } else {
        (void)snprintf(sentence, size,
                       "its power stays as it is, as writing its file fails with "
                       "status %d: %s",
                       answer->status, words[0] != '\0' ? words : "it does not say why");
    }
}

/* Unless it was written, or nobody knows, the old file stands. */
static enum errand_step take_write(struct bosminer_heater *b, const struct heater_command *order,
                                   const struct remote_answer *answer)
{
    char sentence[TEXT_MAX];
    if (!answer->ok) {
        return take_failure(b, order);
    }
    if (answer->status == BOSMINER_WRITTEN) {
        return ERRAND_NEXT;
    }
    b->check_due = false;
    const bool passing = answer->status == BOSMINER_CHANGED || answer->status == BOSMINER_CUT;
    if (passing && ++b->attempts < ATTEMPTS_MOST) {
        hb_log(b->env.log, LOG_LEVEL_INFO, b->env.id, "its file was %s, so it is read anew",
               answer->status == BOSMINER_CHANGED ? "changed by somebody else meanwhile"
                                                  : "not taken whole");
        return ERRAND_NEXT;
    }
    explain_write(answer, sentence, sizeof sentence);
    refuse(b, order, sentence);
    b->attempts = 0;
    return ERRAND_LEAVE;
}

static enum errand_step take_check(struct bosminer_heater *b, const struct heater_command *order,
                                   const struct remote_answer *answer)
{
    struct bosminer_reading reading;
    if (!bosminer_take_device(b, answer, &reading)) {
        return take_failure(b, order);
    }
    if (is_same(&reading, b->after, b->after_len)) {
        b->check_due = false;
        b->reload_due = true;
        (void)keep(&b->before, &b->before_len, reading.text, reading.len);
        b->file = bosminer_file_read(b->before, b->before_len);
        b->looked = true;
    } else if (is_same(&reading, b->before, b->before_len)) {
        b->check_due = false; /* the connection broke before it took place */
        b->looked = true;
    } else if (reading.text == NULL) {
        return ERRAND_LATER;
    } else {
        (void)text_copy(b->found, sizeof b->found, reading.hash);
        b->undo_due = true;
    }
    return ERRAND_NEXT;
}

static enum errand_step take_undo(struct bosminer_heater *b, const struct heater_command *order,
                                  const struct remote_answer *answer)
{
    if (!answer->ok) {
        return take_failure(b, order);
    }
    b->undo_due = false;
    b->undone = true; /* and see what there is now */
    return ERRAND_NEXT;
}

static enum errand_step take_undone(struct bosminer_heater *b, const struct heater_command *order,
                                    const struct remote_answer *answer)
{
    struct bosminer_reading reading;
    if (!bosminer_take_device(b, answer, &reading)) {
        return take_failure(b, order);
    }
    const bool restored = is_same(&reading, b->before, b->before_len);
    const char *sentence =
        restored ? "its file differed in more than the power after it was written, so the old one "
                   "was put back"
                 : "its file differs in more than the power after it was written, and the old one "
                   "could not be put back: check its settings on its web page";
    hb_log(b->env.log, LOG_LEVEL_WARN, b->env.id, "%s", sentence);
    refuse(b, order, sentence);
    b->check_due = b->undone = false;
    return order != NULL ? ERRAND_LEAVE : ERRAND_NEXT;
}

static enum errand_step take_service(struct bosminer_heater *b, const struct heater_command *order,
                                     const struct remote_answer *answer, hb_mono now)
{
    static const char *const words[] = {
        [RELOAD] = "restarted", [START] = "started", [STOP] = "stopped"};
    const enum bosminer_request request = (enum bosminer_request)answer->request;
    char sentence[TEXT_MAX];
    if (!answer->ok) {
        return take_failure(b, order);
    }
    if (answer->status != 0) {
        (void)snprintf(sentence, sizeof sentence,
                       "its bosminer could not be %s (status %d): restart the device",
                       words[request], answer->status);
        refuse(b, order, sentence);
        b->reload_due = false;
        return ERRAND_LEAVE;
    }
    bosminer_note_pause(b, false, now);
    if (request == STOP) {
        b->mode = MODE_STOPPED;
        b->running = 0;
    } else {
        b->mode = MODE_STARTING;
        b->running = 1;
        b->reload_due = false;
        b->reloaded_at = now;
        b->pause_useless = false; /* another process may obey */
    }
    return ERRAND_NEXT;
}

static enum errand_step take_pause(struct bosminer_heater *b, const struct remote_answer *answer,
                                   hb_mono now)
{
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    const bool obeys = bosminer_obeys(answer->body, answer->len, &b->faults);
    if (answer->request == PAUSE) {
        b->pause_useless = !obeys;
        bosminer_note_pause(b, obeys, now);
        return ERRAND_NEXT;
    }
    bosminer_note_pause(b, false, now);
    b->mode = MODE_STARTING;
    b->reload_due = b->reload_due || !obeys; /* which starts it, too */
    return ERRAND_NEXT;
}

static enum errand_step take_any(struct bosminer_heater *b, const struct heater_command *order,
                                 const struct remote_answer *answer, hb_mono now)
{
    switch (answer->request) {
    case LOOK:
        return take_look(b, order, answer);
    case WRITE:
        return take_write(b, order, answer);
    case CHECK:
        return take_check(b, order, answer);
    case UNDO:
        return take_undo(b, order, answer);
    case CHECK_UNDONE:
        return take_undone(b, order, answer);
    case PAUSE:
    case RESUME:
        return take_pause(b, answer, now);
    default:
        return take_service(b, order, answer, now);
    }
}

enum errand_step bosminer_wrote(void *self, const struct heater_command *order,
                                const struct remote_answer *answer, hb_mono now)
{
    struct bosminer_heater *b = self;
    const enum errand_step step = take_any(b, order, answer, now);
    if (step == ERRAND_LATER || step == ERRAND_LEAVE) {
        b->looked = false; /* by then the file may be another */
    }
    return step;
}
