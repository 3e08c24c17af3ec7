#include "mqtt/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

static enum outbox_put put(struct outbox *outbox, const char *topic, const char *text)
{
    const struct outbox_message message = {topic, text, strlen(text), 1, true};
    return outbox_put(outbox, &message);
}

static void assert_takes(struct outbox *outbox, const char *topic, const char *text)
{
    const struct outbox_message *message = outbox_take(outbox);
    assert_non_null(message);
    assert_string_equal(message->topic, topic);
    assert_int_equal(message->len, strlen(text));
    assert_memory_equal(message->payload, text, message->len);
    assert_int_equal(message->qos, 1);
    assert_true(message->retain);
}

static void keeps_the_newest_of_each_topic_in_order(void **state)
{
    (void)state;
    struct outbox *outbox = outbox_create(3);
    assert_int_equal(put(outbox, "a", "1"), OUTBOX_ADDED);
    assert_int_equal(put(outbox, "b", "2"), OUTBOX_ADDED);
    assert_int_equal(put(outbox, "c", "3"), OUTBOX_ADDED);
    assert_int_equal(put(outbox, "d", "4"), OUTBOX_REFUSED);
    assert_int_equal(put(outbox, "b", "a longer one"), OUTBOX_REPLACED);
    assert_int_equal(put(outbox, "a", ""), OUTBOX_REPLACED);
    assert_int_equal(outbox_waiting(outbox), 3);
    assert_takes(outbox, "a", "");
    assert_takes(outbox, "b", "a longer one");
    assert_takes(outbox, "c", "3");
    assert_null(outbox_take(outbox));
    outbox_destroy(outbox);
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    struct outbox *outbox = outbox_create(1);
    char *bytes = calloc(1, OUTBOX_PAYLOAD_MAX + 1);
    struct outbox_message message = {"a", bytes, OUTBOX_PAYLOAD_MAX, 0, false};
    assert_int_equal(outbox_put(outbox, &message), OUTBOX_ADDED);
    message.len++;
    assert_int_equal(outbox_put(outbox, &message), OUTBOX_REFUSED);
    assert_int_equal(outbox_take(outbox)->len, OUTBOX_PAYLOAD_MAX);
    free(bytes);
    outbox_destroy(outbox);
}

static void a_loss_brings_back_what_was_not_acknowledged(void **state)
{
    (void)state;
    struct outbox *outbox = outbox_create(8);
    (void)put(outbox, "a", "1");
    (void)put(outbox, "b", "2");
    (void)put(outbox, "c", "3");
    (void)put(outbox, "d", "4");
    assert_takes(outbox, "a", "1");
    assert_takes(outbox, "b", "2");
    assert_takes(outbox, "c", "3");
    outbox_acknowledged(outbox, 2); /* a arrived */
    assert_int_equal(outbox_in_flight(outbox), 2);
    (void)put(outbox, "c", "newer");
    outbox_lost(outbox);
    assert_int_equal(outbox_in_flight(outbox), 0);
    assert_takes(outbox, "b", "2");
    assert_takes(outbox, "d", "4");
    assert_takes(outbox, "c", "newer");
    assert_null(outbox_take(outbox));
    outbox_destroy(outbox);
}

static void what_was_not_taken_over_goes_back_to_the_front(void **state)
{
    (void)state;
    struct outbox *outbox = outbox_create(8);
    (void)put(outbox, "a", "1");
    (void)put(outbox, "b", "2");
    assert_takes(outbox, "a", "1");
    outbox_untake(outbox);
    assert_takes(outbox, "a", "1");
    outbox_forget(outbox);
    assert_takes(outbox, "b", "2");
    (void)put(outbox, "b", "3");
    outbox_untake(outbox);
    assert_takes(outbox, "b", "3");
    assert_null(outbox_take(outbox));
    outbox_untake(outbox);
    outbox_forget(outbox);
    outbox_forget(outbox);
    outbox_destroy(outbox);
    outbox_destroy(NULL);
}

/* The same as above at random, against a plain list of the newest text of each topic. */
static void holds_the_newest_whatever_happens(void **state)
{
    (void)state;
    enum { TOPICS = 40 };
    unsigned newest[TOPICS] = {0};
    unsigned arrived[TOPICS] = {0};
    struct outbox *outbox = outbox_create(TOPICS);
    srand(1);
    for (unsigned step = 1; step <= 20000; step++) {
        char topic[16];
        char text[16];
        const int which = rand() % TOPICS;
        (void)snprintf(topic, sizeof topic, "t/%d", which);
        (void)snprintf(text, sizeof text, "%u", step);
        switch (rand() % 4) {
        case 0:
            assert_int_not_equal(put(outbox, topic, text), OUTBOX_REFUSED);
            newest[which] = step;
            break;
        case 1:
            assert_true(outbox_take(outbox) != NULL || outbox_waiting(outbox) == 0);
            break;
        case 2:
            outbox_untake(outbox);
            break;
        default:
            if (rand() % 20 == 0) {
                outbox_lost(outbox);
            }
        }
        assert_in_range(outbox_waiting(outbox), 0, TOPICS);
    }
    outbox_lost(outbox);
    const struct outbox_message *message = NULL;
    while ((message = outbox_take(outbox)) != NULL) {
        char text[16] = "";
        memcpy(text, message->payload, message->len);
        arrived[strtoul(message->topic + 2, NULL, 10)] = (unsigned)strtoul(text, NULL, 10);
    }
    assert_memory_equal(arrived, newest, sizeof newest);
    outbox_destroy(outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_newest_of_each_topic_in_order),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(a_loss_brings_back_what_was_not_acknowledged),
        cmocka_unit_test(what_was_not_taken_over_goes_back_to_the_front),
        cmocka_unit_test(holds_the_newest_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
