#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/tap/line.h"

static const struct bb_line_style plain = {.topic_width = 12};
static const struct bb_line_style coloured = {.topic_width = 12, .colour = true};

static struct bb_message message;
static char line[BB_LINE_MAX];

static struct bb_message *fresh(const char *topic)
{
    memset(&message, 0, sizeof message);
    message.topic_class = (enum bb_topic_class)bb_topic_parse(topic, strlen(topic));
    (void)snprintf(message.topic, sizeof message.topic, "%s", topic);
    message.head.interval_ms = bb_integer(1000);
    return &message;
}

static const char *shown(int64_t age_ms, const struct bb_line_style *style)
{
    bb_line_message(&message, age_ms, style, line, sizeof line);
    return line;
}

static void set(char *text, size_t capacity, const char *value)
{
    (void)snprintf(text, capacity, "%s", value);
}
#define SET(member, value) set((member), sizeof(member), (value))

static void fill_battery(struct bb_battery *battery)
{
    battery->voltage = bb_real(53.2141);
    battery->current = bb_real(-12.3);
    battery->soc = bb_real(81.5);
    battery->cells_count = 3;
    battery->cells[0].voltage = bb_real(3.331);
    battery->cells[1].voltage = bb_real(3.320);
    battery->cells[2].voltage = bb_real(3.325);
    battery->cells[2].balance = bb_flag(true);
    battery->temperature_1 = bb_real(21);
    battery->temperature_2 = bb_real(-3.5);
    battery->temperature_mos = bb_real(30);
    battery->charge_fet = bb_flag(true);
    battery->discharge_fet = bb_flag(false);
}

static void test_battery(void **state)
{
    (void)state;
    fill_battery(&fresh("battery/a")->body.battery);
    assert_string_equal(shown(1234, &plain), "battery/a       1.2 s   53.214 V    -12.30 A   81.5 %"
                                             "  cells 3.320..3.331 V (C2..C1 of 3)  balancing 1"
                                             "  T -3.5..21.0 °C  MOS 30.0 °C  FET C+ D-");
}

static void test_absent_values_are_never_zero(void **state)
{
    (void)state;
    (void)fresh("battery/a");
    assert_string_equal(shown(0, &plain), "battery/a       0.0 s        - V         - A      - %");
}

static void test_alarms_and_colours(void **state)
{
    (void)state;
    struct bb_protection *protection = &fresh("battery/a")->body.battery.protection;
    protection->high_voltage = bb_integer(0);
    protection->low_soc = bb_integer(1);
    protection->internal_failure = bb_integer(2);
    assert_non_null(strstr(shown(0, &plain), "  protection: low_soc 1, internal_failure 2"));
    assert_null(strstr(line, "\033"));
    (void)shown(0, &coloured);
    assert_non_null(strstr(line, "\033[33mlow_soc 1\033[0m"));
    assert_non_null(strstr(line, "\033[31minternal_failure 2\033[0m"));
}

static void test_age(void **state)
{
    (void)state;
    (void)fresh("battery/a");
    assert_non_null(strstr(shown(-1, &plain), "battery/a       ahead"));
    assert_non_null(strstr(shown(999900, &plain), "  999.9 s"));
    assert_non_null(strstr(shown(2000000, &plain), "   33 min"));
    assert_non_null(strstr(shown(86400000, &plain), "     24 h"));
    assert_null(strstr(shown(4000, &coloured), "\033[33m"));
    assert_non_null(strstr(shown(6000, &coloured), "\033[33m    6.0 s\033[0m"));
    assert_non_null(strstr(shown(20000, &coloured), "\033[31m   20.0 s\033[0m"));
}

static void test_charge(void **state)
{
    (void)state;
    struct bb_charge *charge = &fresh("charge/bank")->body.charge;
    SET(charge->kind, "bank");
    SET(charge->link, "online");
    SET(charge->mode, "Bulk");
    charge->voltage = bb_real(53.2);
    charge->current = bb_real(10);
    charge->soc = bb_real(50);
    charge->cvl = bb_real(55.2);
    SET(charge->cvl_reason, "cell_voltage");
    charge->ccl = bb_real(0);
    charge->modules_online = bb_integer(2);
    charge->modules_offline = bb_integer(1);
    charge->alarms.low_voltage = bb_integer(2);
    assert_string_equal(shown(10, &plain),
                        "charge/bank     0.0 s   53.200 V    +10.00 A   50.0 %  online"
                        "  CVL 55.20 V (cell_voltage)  CCL 0.00 A  DCL missing  Bulk"
                        "  modules 2  offline 1  alarms: low_voltage 2");
    SET(charge->link, "lost");
    assert_non_null(strstr(shown(10, &coloured), "\033[31mlost\033[0m"));
}

static void test_link(void **state)
{
    (void)state;
    struct bb_link *link = &fresh("link/s/0x01")->body.link;
    SET(link->state, "online");
    SET(link->driver, "jbd");
    SET(link->address, "0x01");
    SET(link->battery, "rack");
    SET(link->last_error, "no answer");
    link->requests = bb_integer(100);
    link->timeouts = bb_integer(3);
    link->checksum_errors = bb_integer(0);
    link->period_ms = bb_integer(1001);
    assert_string_equal(shown(10, &plain),
                        "link/s/0x01     0.0 s  online  jbd 0x01  -> rack  requests 100"
                        "  period 1001 ms  timeouts 3  last: no answer");
}

static void test_health(void **state)
{
    (void)state;
    struct bb_health *health = &fresh("health/bus")->body.health;
    health->pid = bb_integer(42);
    health->uptime_ms = bb_integer(90500);
    health->cpu_ms = bb_integer(250);
    health->memory_kb = bb_integer(2048);
    health->messages_refused = bb_integer(1);
    SET(health->status, "forwarding");
    assert_string_equal(shown(10, &plain),
                        "health/bus      0.0 s  pid 42  up   90.5 s  cpu 0.2 s  2.0 MB  refused 1"
                        "  forwarding");
}

static void test_command_and_reply(void **state)
{
    (void)state;
    struct bb_command *command = &fresh("command/a")->body.command;
    SET(command->verb, "charge_fet");
    SET(command->correlation, "c1");
    SET(command->origin, "cli");
    command->value = bb_real(1);
    assert_string_equal(shown(0, &plain), "command/a       0.0 s  charge_fet 1  #c1  from cli");
    struct bb_reply *reply = &fresh("reply/a")->body.reply;
    SET(reply->verb, "charge_fet");
    SET(reply->correlation, "c1");
    SET(reply->reason, "not allowed");
    reply->done = bb_flag(false);
    assert_string_equal(shown(0, &plain),
                        "reply/a         0.0 s  charge_fet  #c1  refused: not allowed");
    reply->done = bb_flag(true);
    reply->reason[0] = '\0';
    assert_string_equal(shown(0, &plain), "reply/a         0.0 s  charge_fet  #c1  done");
}

static void test_log_cannot_steer_the_terminal(void **state)
{
    (void)state;
    struct bb_log_line *log = &fresh("log/bus")->body.log;
    SET(log->level, "warning");
    SET(log->text, "evil \033[2J line");
    log->repeated = bb_integer(7);
    assert_string_equal(shown(0, &plain),
                        "log/bus         0.0 s  warning: evil ?[2J line (7 times before)");
}

static void test_refused_and_raw(void **state)
{
    (void)state;
    struct bb_problem problem = {.where = "data.voltage", .what = "expected a number"};
    bb_line_refused("battery/\033", 9, 33, &problem, &plain, line, sizeof line);
    assert_string_equal(line,
                        "battery/?     not readable: data.voltage: expected a number (33 bytes)");
    bb_line_raw("battery/a", 9, (const uint8_t *)"\x00\xff", 2, &plain, line, sizeof line);
    assert_string_equal(line, "battery/a     [2]  00 ff");
}

static void test_longest_line_is_cut(void **state)
{
    (void)state;
    struct bb_log_line *log = &fresh("log/a-very-long-name-of-a-process")->body.log;
    memset(log->text, 'x', sizeof log->text - 1);
    char small[40];
    bb_line_message(&message, 0, &plain, small, sizeof small);
    assert_int_equal(strlen(small), sizeof small - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_battery),
        cmocka_unit_test(test_absent_values_are_never_zero),
        cmocka_unit_test(test_alarms_and_colours),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_charge),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_command_and_reply),
        cmocka_unit_test(test_log_cannot_steer_the_terminal),
        cmocka_unit_test(test_refused_and_raw),
        cmocka_unit_test(test_longest_line_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
