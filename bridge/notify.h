/* Telling systemd how we are (sd_notify(3)'s datagram), without its library. */
#ifndef HB_BRIDGE_NOTIFY_H
#define HB_BRIDGE_NOTIFY_H

/* Sends "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1" or "STATUS=..." to $NOTIFY_SOCKET;
 * does nothing when that is not set. Never blocks, never fails visibly. */
void notify_send(const char *state);

#endif
