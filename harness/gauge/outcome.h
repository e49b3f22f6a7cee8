/* How a URL ended, and where that is written: a JSON line each, or one summary of all. */
#ifndef GAUGE_OUTCOME_H
#define GAUGE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The contract's words for what ends a URL; some never come from this client. */
enum outcome_word {
    OUTCOME_OK,
    OUTCOME_REFUSED,
    OUTCOME_RESET,
    OUTCOME_TIMEOUT,
    OUTCOME_TRUNCATED,
    OUTCOME_MALFORMED,
    OUTCOME_TOO_LARGE,
    OUTCOME_CANCELLED,
    OUTCOME_WORDS
};

struct outcome {
    size_t index;
    const char *url;
    enum outcome_word word;
    int status; /* this and the next two count with OUTCOME_OK only */
    int64_t bytes;
    uint32_t crc32;
    int64_t elapsed_ns;
};

struct outcomes {
    bool summary; /* set by the caller; the rest is 0 at first */
    int64_t counts[OUTCOME_WORDS];
    int64_t bytes;
    uint64_t crc32; /* the crc32s of all, added modulo 2^64 */
};

/* Counts an outcome, and without a summary prints its line. */
void outcomes_add(struct outcomes *outcomes, const struct outcome *outcome);

/* Prints the summary, if one is wanted. */
void outcomes_end(const struct outcomes *outcomes, int64_t elapsed_ns);

#endif
