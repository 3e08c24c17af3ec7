/* The demo pool's command line. */
#ifndef HB_TESTS_POOL_OPTIONS_H
#define HB_TESTS_POOL_OPTIONS_H

#include "tests/pool/pool.h"

/* Fills `options`, defaults first. False with the reason; `*help` says that help was asked for. */
bool options_parse(struct pool_options *options, int argc, char **argv, bool *help,
                   struct hb_err *err);
void options_print_help(void);

#endif
