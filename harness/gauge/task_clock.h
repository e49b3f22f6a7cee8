/* The CPU time of tasks and of all that they start from then on, to the nanosecond.
 *
 * Another process's CPU clock (clock_gettime) moves only when its core next ticks or switches: every
 * 4 ms at 250 Hz while it computes, which is 8% of 50 ms. perf's task clock is brought up to date by
 * reading it, with an interrupt to that core of about a microsecond. It is inherited: threads and
 * children that come later are in the sum, also after their end, and cost no descriptor. Every switch
 * of such a task costs it 0.2-0.3 us more. Where the host takes time from a guest, that counts here
 * and does not in the process clock. One may read one's own processes where
 * kernel.perf_event_paranoid is 2 or less, others with CAP_PERFMON. */
#ifndef GAUGE_TASK_CLOCK_H
#define GAUGE_TASK_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

struct task_clock {
    int *fds;
    size_t many;
};

/* Adds a task; a zeroed clock has none. Returns 0, or -1 with errno: ESRCH when it has ended,
 * EACCES, EPERM, ENOSYS where the kernel does not let us. What a task that is in starts is in. */
int task_clock_add(struct task_clock *clock, pid_t tid);

/* The sum since each was added; -1 with errno. About a microsecond a task. */
int64_t task_clock_read(const struct task_clock *clock);

/* Takes all out. */
void task_clock_close(struct task_clock *clock);

#endif
