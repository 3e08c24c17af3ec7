/* What a good pool answers to a line, whatever carries it. */
#ifndef HB_TESTS_MINER_FAKE_TALK_H
#define HB_TESTS_MINER_FAKE_TALK_H

#include <stddef.h>

#define FAKE_DIFFICULTY 0.0001

enum fake_heard {
    FAKE_HEARD_OTHER,
    FAKE_HEARD_AUTHORIZE, /* answered with a difficulty and a job as well */
    FAKE_HEARD_GOOD_SHARE,
    FAKE_HEARD_BAD_SHARE,
};

/* The job that it gives, without the end of the line. */
const char *fake_notify(void);

/* Writes the answer, of which there may be none, and returns its length. A share is good if its
 * header, put together here, has a hash that meets the difficulty. */
size_t fake_answer(const char *line, char *out, size_t size, enum fake_heard *heard);

#endif
