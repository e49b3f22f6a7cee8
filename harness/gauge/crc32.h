/* CRC-32 as zlib computes it (polynomial 0xEDB88320, reflected).
 *
 * Where the processor multiplies without carry, 64 bytes a step (V. Gopal et al., "Fast CRC
 * Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009): the bytes so far
 * are replaced by 64 that leave the same remainder further on. Else, and for the rest, sixteen
 * bytes a step (M. Kounavis, F. Berry, "A Systematic Approach to Building High Performance
 * Software-based CRC Generators", 2005: their slicing-by-8, with twice as many tables). */
#ifndef GAUGE_CRC32_H
#define GAUGE_CRC32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRC32_STEP 16 /* bytes; its tables take 16 KiB, half of a common first-level cache */

#define CRC32_LANES 4  /* of sixteen bytes each, folded side by side */
#define CRC32_FOLD (CRC32_LANES * 16)

struct crc32 {
    uint32_t table[CRC32_STEP][256];
    bool folds;            /* this processor can */
    uint64_t lanes_on[2];  /* what moves both halves of a lane by CRC32_FOLD bytes */
    uint64_t lane_on[2];   /* and by sixteen */
};

void crc32_open(struct crc32 *crc32);

/* Continues from `before`, which is 0 at the start. */
uint32_t crc32_add(const struct crc32 *crc32, uint32_t before, const uint8_t *bytes, size_t size);

#endif
