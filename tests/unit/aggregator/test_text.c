#include "support.h"

#include <string.h>

#include "services/aggregator/text.h"

static void test_append(void **state)
{
    (void)state;
    char text[12] = "";
    bb_text_append_item(text, sizeof text, ", ", "one");
    bb_text_append_item(text, sizeof text, ", ", "two");
    assert_string_equal(text, "one, two");
    bb_text_append(text, sizeof text, NULL);
    bb_text_append(text, sizeof text, " three");
    assert_string_equal(text, "one, two th");
    bb_text_append(text, sizeof text, "more");
    assert_string_equal(text, "one, two th");
}

static void test_cuts_between_characters(void **state)
{
    (void)state;
    char text[8] = "abcde";
    bb_text_append(text, sizeof text, "\xe2\x82\xac"); /* three bytes, room for two */
    assert_string_equal(text, "abcde");
    bb_text_append(text, sizeof text, "\xc3\xa4\xc3\xb6");
    assert_string_equal(text, "abcde\xc3\xa4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
