/* When messages are due in an open loop: number k at start + k/rate, whatever came back. */
#ifndef GAUGE_SCHEDULE_H
#define GAUGE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

struct schedule {
    int64_t start_ns, rate_per_s;
    uint64_t next;   /* the first message that was not taken yet */
    int64_t next_ns; /* and when it is due */
};

/* The intended time of message k, to the nanosecond below. Whole seconds are split off, so that
 * nothing overflows and no error adds up, for rates up to 1e9. */
static inline int64_t schedule_due_ns(const struct schedule *schedule, uint64_t k)
{
    uint64_t rate = (uint64_t)schedule->rate_per_s;
    return schedule->start_ns + (int64_t)(k / rate * (uint64_t)NS_PER_S +
                                          k % rate * (uint64_t)NS_PER_S / rate);
}

static inline struct schedule schedule_new(int64_t start_ns, int64_t rate_per_s)
{
    return (struct schedule){start_ns, rate_per_s, 0, start_ns};
}

/* True when message schedule->next is due at `now_ns`: at its intended time, or past it. */
static inline bool schedule_is_due(const struct schedule *schedule, int64_t now_ns)
{
    return schedule->next_ns <= now_ns;
}

/* Goes on to the message after. */
static inline void schedule_take(struct schedule *schedule)
{
    schedule->next_ns = schedule_due_ns(schedule, ++schedule->next);
}

#endif
