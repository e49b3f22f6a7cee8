/* The origin's answer: 200, Content-Length, and a body that its number alone decides.
 *
 * Byte i of the body is (number + i*7 + (i>>8)) & 0xff. */
#ifndef GAUGE_ANSWER_H
#define GAUGE_ANSWER_H

#include <stddef.h>
#include <stdint.h>

struct answer {
    uint8_t *bytes; /* head and body, as last made */
    size_t size;
    size_t head;    /* bytes of the head */
    uint8_t number; /* whose body it is: only its low byte counts */
};

/* Prepares the head and the body of number 0. Returns 0, or -1 with errno. */
int answer_open(struct answer *answer, size_t body_bytes);

/* Turns the bytes into the answer to `number`. */
void answer_make(struct answer *answer, uint64_t number);

void answer_close(struct answer *answer);

#endif
