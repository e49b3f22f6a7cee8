#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int answer_open(struct answer *answer, size_t body_bytes)
{
    char head[80];
    int length =
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body_bytes);
    *answer = (struct answer){NULL, (size_t)length + body_bytes, (size_t)length, 0};
    answer->bytes = malloc(answer->size);
    if (answer->bytes == NULL)
        return -1;
    memcpy(answer->bytes, head, answer->head);
    for (size_t i = 0; i < body_bytes; i++)
        answer->bytes[answer->head + i] = (uint8_t)(i * 7 + (i >> 8));
    return 0;
}

void answer_make(struct answer *answer, uint64_t number)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    const uint8_t step = (uint8_t)(number - answer->number);
    const uint64_t steps = step * UINT64_C(0x0101010101010101);
    uint8_t *at = answer->bytes + answer->head, *end = answer->bytes + answer->size;
    /* Bodies differ by the same amount in every byte. Eight at a time: the low seven bits of each
     * byte are added without a carry into the next, and the top bits are put right by xor. */
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        word = ((word & low) + (steps & low)) ^ ((word ^ steps) & ~low);
        memcpy(at, &word, 8);
    }
    for (; at < end; at++)
        *at = (uint8_t)(*at + step);
    answer->number = (uint8_t)number;
}

void answer_close(struct answer *answer)
{
    free(answer->bytes);
    answer->bytes = NULL;
}
