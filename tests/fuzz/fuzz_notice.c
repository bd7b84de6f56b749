/* Datagrams on the supervisor's notification socket. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/message/schema.h"
#include "supervisor/notice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bb_notice notice;
    if (bb_notice_parse((const char *)data, size, &notice) < 0) {
        return 0;
    }
    const char *end = memchr(notice.status, '\0', sizeof notice.status);
    if (!end || !bb_text_is_utf8(notice.status, (size_t)(end - notice.status)) ||
        notice.messages_in < 0 || notice.messages_out < 0) {
        __builtin_trap();
    }
    for (const char *c = notice.status; c < end; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) {
            __builtin_trap(); /* a terminal must survive it */
        }
    }
    return 0;
}
