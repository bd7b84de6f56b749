#include "common/names.h"

#include <string.h>

size_t bb_name_distance(const char *a, const char *b, size_t limit)
{
    size_t row[64];
    size_t b_size = strlen(b);
    if (b_size >= sizeof row / sizeof row[0]) {
        return limit + 1;
    }
    for (size_t j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < gap ? change : gap;
        }
    }
    return row[b_size] <= limit ? row[b_size] : limit + 1;
}
