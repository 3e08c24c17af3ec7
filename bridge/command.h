/* The sub-commands of the program: what main() calls, one function each.
 *
 * Each gets its own words (argv[0] is its name), prints results on standard output and messages on
 * standard error, and returns the exit status: 0 good, 1 failed at run time, 2 bad usage or
 * configuration.
 */
#ifndef HB_BRIDGE_COMMAND_H
#define HB_BRIDGE_COMMAND_H

enum exit_status { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int run_command(int argc, char **argv);
int demo_command(int argc, char **argv);
int check_command(int argc, char **argv);
int discover_command(int argc, char **argv);
int mine_command(int argc, char **argv);
int bench_command(int argc, char **argv);
int simulate_command(int argc, char **argv);
int cosim_command(int argc, char **argv);

#endif
