/* The clock every figure is read from: CLOCK_MONOTONIC, in nanoseconds. */
#ifndef GAUGE_CLOCK_H
#define GAUGE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* A moment that never comes. */
#define CLOCK_NEVER INT64_MAX

static inline int64_t clock_ns(clockid_t id)
{
    struct timespec now = {0, 0};
    if (clock_gettime(id, &now) != 0)
        return -1;
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static inline int64_t clock_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* What epoll_wait takes to wake at `moment` and not before it: milliseconds rounded up. */
static inline int clock_timeout_ms(int64_t moment)
{
    int64_t left;
    if (moment == CLOCK_NEVER)
        return -1;
    left = moment - clock_now();
    if (left <= 0)
        return 0;
    left = (left + NS_PER_MS - 1) / NS_PER_MS;
    return left > 60000 ? 60000 : (int)left;
}

#endif
