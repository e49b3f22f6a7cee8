/* The gauge's parsers behind a pipe, for test_gauge_fuzz.py: one record in, one line out.
 *
 * A record is a line `KIND CUTS OFFSET... SIZE` and SIZE bytes. What is read in pieces gets them as
 * the offsets cut them, each in memory of its own exactly as long, so that a sanitizer sees a read
 * past the end. Text that ends by NUL gets one. */
#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chunks.h"
#include "crc32.h"
#include "exchange.h"
#include "gauge.h"
#include "options.h"
#include "reply.h"
#include "request.h"
#include "token.h"
#include "url.h"

#define MOST_CUTS 64
#define MOST_BODY 100000 /* as the contract's own tests have it */

struct record {
    size_t many, ends[MOST_CUTS + 1]; /* of the pieces; the last is the size */
    size_t size;
    uint8_t *bytes;
};

/* The bytes from..to, and `more` zeros behind them. */
static uint8_t *copy(const struct record *record, size_t from, size_t to, size_t more)
{
    uint8_t *bytes = malloc(to - from + more > 0 ? to - from + more : 1);
    assert(bytes != NULL);
    memcpy(bytes, record->bytes + from, to - from);
    memset(bytes + (to - from), 0, more);
    return bytes;
}

static void print_hex(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    putchar('\'');
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    putchar('\'');
}

/* A head is read again from its start whenever more has come, as its users do. */
static void read_request(const struct record *record)
{
    enum request_state state = REQUEST_INCOMPLETE;
    struct request request = {.number = 0};
    for (size_t i = 0; i < record->many && state == REQUEST_INCOMPLETE; i++) {
        uint8_t *bytes = copy(record, 0, record->ends[i], 0);
        state = request_read((const char *)bytes, record->ends[i], &request);
        free(bytes);
    }
    if (state == REQUEST_COMPLETE)
        printf("complete %" PRIu64 " %d %zu", request.number, request.close, request.size);
    else
        printf(state == REQUEST_BAD ? "bad" : "incomplete");
}

static void read_reply(const struct record *record)
{
    enum reply_state state = REPLY_INCOMPLETE;
    struct reply reply = {.status = 0};
    for (size_t i = 0; i < record->many && state == REPLY_INCOMPLETE; i++) {
        uint8_t *bytes = copy(record, 0, record->ends[i], 0);
        state = reply_read((const char *)bytes, record->ends[i], &reply);
        free(bytes);
    }
    if (state == REPLY_COMPLETE)
        printf("complete %d %" PRId64 " %d %d %zu", reply.status, reply.length, reply.chunked,
               reply.keep, reply.size);
    else
        printf(state == REPLY_BAD ? "bad" : "incomplete");
}

static void read_chunks(const struct record *record)
{
    struct chunks chunks = {.state = CHUNKS_SIZE};
    size_t begin = 0, taken = 0, many = 0;
    uint8_t *body = malloc(record->size + 1);
    assert(body != NULL);
    for (size_t i = 0; i < record->many; begin = record->ends[i++]) {
        uint8_t *bytes = copy(record, begin, record->ends[i], 0);
        size_t size = record->ends[i] - begin, at = 0;
        while (at < size && chunks.state < CHUNKS_DONE) {
            const uint8_t *data = NULL;
            size_t data_size, step = chunks_take(&chunks, bytes + at, size - at, &data, &data_size);
            assert(step > 0 && at + step <= size && data_size <= step);
            if (data_size > 0)
                memcpy(body + many, data, data_size);
            many += data_size;
            at += step;
        }
        taken += at;
        free(bytes);
    }
    printf("%s %zu %" PRIu64 " %u %zu ",
           chunks.state == CHUNKS_DONE  ? "done"
           : chunks.state == CHUNKS_BAD ? "bad"
                                        : "more",
           taken, chunks.left, chunks.digits, chunks.extra);
    print_hex(body, many);
    free(body);
}

/* A whole answer, and the end of the connection behind it. */
static void read_answer(const struct record *record)
{
    static const char *words[] = {"ok",        "refused",   "reset",     "timeout",
                                  "truncated", "malformed", "too_large", "cancelled"};
    static struct crc32 crc32;
    struct exchange exchange = {.head = NULL};
    enum outcome_word word = EXCHANGE_MORE;
    size_t begin = 0;
    crc32_open(&crc32);
    for (size_t i = 0; i < record->many && word == EXCHANGE_MORE; begin = record->ends[i++]) {
        uint8_t *bytes = copy(record, begin, record->ends[i], 0);
        word = exchange_feed(&exchange, &crc32, MOST_BODY, bytes, record->ends[i] - begin);
        free(bytes);
    }
    if (word == EXCHANGE_MORE)
        word = exchange_end(&exchange);
    /* Only the last piece may hold what came behind the answer. */
    if (begin < record->size)
        exchange.reusable = false;
    printf("%s", words[word]);
    if (word == OUTCOME_OK)
        printf(" %d %" PRId64 " %" PRIu32 " %d", exchange.reply.status, exchange.bytes,
               exchange.crc32, exchange.reusable);
    exchange_reset(&exchange);
}

static void read_url(const struct record *record)
{
    char *text = (char *)copy(record, 0, record->size, 1);
    char *bytes = malloc(URL_REQUEST_BYTES);
    struct url url;
    const char *wrong = url_read(&url, text);
    assert(bytes != NULL);
    if (wrong != NULL)
        printf("bad %s", wrong);
    else {
        char host[INET_ADDRSTRLEN];
        size_t size = url_request(&url, bytes);
        assert(size < URL_REQUEST_BYTES);
        assert(inet_ntop(AF_INET, &url.address.sin_addr, host, sizeof host) != NULL);
        printf("good %s %u ", host, ntohs(url.address.sin_port));
        print_hex(bytes, size);
    }
    free(bytes);
    free(text);
}

/* `LEAST MOST TEXT` */
static void read_number(const struct record *record)
{
    char *text = (char *)copy(record, 0, record->size, 1), *at = text;
    int64_t least = strtoll(at, &at, 10), most = strtoll(at, &at, 10), value;
    const char *end = ++at;
    value = options_number(at, least, most, &end);
    printf("%" PRId64 " %zu", value, (size_t)(end - at));
    free(text);
}

static void read_token(const struct record *record)
{
    uint8_t *bytes = copy(record, 0, record->size, 0);
    printf("%d", token_whole((const char *)bytes, record->size));
    free(bytes);
}

/* Nobody listens on port 1, so that a list which is understood costs no more than its printing. */
static void read_slices(const struct record *record)
{
    char *text = (char *)copy(record, 0, record->size, 1);
    char words[][16] = {"load", "--port", "1", "--server-pid", "", "--slices"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4], words[5], text, NULL};
    (void)snprintf(words[4], sizeof words[4], "%d", getpid());
    printf("= %d", gauge_main(7, argv));
    free(text);
}

static int read_record(struct record *record, char *kind)
{
    if (scanf(" %c %zu", kind, &record->many) != 2)
        return 0;
    assert(record->many <= MOST_CUTS);
    for (size_t i = 0; i < record->many; i++)
        assert(scanf("%zu", &record->ends[i]) == 1);
    assert(scanf("%zu", &record->size) == 1 && getchar() == '\n');
    record->ends[record->many++] = record->size;
    record->bytes = malloc(record->size + 1);
    assert(record->bytes != NULL);
    assert(fread(record->bytes, 1, record->size, stdin) == record->size);
    return 1;
}

int main(void)
{
    static const struct {
        char kind;
        void (*read)(const struct record *record);
    } parsers[] = {{'q', read_request}, {'p', read_reply}, {'c', read_chunks}, {'a', read_answer},
                   {'u', read_url},     {'n', read_number}, {'t', read_token}, {'s', read_slices}};
    struct record record;
    char kind;
    while (read_record(&record, &kind)) {
        for (size_t i = 0; i < sizeof parsers / sizeof *parsers; i++)
            if (parsers[i].kind == kind)
                parsers[i].read(&record);
        putchar('\n');
        fflush(stdout);
        free(record.bytes);
    }
    return 0;
}
