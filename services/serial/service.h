/* The reader of one serial port: the port, the wire on it and the bus, put together.
 *
 *   service.c   life of the process and of the port
 *   report.c    battery and link messages, identity, log lines
 *   command.c   commands from the bus
 */
#ifndef BUSBAR_SERVICES_SERIAL_SERVICE_H
#define BUSBAR_SERVICES_SERIAL_SERVICE_H

#include "common/actor.h"
#include "common/reader/control.h"
#include "common/reader/identity.h"
#include "services/serial/port.h"
#include "services/serial/settings.h"
#include "services/serial/wire.h"

struct bb_serial_station {
    struct bb_device device;
    struct bb_control_gate gate;
    char topic[BB_TOPIC_MAX];                                   /* of its link messages */
    char state[sizeof(((struct bb_link *)0)->state)];           /* as last published */
    char last_error[sizeof(((struct bb_link *)0)->last_error)]; /* as last published */
    bool complained;                                            /* its silence was reported */
    uint64_t logged; /* exchanges of its trace that were logged */
};

struct bb_serial {
    struct bb_actor *actor;
    struct bb_serial_settings settings;
    struct bb_identity_book book;
    struct bb_port *port;
    struct bb_wire *wire;
    bool up, writing;
    bool master_reported; /* another master on this wire, since the port was opened */
    int wake_timer, retry_timer, write_timer;
    int64_t wake_ms;  /* when wake_timer fires */
    uint64_t changes; /* of the links that were published */
    int64_t retry_ms, opened_ms;
    char trouble[sizeof(((struct bb_problem *)0)->what)]; /* why the port is not open, as logged */
    struct bb_serial_station stations[BB_WIRE_STATIONS_MAX];
    struct bb_message message; /* the one being made */
};

/* report.c */

/* Prepares what messages say about each battery; BB_ERR_CONFIG for a name that is no text. */
int bb_serial_report_start(struct bb_serial *serial, struct bb_problem *problem);
/* A station has a new state: decides whose it is and publishes it. */
void bb_serial_publish_battery(struct bb_serial *serial, size_t station);
/* Publishes all links, every second; logs what changed for people. */
void bb_serial_publish_links(struct bb_serial *serial);
/* Publishes the links whose state or trouble is another since. Cheap when there is none. */
void bb_serial_publish_changes(struct bb_serial *serial);
void bb_serial_report_status(struct bb_serial *serial);
void bb_serial_report_master(struct bb_serial *serial);

/* command.c */

void bb_serial_take_command(struct bb_serial *serial, const struct bb_message *message);
/* A command has ended: sends the reply. */
void bb_serial_reply_result(struct bb_serial *serial, size_t station);
/* Answers for commands the battery has not confirmed in time. */
void bb_serial_expire_commands(struct bb_serial *serial);

/* service.c: bytes may want to leave, timers may have moved. */
void bb_serial_pump(struct bb_serial *serial);

extern const struct bb_service bb_serial_service;

#endif
