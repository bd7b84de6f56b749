#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/message/message.h"
#include "services/bus/cache.h"

static int store(struct bb_cache *cache, const char *topic, const char *body)
{
    return bb_cache_store(cache, topic, strlen(topic), (const uint8_t *)body, strlen(body));
}

/* Collects "topic=body " of everything visited. */
static void collect(const struct bb_cache_entry *entry, void *arg)
{
    char *text = arg;
    size_t used = strlen(text);
    (void)snprintf(text + used, 256 - used, "%.*s=%.*s ", (int)entry->topic_size, entry->topic,
                   (int)entry->body_size, (const char *)entry->body);
}

static void each(struct bb_cache *cache, const char *prefix, char *ret_text)
{
    ret_text[0] = '\0';
    bb_cache_each(cache, (const uint8_t *)prefix, strlen(prefix), collect, ret_text);
}

static void test_keeps_the_last_value(void **state)
{
    (void)state;
    char text[256];
    struct bb_cache *cache = bb_cache_new(4);
    assert_int_equal(store(cache, "battery/a", "first and long"), BB_OK);
    assert_int_equal(store(cache, "battery/a", "second"), BB_OK);
    each(cache, "", text);
    assert_string_equal(text, "battery/a=second ");
    bb_cache_destroy(&cache);
    assert_null(cache);
    bb_cache_destroy(&cache);
}

static void test_gives_what_was_subscribed(void **state)
{
    (void)state;
    char text[256];
    struct bb_cache *cache = bb_cache_new(4);
    (void)store(cache, "battery/a", "1");
    (void)store(cache, "charge/a", "2");
    each(cache, "charge/", text);
    assert_string_equal(text, "charge/a=2 ");
    each(cache, "battery/ab", text);
    assert_string_equal(text, "");
    bb_cache_destroy(&cache);
}

static void test_never_keeps_commands_or_rubbish(void **state)
{
    (void)state;
    static uint8_t large[BB_MESSAGE_MAX + 1];
    struct bb_cache *cache = bb_cache_new(4);
    assert_int_equal(store(cache, "command/a", "off"), BB_ERR_UNSUPPORTED);
    assert_int_equal(store(cache, "reply/a", "ok"), BB_ERR_UNSUPPORTED);
    assert_int_equal(store(cache, "nonsense", "x"), BB_ERR_UNKNOWN);
    assert_int_equal(bb_cache_store(cache, "battery/a", 9, large, sizeof large), BB_ERR_OVERSIZE);
    assert_int_equal(bb_cache_count(cache), 0);
    bb_cache_destroy(&cache);
}

static void test_the_longest_silent_topic_gives_way(void **state)
{
    (void)state;
    char text[256];
    struct bb_cache *cache = bb_cache_new(2);
    (void)store(cache, "battery/a", "1");
    (void)store(cache, "battery/b", "2");
    (void)store(cache, "battery/a", "3");
    assert_int_equal(store(cache, "battery/c", "4"), 1);
    assert_int_equal(bb_cache_count(cache), 2);
    each(cache, "battery/a", text);
    assert_string_equal(text, "battery/a=3 ");
    each(cache, "battery/b", text);
    assert_string_equal(text, "");
    bb_cache_destroy(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_the_last_value),
        cmocka_unit_test(test_gives_what_was_subscribed),
        cmocka_unit_test(test_never_keeps_commands_or_rubbish),
        cmocka_unit_test(test_the_longest_silent_topic_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
