#include "services/mqtt/settings.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "proto/message/topic.h"

#define PORT_PLAIN 1883
#define PORT_TLS 8883

static const char *text_of(const struct bb_config *config, const char *option)
{
    return bb_config_text(config, "mqtt", "", option);
}

static int64_t ms_of(const struct bb_config *config, const char *option)
{
    return llround(bb_config_real(config, "mqtt", "", option) * 1000);
}

/* First line of path. The buffer of the stream is on the stack, so that no copy of the password
 * stays on the heap. */
static int read_password(const char *path, char *ret_password, size_t capacity,
                         struct bb_problem *problem)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return bb_fail(problem, BB_ERR_CONFIG, "password_file", "%.80s: %s", path, strerror(errno));
    }
    char line[BB_MQTT_PASSWORD_MAX] = "";
    char buffer[BUFSIZ];
    (void)setvbuf(file, buffer, _IOFBF, sizeof buffer);
    bool got = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    memset(buffer, 0, sizeof buffer);
    size_t size = strcspn(line, "\r\n");
    if (!got || size == 0) {
        return bb_fail(problem, BB_ERR_CONFIG, "password_file", "%.80s: its first line is empty",
                       path);
    }
    if (size == sizeof line - 1) {
        return bb_fail(problem, BB_ERR_CONFIG, "password_file",
                       "%.80s: its first line is longer than %zu bytes", path, sizeof line - 2);
    }
    line[size] = '\0';
    (void)snprintf(ret_password, capacity, "%s", line);
    return BB_OK;
}

static int read_secrets(const struct bb_config *config, struct bb_mqtt_settings *settings,
                        struct bb_problem *problem)
{
    const char *path = text_of(config, "password_file");
    if (*path != '\0') {
        return read_password(path, settings->password, sizeof settings->password, problem);
    }
    const char *password = text_of(config, "password");
    if (strlen(password) >= sizeof settings->password) {
        return bb_fail(problem, BB_ERR_CONFIG, "password", "longer than %d bytes",
                       BB_MQTT_PASSWORD_MAX - 1);
    }
    (void)snprintf(settings->password, sizeof settings->password, "%s", password);
    return BB_OK;
}

/* Brokers accept at least letters and digits; the rest of a made name is kept harmless. */
static void make_client_id(const char *configured, const char *hostname, const char *base,
                           char *ret_id, size_t capacity)
{
    if (*configured != '\0') {
        (void)snprintf(ret_id, capacity, "%s", configured);
        return;
    }
    char host[64];
    char rest[BB_MQTT_BASE_MAX];
    bool usable = bb_id_from_text(host, sizeof host, hostname);
    (void)bb_id_from_text(rest, sizeof rest, base);
    (void)snprintf(ret_id, capacity, "busbar-%s-%s", usable ? host : "host", rest);
}

int bb_mqtt_settings_read(const struct bb_config *config, const char *hostname,
                          struct bb_mqtt_settings *ret_settings, struct bb_problem *problem)
{
    struct bb_mqtt_settings settings = {
        .host = text_of(config, "host"),
        .username = text_of(config, "username"),
        .tls_ca_file = text_of(config, "tls_ca_file"),
        .tls_cert_file = text_of(config, "tls_cert_file"),
        .tls_key_file = text_of(config, "tls_key_file"),
        .base = text_of(config, "base"),
        .port = (int)bb_config_integer(config, "mqtt", "", "port"),
        .keepalive_s = (int)bb_config_integer(config, "mqtt", "", "keepalive"),
        .tls = bb_config_switch(config, "mqtt", "", "tls"),
        .tls_insecure = bb_config_switch(config, "mqtt", "", "tls_insecure"),
        .retain_state = bb_config_switch(config, "mqtt", "", "retain_state"),
        .min_interval_ms = ms_of(config, "min_interval"),
        .max_interval_ms = ms_of(config, "max_interval"),
    };
    if (settings.port == 0) {
        settings.port = settings.tls ? PORT_TLS : PORT_PLAIN;
    }
    make_client_id(text_of(config, "client_id"), hostname, settings.base, settings.client_id,
                   sizeof settings.client_id);
    int error = read_secrets(config, &settings, problem);
    if (error == BB_OK) {
        *ret_settings = settings;
    }
    return error;
}
