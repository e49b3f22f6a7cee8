#include "pattern.h"

#include <stdlib.h>
#include <string.h>

int pattern_open(struct pattern *pattern, size_t longest)
{
    size_t size = PATTERN_SPAN + longest;
    uint64_t state = UINT64_C(0x9E3779B97F4A7C15); /* always the same bytes: runs can be repeated */
    pattern->bytes = malloc(size);
    if (pattern->bytes == NULL)
        return -1;
    for (size_t i = 0; i < size; i++) {
        /* xorshift64, Marsaglia 2003, Journal of Statistical Software 8(14) */
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        pattern->bytes[i] = (uint8_t)(state >> 32);
    }
    return 0;
}

const uint8_t *pattern_at(const struct pattern *pattern, uint64_t connection, uint64_t message)
{
    return pattern->bytes + (connection * 7919 + message * 1009) % PATTERN_SPAN;
}

void pattern_close(struct pattern *pattern)
{
    free(pattern->bytes);
    pattern->bytes = NULL;
}
