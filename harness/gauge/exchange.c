#include "exchange.h"

#include <stdlib.h>
#include <string.h>

/* SPEC.md F05. */
#define MOST_INTERIMS 16

void exchange_reset(struct exchange *exchange)
{
    free(exchange->head);
    *exchange = (struct exchange){.head = NULL};
}

/* Adds to the kept part of a head. Returns how many bytes were taken, 0 when there is no memory. */
static size_t keep(struct exchange *exchange, const uint8_t *bytes, size_t size)
{
    size_t room = REPLY_HEAD_BYTES - exchange->got;
    if (exchange->head == NULL)
        exchange->head = malloc(REPLY_HEAD_BYTES);
    if (exchange->head == NULL)
        return 0;
    if (size > room)
        size = room;
    memcpy(exchange->head + exchange->got, bytes, size);
    exchange->got += size;
    return size;
}

static void add(struct exchange *exchange, const struct crc32 *crc32, const uint8_t *bytes,
                size_t size)
{
    exchange->crc32 = crc32_add(crc32, exchange->crc32, bytes, size);
    exchange->bytes += (int64_t)size;
}

static enum outcome_word feed_chunks(struct exchange *exchange, const struct crc32 *crc32,
                                     int64_t max_bytes, const uint8_t *bytes, size_t size)
{
    while (size > 0 && exchange->chunks.state < CHUNKS_DONE) {
        const uint8_t *data = NULL;
        size_t many = 0, taken = chunks_take(&exchange->chunks, bytes, size, &data, &many);
        if (many > 0)
            add(exchange, crc32, data, many);
        if (exchange->bytes > max_bytes ||
            (exchange->chunks.state == CHUNKS_DATA &&
             exchange->chunks.left > (uint64_t)(max_bytes - exchange->bytes)))
            return OUTCOME_TOO_LARGE;
        bytes += taken;
        size -= taken;
    }
    if (exchange->chunks.state == CHUNKS_BAD)
        return OUTCOME_MALFORMED;
    if (exchange->chunks.state != CHUNKS_DONE)
        return EXCHANGE_MORE;
    exchange->reusable = exchange->reply.keep && size == 0;
    return OUTCOME_OK;
}

static enum outcome_word feed_body(struct exchange *exchange, const struct crc32 *crc32,
                                   int64_t max_bytes, const uint8_t *bytes, size_t size)
{
    int64_t length = exchange->reply.length;
    size_t left = length < 0 ? size : (size_t)(length - exchange->bytes);
    size_t mine = size < left ? size : left;
    if (exchange->reply.chunked)
        return feed_chunks(exchange, crc32, max_bytes, bytes, size);
    add(exchange, crc32, bytes, mine);
    if (exchange->bytes > max_bytes)
        return OUTCOME_TOO_LARGE;
    if (length < 0 || exchange->bytes < length)
        return EXCHANGE_MORE;
    exchange->reusable = exchange->reply.keep && size == mine;
    return OUTCOME_OK;
}

/* Takes one head off the bytes. The usual one comes whole and is read where it lies; one that does
 * not is kept until it is. OUTCOME_OK: the head is complete, and *taken bytes of these were its. */
static enum outcome_word feed_head(struct exchange *exchange, const uint8_t *bytes, size_t size,
                                   size_t *taken)
{
    size_t before = exchange->got;
    enum reply_state state;
    if (exchange->head == NULL)
        state = reply_read((const char *)bytes, size, &exchange->reply);
    else {
        *taken = keep(exchange, bytes, size);
        state = reply_read(exchange->head, exchange->got, &exchange->reply);
    }
    if (state == REPLY_INCOMPLETE && exchange->head == NULL)
        *taken = keep(exchange, bytes, size);
    if (state == REPLY_INCOMPLETE && memchr(bytes, '\n', *taken) != NULL &&
        !reply_begins(exchange->head, exchange->got))
        return OUTCOME_MALFORMED;
    if (state == REPLY_INCOMPLETE)
        return *taken == size ? EXCHANGE_MORE : OUTCOME_MALFORMED;
    if (state == REPLY_BAD)
        return OUTCOME_MALFORMED;
    *taken = exchange->reply.size - before;
    free(exchange->head);
    exchange->head = NULL;
    exchange->got = 0;
    return OUTCOME_OK;
}

/* Whether the head just read is the answer's, or one of those that come before it. */
static enum outcome_word after_head(struct exchange *exchange, int64_t max_bytes)
{
    int status = exchange->reply.status;
    exchange->in_body = status >= 200;
    exchange->chunks.fields = exchange->reply.headers;
    if (status == 101 || (status < 200 && ++exchange->interims > MOST_INTERIMS))
        return OUTCOME_MALFORMED;
    if (exchange->in_body && exchange->reply.length > max_bytes)
        return OUTCOME_TOO_LARGE;
    return OUTCOME_OK;
}

enum outcome_word exchange_feed(struct exchange *exchange, const struct crc32 *crc32,
                                int64_t max_bytes, const uint8_t *bytes, size_t size)
{
    while (!exchange->in_body) {
        size_t taken = 0;
        enum outcome_word word =
            size == 0 ? EXCHANGE_MORE : feed_head(exchange, bytes, size, &taken);
        if (word == OUTCOME_OK)
            word = after_head(exchange, max_bytes);
        if (word != OUTCOME_OK)
            return word;
        bytes += taken;
        size -= taken;
    }
    return feed_body(exchange, crc32, max_bytes, bytes, size);
}

bool exchange_untouched(const struct exchange *exchange)
{
    return exchange->got == 0 && exchange->interims == 0 && !exchange->in_body;
}

enum outcome_word exchange_end(const struct exchange *exchange)
{
    if (exchange->in_body && exchange->reply.length < 0 && !exchange->reply.chunked)
        return OUTCOME_OK;
    return OUTCOME_TRUNCATED;
}
