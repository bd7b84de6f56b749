/* A BMS wire protocol as a state machine in plain memory ("driver").
 *
 * A driver is given the time and what arrived (bytes, CAN frames, notifications) and gives back
 * the next transmission, the time it wants to be woken and decoded battery states. It opens
 * nothing, sleeps never, reads no clock, allocates nothing, keeps no state outside the memory
 * its host hands it. Same inputs and times give the same outputs, so that the reader, a replay,
 * the conformance runner and the fuzzer run the same code.
 *
 * One instance speaks for one battery: one address on one wire, one CAN node, one BLE device.
 * The host owns the wire. It asks each instance in turn for its next transmission (next), sends
 * it once the line has been silent for silence_ms, reports that it left (sent), and feeds what
 * arrives (receive) until the instance no longer waits (waiting). Senders that speak unasked
 * never have a next transmission; they are simply fed.
 *
 * Times are monotonic milliseconds. A driver never trusts what arrives: a frame counts only with
 * right start, length, checksum, address and command; everything else increments a counter.
 */
#ifndef BUSBAR_PROTO_BMS_DRIVER_H
#define BUSBAR_PROTO_BMS_DRIVER_H

#include "proto/message/battery.h"

#define BB_REQUEST_MAX 128 /* bytes of one transmission */
#define BB_NEVER_MS INT64_MAX

enum bb_medium { BB_MEDIUM_SERIAL, BB_MEDIUM_CAN, BB_MEDIUM_BLE };

/* GATT profile a driver speaks to on BLE. UUIDs are lower-case 128-bit text. */
struct bb_ble_profile {
    const char *service; /* NULL: any service that has both characteristics */
    const char *notify;
    const char *write;
    bool write_with_response;
};

/* How a protocol is carried on one medium; a driver has one entry per medium it works on. */
struct bb_transport {
    enum bb_medium medium;
    uint32_t bit_rate;                    /* serial baud or CAN bit/s; 0 on BLE */
    uint16_t address_first, address_last; /* range on the wire; both 0: no addresses */
    uint16_t address_default;
    uint32_t silence_ms;              /* quiet line needed before a request */
    uint32_t period_ms;               /* time between two states, by default */
    uint8_t ble_count;                /* profiles to try, first match wins */
    const struct bb_ble_profile *ble; /* NULL but on BLE */
    const struct bb_can_filter
        *can_filter; /* ids it listens to, ended by mask 0; NULL but on CAN */
};

struct bb_can_filter {
    uint32_t id, mask;
    bool extended;
    bool adds_address; /* the identifier is id + address */
};

/* What arrived in one piece: a chunk of a byte stream, a CAN frame, a notification. */
struct bb_packet {
    const uint8_t *data;
    size_t size;
    uint32_t id;     /* CAN identifier */
    bool extended;   /* CAN: 29-bit identifier */
    uint8_t channel; /* BLE: 0 notify characteristic */
};

/* A transmission a driver asks its host for. */
struct bb_request {
    uint8_t data[BB_REQUEST_MAX];
    size_t size;
    uint32_t id;         /* CAN identifier */
    bool extended;       /* CAN: 29-bit identifier */
    uint32_t silence_ms; /* quiet line needed before it may leave */
};

/* One option of a driver, as text from the configuration (or a vector's "config"). */
struct bb_driver_setting {
    const char *name, *value;
};

struct bb_driver_config {
    enum bb_medium medium;
    uint16_t address;   /* as on the wire; ignored when the transport has no addresses */
    uint32_t period_ms; /* time between two states; 0: as fast as the wire allows */
    const struct bb_driver_setting *settings;
    size_t setting_count;
};

/* What happened since the last call of event(). */
enum bb_event {
    BB_EVENT_NONE,
    BB_EVENT_STATE,          /* a complete new state is ready: fetch it with battery() */
    BB_EVENT_FAILED,         /* a poll ended without one (see counters); the battery is silent */
    BB_EVENT_FOREIGN_MASTER, /* another master asks on this wire */
    BB_EVENT_COMMAND         /* the last command ended: fetch it with result() */
};

struct bb_counters {
    uint64_t requests, replies, timeouts, checksum_errors, garbage_bytes, foreign_frames,
        rejected_values;
    uint64_t conflicts; /* times two devices were found to use one address */
};

/* A write to the BMS, from a command message. */
struct bb_control {
    char verb[32]; /* charge_fet, discharge_fet, balance_fet, soc */
    double value;
    int64_t wall_ms; /* Unix time, for a BMS that sets its clock along; 0: not known */
};

struct bb_control_result {
    bool done;            /* confirmed by the BMS */
    char reason[96];      /* why not, or what confirmed it */
    struct bb_real value; /* read back */
};

struct bb_driver;

/* Methods of a driver. self is state_size bytes owned by the host, aligned for any type. */
struct bb_driver_ops {
    /* Prepares self. Refuses settings it does not understand and addresses out of range. */
    int (*open)(const struct bb_driver *driver, void *self, const struct bb_driver_config *config,
                struct bb_problem *problem);
    /* The wire came up or went down: partial frames and outstanding requests are dropped, and a
     * new session starts (identity is read again). An instance begins with the wire down. */
    void (*link)(void *self, bool up, int64_t now_ms);
    /* Something arrived, in any split or merge, garbage included. */
    void (*receive)(void *self, const struct bb_packet *packet, int64_t now_ms);
    /* Time has passed; to be called at wake_ms() at the latest. */
    void (*tick)(void *self, int64_t now_ms);
    /* True: there is something to transmit now, and ret_request says what. Without sent() the
     * same request is offered again. */
    bool (*next)(void *self, int64_t now_ms, struct bb_request *ret_request);
    /* The request offered last has left the wire at now_ms; the answer's time-out starts. */
    void (*sent)(void *self, int64_t now_ms);
    /* True while an answer is expected and nobody else may use the wire. */
    bool (*waiting)(const void *self);
    /* When tick() or next() must be called again at the latest; BB_NEVER_MS: only on receive. */
    int64_t (*wake_ms)(const void *self);
    /* Takes one event at a time until BB_EVENT_NONE. */
    enum bb_event (*event)(void *self);
    /* The last complete state and the time its oldest essential value arrived; before the
     * first BB_EVENT_STATE an empty one and -1. */
    void (*battery)(const void *self, struct bb_battery *ret_battery, int64_t *ret_time_ms);
    const struct bb_counters *(*counters)(const void *self);
    /* Accepts a write to be sent next. BB_ERR_UNSUPPORTED, BB_ERR_RANGE, BB_ERR_BUSY. */
    int (*command)(void *self, const struct bb_control *control, int64_t now_ms,
                   struct bb_problem *problem);
    void (*result)(const void *self, struct bb_control_result *ret_result);
};

/* A driver: constant, one per wire protocol, listed in registry.c. */
struct bb_driver {
    const char *id;    /* "jbd": in the configuration, topics and vectors */
    const char *title; /* "JBD / LLT / Overkill Solar": for people */
    const struct bb_transport *transports;
    size_t transport_count;
    size_t state_size; /* at most BB_DRIVER_STATE_MAX */
    const struct bb_driver_ops *ops;
    const void *spec; /* tables of the engine behind ops (poll.h, listen.h) */
};

#define BB_DRIVER_STATE_MAX 32768

/* The driver of that id, or NULL. */
const struct bb_driver *bb_driver_find(const char *id);

/* All drivers, in the order detection tries them; index from 0, NULL after the last. */
const struct bb_driver *bb_driver_at(size_t index);

/* How driver works on medium, or NULL when it does not. */
const struct bb_transport *bb_driver_transport(const struct bb_driver *driver,
                                               enum bb_medium medium);

#endif
