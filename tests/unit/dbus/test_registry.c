#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/dbus/registry.h"

struct place {
    char folder[64];
    char path[96];
    char damaged[112];
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    (void)snprintf(place->folder, sizeof place->folder, "/tmp/bb-registry-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    (void)snprintf(place->path, sizeof place->path, "%s/dbus.json", place->folder);
    (void)snprintf(place->damaged, sizeof place->damaged, "%s.damaged", place->path);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    (void)unlink(place->path);
    (void)rmdir(place->folder);
    free(place);
    return 0;
}

static struct bb_registry *reopened(const struct place *place)
{
    struct bb_registry *registry = bb_registry_new(place->path);
    assert_int_equal(bb_registry_load(registry, NULL), BB_OK);
    return registry;
}

static void write_file(const struct place *place, const char *text)
{
    FILE *file = fopen(place->path, "we");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void test_instances_are_unique_and_stay(void **state)
{
    const struct place *place = *state;
    static const struct bb_instances nobody;
    struct bb_registry *registry = reopened(place);
    assert_int_equal(bb_registry_choose(registry, "a", 10, &nobody), 10);
    assert_int_equal(bb_registry_choose(registry, "b", 10, &nobody), 11);
    assert_int_equal(bb_registry_choose(registry, "a", 40, &nobody), 10);
    assert_int_equal(bb_registry_save(registry), BB_OK);
    bb_registry_destroy(&registry);
    assert_null(registry);
    registry = reopened(place);
    assert_int_equal(bb_registry_choose(registry, "b", 1, &nobody), 11);
    assert_int_equal(bb_registry_choose(registry, "c", 10, &nobody), 12);
    assert_int_equal(bb_registry_instance(registry, "a"), 10);
    assert_int_equal(bb_registry_instance(registry, "z"), -1);
    bb_registry_destroy(&registry);
}

static void test_instances_of_others_are_avoided(void **state)
{
    const struct place *place = *state;
    struct bb_instances others = {.taken = {[10] = true, [12] = true}};
    struct bb_registry *registry = reopened(place);
    assert_int_equal(bb_registry_choose(registry, "a", 10, &others), 11);
    assert_int_equal(bb_registry_choose(registry, "b", 10, &others), 13);
    others.taken[11] = true; /* somebody took it while we were away */
    assert_int_equal(bb_registry_choose(registry, "a", 10, &others), 14);
    assert_int_equal(bb_registry_choose(registry, "c", 255, &others), 255);
    assert_int_equal(bb_registry_choose(registry, "d", 255, &others), 0); /* goes round */
    memset(others.taken, true, sizeof others.taken);
    assert_int_equal(bb_registry_choose(registry, "e", 10, &others), BB_ERR_RANGE);
    bb_registry_destroy(&registry);
}

static void test_a_given_instance_replaces_ours(void **state)
{
    const struct place *place = *state;
    static const struct bb_instances nobody;
    struct bb_registry *registry = reopened(place);
    assert_int_equal(bb_registry_choose(registry, "a", 10, &nobody), 10);
    assert_int_equal(bb_registry_set_instance(registry, "b", 10), BB_OK);
    assert_int_equal(bb_registry_instance(registry, "a"), -1);
    assert_int_equal(bb_registry_choose(registry, "a", 10, &nobody), 11);
    assert_int_equal(bb_registry_set_instance(registry, "b", 256), BB_ERR_RANGE);
    bb_registry_destroy(&registry);
}

static void test_names_are_saved_at_once(void **state)
{
    const struct place *place = *state;
    static const struct bb_instances nobody;
    struct bb_registry *registry = reopened(place);
    assert_string_equal(bb_registry_name(registry, "a"), "");
    (void)bb_registry_choose(registry, "a", 10, &nobody);
    assert_int_equal(bb_registry_set_name(registry, "a", "Gar\xc3\xa4ge \"1\""), BB_OK);
    bb_registry_destroy(&registry);
    registry = reopened(place);
    assert_string_equal(bb_registry_name(registry, "a"), "Gar\xc3\xa4ge \"1\"");
    bb_registry_destroy(&registry);
}

static void test_a_name_that_cannot_be_saved_is_refused(void **state)
{
    (void)state;
    struct bb_registry *registry = bb_registry_new("/nonexistent/dbus.json");
    assert_int_equal(bb_registry_set_name(registry, "a", "x"), BB_ERR_IO);
    assert_string_equal(bb_registry_name(registry, "a"), "");
    bb_registry_destroy(&registry);
    registry = bb_registry_new(NULL);
    assert_int_equal(bb_registry_set_name(registry, "a", "x"), BB_ERR_UNSUPPORTED);
    assert_int_equal(bb_registry_save(registry), BB_OK);
    assert_int_equal(bb_registry_load(registry, NULL), BB_OK);
    bb_registry_destroy(&registry);
}

static void test_a_damaged_file_is_discarded_whole(void **state)
{
    const struct place *place = *state;
    static const struct {
        const char *text;
        int error;
    } cases[] = {
        {"", BB_ERR_MALFORMED},
        {"[]", BB_ERR_MALFORMED},
        {"{\"version\": 1, \"batteries\": {\"a\": {\"instance\": 1}}", BB_ERR_MALFORMED},
        {"{\"batteries\": {}}", BB_ERR_VERSION},
        {"{\"version\": 2, \"batteries\": {}}", BB_ERR_VERSION},
        {"{\"version\": 1}", BB_ERR_TYPE},
        {"{\"version\": 1, \"batteries\": {\"a\": {\"instance\": 1}, \"b\": 5}}", BB_ERR_RANGE},
        {"{\"version\": 1, \"batteries\": {\"a\": {\"instance\": 256}}}", BB_ERR_RANGE},
        {"{\"version\": 1, \"batteries\": {\"a\": {\"instance\": -1}}}", BB_ERR_RANGE},
        {"{\"version\": 1, \"batteries\": {\"a\": {\"instance\": 1}, \"b\": {\"instance\": 1}}}",
         BB_ERR_DUPLICATE},
        {"{\"version\": 1, \"batteries\": {\"a\": {\"instance\": 1, \"name\": 4}}}", BB_ERR_TYPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bb_problem problem = {.where = ""};
        write_file(place, cases[i].text);
        struct bb_registry *registry = bb_registry_new(place->path);
        assert_int_equal(bb_registry_load(registry, &problem), cases[i].error);
        assert_string_equal(problem.where, place->path);
        assert_int_equal(bb_registry_instance(registry, "a"), -1);
        bb_registry_destroy(&registry);
        assert_int_not_equal(access(place->path, F_OK), 0);
        assert_int_equal(unlink(place->damaged), 0); /* kept beside */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_instances_are_unique_and_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instances_of_others_are_avoided, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_given_instance_replaces_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_are_saved_at_once, setup, teardown),
        cmocka_unit_test(test_a_name_that_cannot_be_saved_is_refused),
        cmocka_unit_test_setup_teardown(test_a_damaged_file_is_discarded_whole, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
