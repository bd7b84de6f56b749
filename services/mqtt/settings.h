/* The [mqtt] section as values. */
#ifndef BUSBAR_MQTT_SETTINGS_H
#define BUSBAR_MQTT_SETTINGS_H

#include "common/config.h"

#define BB_MQTT_BASE_MAX 65
#define BB_MQTT_PASSWORD_MAX 256

struct bb_mqtt_settings {
    /* Texts live as long as the configuration; "" when not set. */
    const char *host, *username, *tls_ca_file, *tls_cert_file, *tls_key_file, *base;
    char password[BB_MQTT_PASSWORD_MAX];
    char client_id[BB_MQTT_BASE_MAX + 96];
    int port, keepalive_s;
    bool tls, tls_insecure, retain_state;
    int64_t min_interval_ms, max_interval_ms;
};

/* Reads the section, and the password file when there is one. hostname goes into the client id
 * when none is configured. BB_OK or BB_ERR_CONFIG; problem never contains the password. */
int bb_mqtt_settings_read(const struct bb_config *config, const char *hostname,
                          struct bb_mqtt_settings *ret_settings, struct bb_problem *problem);

#endif
