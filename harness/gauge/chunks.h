/* The chunked coding of RFC 9112 7.1, taken off as the bytes come.
 *
 * Extensions are skipped and trailers read for their grammar alone; both are bounded, and so are the
 * zeros before a size. A size is below 2^63. */
#ifndef GAUGE_CHUNKS_H
#define GAUGE_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

/* More trailers are bad. */
#define CHUNKS_FIELDS 1000

enum chunks_state {
    CHUNKS_SIZE, /* a zeroed record is ready for the first chunk */
    CHUNKS_SPACE,
    CHUNKS_EXTENSION,
    CHUNKS_SIZE_LF,
    CHUNKS_DATA,
    CHUNKS_DATA_CR,
    CHUNKS_DATA_LF,
    CHUNKS_TRAILER,
    CHUNKS_NAME,
    CHUNKS_VALUE,
    CHUNKS_VALUE_LF,
    CHUNKS_END_LF,
    CHUNKS_DONE,
    CHUNKS_BAD
};

struct chunks {
    enum chunks_state state;
    uint64_t left;   /* of the chunk's data */
    unsigned digits; /* of its size */
    size_t extra;    /* bytes of this chunk's extension, or of all trailers */
    unsigned fields; /* trailers; may begin at the number of headers, to bound both together */
};

/* Takes bytes up to the end of one piece of data, or as many as there are, or to CHUNKS_DONE or
 * CHUNKS_BAD; returns how many. *data and *data_size are the piece; size 0 when there is none. */
size_t chunks_take(struct chunks *chunks, const uint8_t *bytes, size_t size, const uint8_t **data,
                   size_t *data_size);

#endif
