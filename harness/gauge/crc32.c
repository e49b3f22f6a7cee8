#include "crc32.h"

void crc32_open(struct crc32 *crc32)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = (value >> 1) ^ (value & 1 ? UINT32_C(0xEDB88320) : 0);
        crc32->table[0][i] = value;
    }
    for (int row = 1; row < 8; row++)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t above = crc32->table[row - 1][i];
            crc32->table[row][i] = (above >> 8) ^ crc32->table[0][above & 0xff];
        }
}

uint32_t crc32_add(const struct crc32 *crc32, uint32_t before, const uint8_t *bytes, size_t size)
{
    const uint32_t(*table)[256] = crc32->table;
    uint32_t value = ~before;
    for (; size >= 8; size -= 8, bytes += 8) {
        value ^= (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                 (uint32_t)bytes[3] << 24;
        value = table[7][value & 0xff] ^ table[6][value >> 8 & 0xff] ^
                table[5][value >> 16 & 0xff] ^ table[4][value >> 24] ^ table[3][bytes[4]] ^
                table[2][bytes[5]] ^ table[1][bytes[6]] ^ table[0][bytes[7]];
    }
    for (; size > 0; size--, bytes++)
        value = (value >> 8) ^ table[0][(value ^ *bytes) & 0xff];
    return ~value;
}
