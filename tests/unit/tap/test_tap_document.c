#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/message/message.h"
#include "services/tap/document.h"

static char *written(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    bb_document_write(file);
    (void)fclose(file);
    return text;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = NULL;
    size_t capacity = 0;
    ssize_t size = getdelim(&text, &capacity, '\0', file);
    (void)fclose(file);
    assert_true(size > 0);
    return text;
}

static void test_document_in_the_repository_is_up_to_date(void **state)
{
    (void)state;
    char *wanted = written();
    char *kept = read_file(DOCUMENT);
    bool equal = strcmp(wanted, kept) == 0;
    free(wanted);
    free(kept);
    if (!equal) {
        fail_msg("docs/messages.md is out of date: run busbar messages > docs/messages.md");
    }
}

static void expect_fields(const char *text, const struct bb_schema *schema, const char *path)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bb_field *field = &schema->fields[i];
        char row[128];
        (void)snprintf(row, sizeof row, "\n| `%s%s` | ", path, field->name);
        assert_non_null(strstr(text, row));
        if (field->schema) {
            (void)snprintf(row, sizeof row, "%s%s%s.", path, field->name,
                           field->kind == BB_LIST ? "[]" : "");
            expect_fields(text, field->schema, row);
        }
    }
}

static void test_every_field_is_there(void **state)
{
    (void)state;
    char *text = written();
    expect_fields(text, &bb_head_schema, "");
    for (int i = 0; i < BB_TOPIC_CLASSES; i++) {
        expect_fields(text, bb_message_schema((enum bb_topic_class)i), "");
        char heading[64];
        (void)snprintf(heading, sizeof heading, "\n## `%s<",
                       bb_topic_prefix((enum bb_topic_class)i));
        assert_non_null(strstr(text, heading));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_in_the_repository_is_up_to_date),
        cmocka_unit_test(test_every_field_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
