#include <stdlib.h>
#include <unistd.h>

#include "services/sim/settings.h"
#include "tests/unit/sim/fixture.h"

static struct bb_config *load(const char *content)
{
    char path[] = "/tmp/busbar-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    struct bb_config *config = NULL;
    assert_int_equal(bb_config_load(path, NULL, NULL, &config), BB_OK);
    assert_int_equal(unlink(path), 0);
    return config;
}

static void test_defaults(void **state)
{
    (void)state;
    struct bb_config *config = load("[sim x]\n");
    struct bb_sim_bench bench;
    struct bb_sim_settings settings;
    struct bb_problem problem;
    assert_int_equal(bb_sim_settings_load(config, "x", &bench, &settings, &problem), BB_OK);
    assert_string_equal(bench.line.protocol->id, "jbd");
    assert_int_equal(bench.line.board_count, 1);
    assert_int_equal(bench.plant.count, 1);
    assert_true(bench.plant.profile.count > 1);
    assert_near(bench.plant.time_s, 9 * 3600, 0);
    assert_string_equal(settings.bank, "bank");
    assert_true(bench.obeys_bank);
    assert_int_equal(settings.baud, 9600);
    assert_int_equal(bench.line.turnaround_ms, 40);
    bb_config_destroy(&config);
}

static void test_everything_set(void **state)
{
    (void)state;
    struct bb_config *config =
        load("[sim rack]\ndriver = jk-pb\naddresses = 0x01, 0x02, 5\ncells = 8\ncapacity = 280\n"
             "soc = 12.5\nsensors = 4\nambient_temperature = -3\nmax_charge_current = 50\n"
             "max_discharge_current = 60\nbalance_current = 2\nspeed = 60\nstart = 13:30\n"
             "profile = 06:00=100, 18:00=-100\nbank = none\npace = yes\nturnaround = 7\n"
             "echo = yes\nbaud = 57600\nlink = tty0\nfaults = 0x02:loss=5, freeze\n");
    struct bb_sim_bench bench;
    struct bb_sim_settings settings;
    struct bb_problem problem;
    assert_int_equal(bb_sim_settings_load(config, "rack", &bench, &settings, &problem), BB_OK);
    const struct bb_sim_pack_setup *setup = &bench.line.boards[2].pack.setup;
    assert_int_equal(bench.line.board_count, 3);
    assert_int_equal(bench.line.boards[2].address, 5);
    assert_int_equal(setup->cell_count, 8);
    assert_int_equal(setup->sensor_count, 4);
    assert_near(setup->capacity_ah, 280, 0);
    assert_near(bb_sim_pack_soc(&bench.line.boards[2].pack), 12.5, 1e-9);
    assert_near(setup->ambient_c, -3, 0);
    assert_near(setup->charge_limit_a, 50, 0);
    assert_near(setup->discharge_limit_a, 60, 0);
    assert_near(setup->balance_a, 2, 0);
    assert_int_equal(setup->balancer, BB_SIM_BALANCER_ACTIVE);
    assert_near(bench.speed, 60, 0);
    assert_near(bench.plant.time_s, 13.5 * 3600, 0);
    assert_int_equal(bench.plant.profile.count, 2);
    assert_false(bench.obeys_bank);
    assert_true(bench.line.paced && bench.line.echo);
    assert_int_equal(bench.line.turnaround_ms, 7);
    assert_int_equal(settings.baud, 57600);
    assert_string_equal(settings.link, "tty0");
    assert_near(bench.line.boards[1].faults.value[BB_SIM_FAULT_LOSS], 5, 0);
    assert_near(bench.line.boards[0].faults.value[BB_SIM_FAULT_LOSS], 0, 0);
    assert_near(bench.line.boards[0].faults.value[BB_SIM_FAULT_FREEZE], 1, 0);
    bb_config_destroy(&config);
}

static void test_what_does_not_fit_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *content, *option, *text;
    } wrong[] = {
        {"driver = jk-pb\naddresses = 16\n", "addresses", "not 0x10"},
        {"driver = jbd\naddresses = 0, 0\n", "addresses", "twice"},
        {"profile = 06:00=1, 05:00=2\n", "profile", "ascend"},
        {"start = noon\n", "start", "HH:MM"},
        {"faults = sulk\n", "faults", "sulk"},
        {"faults = 0x09:loss=1\n", "faults", "0x09"},
        {"driver = daly\naddresses = 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, "
         "0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x40\n",
         "addresses", "more than 16"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char content[512];
        struct bb_sim_bench bench;
        struct bb_sim_settings settings;
        struct bb_problem problem = {0};
        (void)snprintf(content, sizeof content, "[sim x]\n%s", wrong[i].content);
        struct bb_config *config = load(content);
        assert_int_equal(bb_sim_settings_load(config, "x", &bench, &settings, &problem),
                         BB_ERR_CONFIG);
        assert_string_equal(problem.where, wrong[i].option);
        assert_non_null(strstr(problem.what, wrong[i].text));
        assert_non_null(strstr(problem.what, "[sim x]"));
        bb_config_destroy(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_set),
        cmocka_unit_test(test_what_does_not_fit_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
