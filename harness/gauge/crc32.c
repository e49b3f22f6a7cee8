#include "crc32.h"

void crc32_open(struct crc32 *crc32)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = (value >> 1) ^ (value & 1 ? UINT32_C(0xEDB88320) : 0);
        crc32->table[0][i] = value;
    }
    for (int row = 1; row < CRC32_STEP; row++)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t above = crc32->table[row - 1][i];
            crc32->table[row][i] = (above >> 8) ^ crc32->table[0][above & 0xff];
        }
}

/* The bytes as a little-endian number: compilers make one load of it. */
static uint32_t word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* What a word does to the value at the end of a step; `table` has the rows for its last byte on. */
static uint32_t look_up(const uint32_t (*table)[256], uint32_t word)
{
    return table[3][word & 0xff] ^ table[2][word >> 8 & 0xff] ^ table[1][word >> 16 & 0xff] ^
           table[0][word >> 24];
}

uint32_t crc32_add(const struct crc32 *crc32, uint32_t before, const uint8_t *bytes, size_t size)
{
    const uint32_t(*table)[256] = crc32->table;
    uint32_t value = ~before;
    for (; size >= CRC32_STEP; size -= CRC32_STEP, bytes += CRC32_STEP)
        value = look_up(table + 12, value ^ word(bytes)) ^ look_up(table + 8, word(bytes + 4)) ^
                look_up(table + 4, word(bytes + 8)) ^ look_up(table, word(bytes + 12));
    for (; size > 0; size--, bytes++)
        value = (value >> 8) ^ table[0][(value ^ *bytes) & 0xff];
    return ~value;
}
