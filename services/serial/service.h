/* The reader of one serial port: the port, the wire on it and the bus, put together.
 *
 *   service.c   life of the process and of the port, commands
 *   report.c    links, raw bytes and status, for the bus and for people
 */
#ifndef BUSBAR_SERVICES_SERIAL_SERVICE_H
#define BUSBAR_SERVICES_SERIAL_SERVICE_H

#include "common/reader/reader.h"
#include "services/serial/port.h"
#include "services/serial/settings.h"
#include "services/serial/wire.h"

struct bb_serial {
    struct bb_actor *actor;
    struct bb_serial_settings settings;
    struct bb_identity_book book;
    struct bb_reader reader; /* its stations are those of the wire, in the same order */
    struct bb_port *port;
    struct bb_wire *wire;
    bool up, writing;
    bool announced;       /* that the port is open was logged */
    bool master_reported; /* another master on this wire, since the port was opened */
    int wake_timer, retry_timer, write_timer;
    int64_t wake_ms;  /* when wake_timer fires */
    uint64_t changes; /* of the links that were published */
    int64_t retry_ms, opened_ms;
    char trouble[sizeof(((struct bb_problem *)0)->what)]; /* why the port is not open, as logged */
    uint64_t logged[BB_WIRE_STATIONS_MAX]; /* exchanges of each station's trace already logged */
    struct bb_battery battery;             /* the one being published */
};

/* Publishes all links, every second; logs what changed for people. */
void bb_serial_publish_links(struct bb_serial *serial);
/* Publishes the links whose state or trouble is another since. Cheap when there is none. */
void bb_serial_publish_changes(struct bb_serial *serial);
void bb_serial_report_status(struct bb_serial *serial);
void bb_serial_report_master(struct bb_serial *serial);

extern const struct bb_service bb_serial_service;

#endif
