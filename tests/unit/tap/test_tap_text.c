#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/tap/text.h"

static void foreign(const char *in, size_t size, const char *wanted)
{
    char buffer[32];
    struct bb_text text = bb_text_in(buffer, sizeof buffer);
    bb_text_add_foreign(&text, in, size);
    assert_string_equal(buffer, wanted);
    assert_int_equal(text.used, strlen(wanted));
}

static void test_printable_text_passes(void **state)
{
    (void)state;
    const char *text = "23 °C, 3 €, \xf0\x9f\x94\x8b";
    foreign(text, strlen(text), text);
    foreign("", 0, "");
}

static void test_nothing_steers_the_terminal(void **state)
{
    (void)state;
    foreign("a\033[31mb\n\r\x7f", 10, "a?[31mb???");
    foreign("\xc2\x9b"
            "2J",
            4, "??2J");
    foreign("a\0b", 3, "a?b");
}

static void test_what_is_not_utf8_becomes_question_marks(void **state)
{
    (void)state;
    foreign("\xff\xfe", 2, "??");
    foreign("a\xc3", 2, "a?");
    foreign("\xe2\x82x", 3, "??x");
}

static void test_full_buffer_cuts(void **state)
{
    (void)state;
    char buffer[6];
    struct bb_text text = bb_text_in(buffer, sizeof buffer);
    bb_text_add(&text, "%s", "123456789");
    assert_string_equal(buffer, "12345");
    bb_text_add(&text, "x");
    bb_text_add_foreign(&text, "y", 1);
    assert_string_equal(buffer, "12345");
    text = bb_text_in(buffer, sizeof buffer);
    bb_text_add_foreign(&text, "1234°", 6); /* a character is not cut in two */
    assert_string_equal(buffer, "1234");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printable_text_passes),
        cmocka_unit_test(test_nothing_steers_the_terminal),
        cmocka_unit_test(test_what_is_not_utf8_becomes_question_marks),
        cmocka_unit_test(test_full_buffer_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
