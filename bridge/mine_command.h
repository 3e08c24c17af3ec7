/* `heatbridge mine`: the engine alone, as a plain miner. */
#ifndef HB_BRIDGE_MINE_COMMAND_H
#define HB_BRIDGE_MINE_COMMAND_H

/* Parses its own options (argv[0] is "mine"). Returns the exit status: 0 good, 1 no pool could be
 * worked for or the engine did not start, 2 bad usage. */
int mine_command(int argc, char **argv);

#endif
