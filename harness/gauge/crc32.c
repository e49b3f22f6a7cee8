#include "crc32.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Times x^bits, modulo the polynomial; the bit of x^0 is the highest. */
static uint32_t times_x(uint32_t value, int bits)
{
    for (; bits > 0; bits--)
        value = (value >> 1) ^ (value & 1 ? UINT32_C(0xEDB88320) : 0);
    return value;
}

/* What the halves of sixteen bytes are multiplied by to stand `bytes` further on, the first half's
 * first. A product of reflected numbers lies one bit too low: hence the shift. */
static void moves(uint64_t by[2], int bytes)
{
    by[0] = (uint64_t)times_x(UINT32_C(0x80000000), 8 * bytes + 32) << 1;
    by[1] = (uint64_t)times_x(UINT32_C(0x80000000), 8 * bytes - 32) << 1;
}

static bool can_fold(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
#else
    return false;
#endif
}

void crc32_open(struct crc32 *crc32)
{
    crc32->folds = can_fold();
    moves(crc32->lanes_on, CRC32_FOLD);
    moves(crc32->lane_on, 16);
    for (uint32_t i = 0; i < 256; i++)
        crc32->table[0][i] = times_x(i, 8);
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

static uint32_t slices(const uint32_t (*table)[256], uint32_t value, const uint8_t *bytes,
                       size_t size)
{
    for (; size >= CRC32_STEP; size -= CRC32_STEP, bytes += CRC32_STEP)
        value = look_up(table + 12, value ^ word(bytes)) ^ look_up(table + 8, word(bytes + 4)) ^
                look_up(table + 4, word(bytes + 8)) ^ look_up(table, word(bytes + 12));
    for (; size > 0; size--, bytes++)
        value = (value >> 8) ^ table[0][(value ^ *bytes) & 0xff];
    return value;
}

#if defined(__x86_64__)
#define FOLDING __attribute__((target("pclmul,sse4.1")))

FOLDING static __m128i load(const uint8_t *bytes)
{
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

/* The lane, moved to where `onto` stands. */
FOLDING static __m128i fold(__m128i lane, __m128i by, __m128i onto)
{
    return _mm_xor_si128(onto, _mm_xor_si128(_mm_clmulepi64_si128(lane, by, 0x00),
                                             _mm_clmulepi64_si128(lane, by, 0x11)));
}

/* `size` is a multiple of CRC32_FOLD, and not 0. */
FOLDING static uint32_t folded(const struct crc32 *crc32, uint32_t value, const uint8_t *bytes,
                               size_t size)
{
    const __m128i far = load((const uint8_t *)crc32->lanes_on);
    const __m128i near = load((const uint8_t *)crc32->lane_on);
    __m128i lanes[CRC32_LANES];
    uint8_t rest[16];
    for (int i = 0; i < CRC32_LANES; i++)
        lanes[i] = load(bytes + 16 * i);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128((int)value));
    for (size_t at = CRC32_FOLD; at < size; at += CRC32_FOLD)
        for (int i = 0; i < CRC32_LANES; i++)
            lanes[i] = fold(lanes[i], far, load(bytes + at + 16 * (size_t)i));
    for (int i = 1; i < CRC32_LANES; i++)
        lanes[i] = fold(lanes[i - 1], near, lanes[i]);
    _mm_storeu_si128((__m128i *)(void *)rest, lanes[CRC32_LANES - 1]);
    return slices(crc32->table, 0, rest, sizeof rest);
}
#else
static uint32_t folded(const struct crc32 *crc32, uint32_t value, const uint8_t *bytes,
                       size_t size)
{
    return slices(crc32->table, value, bytes, size);
}
#endif

uint32_t crc32_add(const struct crc32 *crc32, uint32_t before, const uint8_t *bytes, size_t size)
{
    size_t whole = crc32->folds ? size - size % CRC32_FOLD : 0;
    uint32_t value = ~before;
    if (whole > 0)
        value = folded(crc32, value, bytes, whole);
    return ~slices(crc32->table, value, bytes + whole, size - whole);
}
