#include <string.h>

#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "host",
     .type = BB_OPTION_TEXT,
     .fallback = "127.0.0.1",
     .meaning = "Name or address of the broker."},
    {.name = "port",
     .type = BB_OPTION_INTEGER,
     .fallback = "0",
     .min = 0,
     .max = 65535,
     .meaning = "Port of the broker; 0: 1883, or 8883 with TLS."},
    {.name = "username", .type = BB_OPTION_TEXT, .fallback = "", .meaning = "User at the broker."},
    {.name = "password",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "Password of the user. Better kept in a file of its own, see password_file."},
    {.name = "password_file",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "File whose first line is the password."},
    {.name = "client_id",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "Name of this client at the broker, used by no other client; empty: made from the "
                "host's name and base."},
    {.name = "base",
     .type = BB_OPTION_TEXT,
     .fallback = "busbar",
     .meaning = "First part of every topic. Two Busbars at one broker need different ones."},
    {.name = "min_interval",
     .type = BB_OPTION_REAL,
     .fallback = "1",
     .min = 0.1,
     .max = 3600,
     .unit = "s",
     .meaning = "Shortest time between two states of a battery. Changed alarms do not wait."},
    {.name = "max_interval",
     .type = BB_OPTION_REAL,
     .fallback = "5",
     .min = 0.1,
     .max = 3600,
     .unit = "s",
     .meaning = "A state that has not changed is sent again after this time: the longest wait of "
                "a new subscriber, and what tells steady values from a dead publisher."},
    {.name = "retain_state",
     .type = BB_OPTION_SWITCH,
     .fallback = "no",
     .meaning = "The broker keeps the last state for later subscribers, who then must look at "
                "availability to know whether it is still true."},
    {.name = "keepalive",
     .type = BB_OPTION_INTEGER,
     .fallback = "30",
     .min = 5,
     .max = 3600,
     .unit = "s",
     .meaning = "The broker declares this client dead after one and a half times this silence."},
    {.name = "tls", .type = BB_OPTION_SWITCH, .fallback = "no", .meaning = "Encrypt with TLS."},
    {.name = "tls_ca_file",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "Certificates that sign the broker's; empty: those of the operating system."},
    {.name = "tls_cert_file",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "Certificate of this client, if the broker asks for one."},
    {.name = "tls_key_file",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "Key of tls_cert_file, without a passphrase."},
    {.name = "tls_insecure",
     .type = BB_OPTION_SWITCH,
     .fallback = "no",
     .meaning = "Accept a certificate made out for another name. For tests only."},
};

static const char *text_of(const struct bb_config *config, const char *option)
{
    return bb_config_text(config, "mqtt", "", option);
}

static bool is_set(const struct bb_config *config, const char *option)
{
    return *text_of(config, option) != '\0';
}

static int check_base(const char *base, struct bb_problem *problem)
{
    size_t size = strlen(base);
    if (size == 0 || size > 64 || strpbrk(base, "+#") || base[0] == '/' || base[0] == '$' ||
        base[size - 1] == '/') {
        return bb_fail(problem, BB_ERR_CONFIG, "base",
                       "1 to 64 bytes without + and #, not beginning with / or $, not ending "
                       "with /");
    }
    return BB_OK;
}

static int check(const struct bb_config *config, const char *name, struct bb_problem *problem)
{
    (void)name;
    if (!is_set(config, "host")) {
        return bb_fail(problem, BB_ERR_CONFIG, "host", "must not be empty");
    }
    if (is_set(config, "password") && is_set(config, "password_file")) {
        return bb_fail(problem, BB_ERR_CONFIG, "password_file", "password is set as well");
    }
    if ((is_set(config, "password") || is_set(config, "password_file")) &&
        !is_set(config, "username")) {
        return bb_fail(problem, BB_ERR_CONFIG, "username", "a password needs a username");
    }
    if (is_set(config, "tls_cert_file") != is_set(config, "tls_key_file")) {
        return bb_fail(problem, BB_ERR_CONFIG, "tls_cert_file", "goes with tls_key_file");
    }
    if (!bb_config_switch(config, "mqtt", "", "tls") &&
        (is_set(config, "tls_ca_file") || is_set(config, "tls_cert_file"))) {
        return bb_fail(problem, BB_ERR_CONFIG, "tls", "is off, but a certificate is named");
    }
    if (bb_config_real(config, "mqtt", "", "min_interval") >
        bb_config_real(config, "mqtt", "", "max_interval")) {
        return bb_fail(problem, BB_ERR_CONFIG, "min_interval", "is longer than max_interval");
    }
    return check_base(text_of(config, "base"), problem);
}

const struct bb_section bb_section_mqtt = {
    .name = "mqtt",
    .named = false,
    .program = "mqtt",
    .always = false,
    .order = 15,
    .reads = "busbar",
    .meaning = "Batteries on an MQTT broker.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
    .check = check,
};
