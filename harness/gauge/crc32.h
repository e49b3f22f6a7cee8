/* CRC-32 as zlib computes it (polynomial 0xEDB88320, reflected), sixteen bytes a step.
 *
 * Method: M. Kounavis, F. Berry, "A Systematic Approach to Building High Performance
 * Software-based CRC Generators", 2005: their slicing-by-8, with twice as many tables. */
#ifndef GAUGE_CRC32_H
#define GAUGE_CRC32_H

#include <stddef.h>
#include <stdint.h>

#define CRC32_STEP 16 /* bytes; its tables take 16 KiB, half of a common first-level cache */

struct crc32 {
    uint32_t table[CRC32_STEP][256];
};

void crc32_open(struct crc32 *crc32);

/* Continues from `before`, which is 0 at the start. */
uint32_t crc32_add(const struct crc32 *crc32, uint32_t before, const uint8_t *bytes, size_t size);

#endif
