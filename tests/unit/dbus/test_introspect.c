#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sample.h"
#include "services/dbus/introspect.h"

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void test_each_child_is_named_once(void **state)
{
    (void)state;
    struct sample sample;
    sample_open(&sample, false);
    char *root = bb_introspect(sample.items, "/");
    assert_int_equal(occurrences(root, "<node name=\"Dc\"/>"), 1);
    assert_int_equal(occurrences(root, "<node name=\"Soc\"/>"), 1);
    assert_int_equal(occurrences(root, "<node name=\"System\"/>"), 1);
    assert_int_equal(occurrences(root, "GetItems"), 1);
    assert_int_equal(occurrences(root, "SetValue"), 0);
    free(root);
    char *node = bb_introspect(sample.items, "/Voltages");
    assert_int_equal(occurrences(node, "<node name=\"Cell1\"/>"), 1);
    assert_int_equal(occurrences(node, "<node name=\"Cell"), 16);
    free(node);
    char *leaf = bb_introspect(sample.items, "/Voltages/Cell1");
    assert_int_equal(occurrences(leaf, "<node name"), 0);
    assert_int_equal(occurrences(leaf, "SetValue"), 1);
    free(leaf);
    assert_null(bb_introspect(sample.items, "/Voltages/Cell"));
    sample_close(&sample);
}

static void test_an_empty_service_has_a_root(void **state)
{
    (void)state;
    struct bb_items *items = bb_items_new();
    char *root = bb_introspect(items, "/");
    assert_non_null(root);
    assert_int_equal(occurrences(root, "<node name"), 0);
    free(root);
    bb_items_destroy(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_child_is_named_once),
        cmocka_unit_test(test_an_empty_service_has_a_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
