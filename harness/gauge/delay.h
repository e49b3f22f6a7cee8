/* Answers that wait for their time. All wait equally long, so the queue is first in, first out. */
#ifndef GAUGE_DELAY_H
#define GAUGE_DELAY_H

#include <stddef.h>
#include <stdint.h>

struct delayed {
    int64_t due_ns;
    uint64_t number;
    void *visitor;
};

struct delay {
    struct delayed *ring;
    size_t room; /* a power of two, or 0 */
    size_t first, many;
};

/* Returns 0, or -1 with errno when there is no memory. */
int delay_push(struct delay *delay, struct delayed item);

/* The oldest, NULL while empty; valid until the next push. */
const struct delayed *delay_first(const struct delay *delay);

void delay_pop(struct delay *delay);

void delay_close(struct delay *delay);

#endif
