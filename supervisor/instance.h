/* Which processes a configuration asks for, and what a new configuration changes. Pure. */
#ifndef BUSBAR_SUPERVISOR_INSTANCE_H
#define BUSBAR_SUPERVISOR_INSTANCE_H

#include "common/config.h"
#include "proto/message/battery.h"

#define BB_PROCESSES_MAX 64 /* a house has a dozen; each takes memory and a restart budget */

struct bb_instance {
    char name[BB_ID_MAX];    /* "serial-rack", "aggregator" */
    char program[BB_ID_MAX]; /* "serial" */
    char section[BB_ID_MAX]; /* "rack" of [serial rack], "" of a section without name */
    int order;               /* low first */
    uint64_t fingerprint;    /* of every option value the process can see */
};

/* The processes of config in start order, then in file order. Returns how many there are, or
 * BB_ERR_OVERSIZE (more than BB_PROCESSES_MAX, or a name too long) or BB_ERR_DUPLICATE (two of
 * one name) with problem filled; ret_instances has room for BB_PROCESSES_MAX. */
int bb_instances(const struct bb_config *config, struct bb_instance *ret_instances,
                 struct bb_problem *problem);

enum bb_change {
    BB_CHANGE_KEEP,    /* in both, sees the same options: must not notice */
    BB_CHANGE_START,   /* only in the new configuration */
    BB_CHANGE_STOP,    /* only in the old one */
    BB_CHANGE_RESTART, /* in both, sees other options */
};

/* What becomes of instance, one of the old or the new list. */
enum bb_change bb_instance_change(const struct bb_instance *instance,
                                  const struct bb_instance *before, size_t before_count,
                                  const struct bb_instance *after, size_t after_count);

/* The instance of that name, or NULL. */
const struct bb_instance *bb_instance_find(const struct bb_instance *instances, size_t count,
                                           const char *name);

#endif
