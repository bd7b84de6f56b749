/* Where the sockets of a run directory are. */
#ifndef BUSBAR_COMMON_BUS_PATHS_H
#define BUSBAR_COMMON_BUS_PATHS_H

#define BB_BUS_PUBLISH "bus.pub"    /* publishers connect here (bus: XSUB) */
#define BB_BUS_SUBSCRIBE "bus.sub"  /* subscribers connect here (bus: XPUB) */
#define BB_CONTROL_SOCKET "control" /* supervisor's control socket */
#define BB_NOTIFY_SOCKET "notify"   /* supervisor's READY/WATCHDOG socket */

#define BB_DEFAULT_CONFIG "/etc/busbar/busbar.conf"
#define BB_DEFAULT_RUN_DIR "/run/busbar"
#define BB_DEFAULT_STATE_DIR "/var/lib/busbar"
#define BB_RUN_DIR_ENV "BUSBAR_RUN_DIR"

#endif
