/* `heatbridge check`: tells whether a configuration is good, and what it comes to. */
#ifndef HB_BRIDGE_CHECK_COMMAND_H
#define HB_BRIDGE_CHECK_COMMAND_H

/* `check FILE` or `check --reference | --schema | --example | --help`; argv[0] is "check". Prints
 * to stdout, problems to stderr. Returns the exit status: 0 good, 2 bad usage or configuration. */
int check_command(int argc, char **argv);

#endif
