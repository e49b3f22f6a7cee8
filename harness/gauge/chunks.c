#include "chunks.h"

#include "token.h"

#define MOST_DIGITS 4096 /* nearly all of them zeros */
#define MOST_EXTENSION 8192
#define MOST_TRAILERS 65536

static int hex(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

static enum chunks_state after_size(struct chunks *chunks, uint8_t byte)
{
    int digit = hex(byte);
    if (digit >= 0 && chunks->digits < MOST_DIGITS && chunks->left <= INT64_MAX >> 4) {
        chunks->left = chunks->left << 4 | (unsigned)digit;
        chunks->digits++;
        return CHUNKS_SIZE;
    }
    if (digit >= 0 || chunks->digits == 0)
        return CHUNKS_BAD;
    return byte == ' ' || byte == '\t' ? CHUNKS_SPACE
           : byte == ';'               ? CHUNKS_EXTENSION
           : byte == '\r'              ? CHUNKS_SIZE_LF
                                       : CHUNKS_BAD;
}

static enum chunks_state after_size_line(struct chunks *chunks)
{
    chunks->digits = 0;
    chunks->extra = 0;
    return chunks->left > 0 ? CHUNKS_DATA : CHUNKS_TRAILER;
}

/* Text up to the end of its line, at most so long. */
static enum chunks_state in_text(struct chunks *chunks, uint8_t byte, enum chunks_state at_end,
                                 size_t most)
{
    if (byte == '\r')
        return at_end;
    return !token_value_byte((char)byte) || ++chunks->extra > most ? CHUNKS_BAD : chunks->state;
}

static enum chunks_state in_name(struct chunks *chunks, uint8_t byte)
{
    if (chunks->state == CHUNKS_TRAILER && byte == '\r')
        return CHUNKS_END_LF;
    if (chunks->state == CHUNKS_NAME && byte == ':')
        return CHUNKS_VALUE;
    if (chunks->state == CHUNKS_TRAILER && ++chunks->fields > CHUNKS_FIELDS)
        return CHUNKS_BAD;
    return token_byte((char)byte) && ++chunks->extra <= MOST_TRAILERS ? CHUNKS_NAME : CHUNKS_BAD;
}

/* The state after one byte that is not data. */
static enum chunks_state step(struct chunks *chunks, uint8_t byte)
{
    switch (chunks->state) {
    case CHUNKS_SIZE:
        return after_size(chunks, byte);
    case CHUNKS_SPACE:
        if ((byte == ' ' || byte == '\t') && ++chunks->extra <= MOST_EXTENSION)
            return CHUNKS_SPACE;
        return byte == ';'    ? CHUNKS_EXTENSION
               : byte == '\r' ? CHUNKS_SIZE_LF
                              : CHUNKS_BAD;
    case CHUNKS_EXTENSION:
        return in_text(chunks, byte, CHUNKS_SIZE_LF, MOST_EXTENSION);
    case CHUNKS_SIZE_LF:
        return byte == '\n' ? after_size_line(chunks) : CHUNKS_BAD;
    case CHUNKS_DATA_CR:
        return byte == '\r' ? CHUNKS_DATA_LF : CHUNKS_BAD;
    case CHUNKS_DATA_LF:
        return byte == '\n' ? CHUNKS_SIZE : CHUNKS_BAD;
    case CHUNKS_TRAILER:
    case CHUNKS_NAME:
        return in_name(chunks, byte);
    case CHUNKS_VALUE:
        return in_text(chunks, byte, CHUNKS_VALUE_LF, MOST_TRAILERS);
    case CHUNKS_VALUE_LF:
        return byte == '\n' ? CHUNKS_TRAILER : CHUNKS_BAD;
    case CHUNKS_END_LF:
        return byte == '\n' ? CHUNKS_DONE : CHUNKS_BAD;
    case CHUNKS_DATA:
    case CHUNKS_DONE:
    case CHUNKS_BAD:
        break;
    }
    return CHUNKS_BAD;
}

size_t chunks_take(struct chunks *chunks, const uint8_t *bytes, size_t size, const uint8_t **data,
                   size_t *data_size)
{
    size_t at = 0;
    *data_size = 0;
    while (at < size && chunks->state < CHUNKS_DONE) {
        if (chunks->state != CHUNKS_DATA) {
            chunks->state = step(chunks, bytes[at++]);
            continue;
        }
        *data = bytes + at;
        *data_size = size - at < chunks->left ? size - at : (size_t)chunks->left;
        chunks->left -= *data_size;
        if (chunks->left == 0)
            chunks->state = CHUNKS_DATA_CR;
        return at + *data_size;
    }
    return at;
}
