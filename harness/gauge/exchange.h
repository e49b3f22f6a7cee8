/* One answer on its way in, without I/O: fed with what was received, it says how the URL ended. */
#ifndef GAUGE_EXCHANGE_H
#define GAUGE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunks.h"
#include "crc32.h"
#include "outcome.h"
#include "reply.h"

/* Not an outcome: more bytes are needed. */
#define EXCHANGE_MORE OUTCOME_WORDS

struct exchange {
    char *head; /* the part of a head that has come; NULL while none or all has */
    size_t got;
    int interims; /* answers below 200 that came before */
    bool in_body;
    struct chunks chunks;
    struct reply reply;
    int64_t bytes; /* of the body, so far */
    uint32_t crc32;
    bool reusable; /* once it is over: the connection may carry another */
};

/* Makes it ready for a new answer; a zeroed one is ready. */
void exchange_reset(struct exchange *exchange);

/* Returns EXCHANGE_MORE or the outcome. Bytes behind the answer make it not reusable. */
enum outcome_word exchange_feed(struct exchange *exchange, const struct crc32 *crc32,
                                int64_t max_bytes, const uint8_t *bytes, size_t size);

/* True while no byte of an answer has come. */
bool exchange_untouched(const struct exchange *exchange);

/* The outcome when the connection ends instead. */
enum outcome_word exchange_end(const struct exchange *exchange);

#endif
