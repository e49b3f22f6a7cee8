/* CRC-32 as zlib computes it (polynomial 0xEDB88320, reflected), eight bytes a step.
 *
 * Method: M. Kounavis, F. Berry, "A Systematic Approach to Building High Performance
 * Software-based CRC Generators", 2005 (slicing-by-8). */
#ifndef GAUGE_CRC32_H
#define GAUGE_CRC32_H

#include <stddef.h>
#include <stdint.h>

struct crc32 {
    uint32_t table[8][256];
};

void crc32_open(struct crc32 *crc32);

/* Continues from `before`, which is 0 at the start. */
uint32_t crc32_add(const struct crc32 *crc32, uint32_t before, const uint8_t *bytes, size_t size);

#endif
