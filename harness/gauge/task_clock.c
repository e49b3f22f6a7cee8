#define _GNU_SOURCE
#include "task_clock.h"

#include <stdlib.h>
#include <unistd.h>

#include <linux/perf_event.h>
#include <sys/syscall.h>

int task_clock_add(struct task_clock *clock, pid_t tid)
{
    /* Who may not look into the kernel may still have this clock, which counts all the same. */
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
                                         .size = sizeof attributes,
                                         .config = PERF_COUNT_SW_TASK_CLOCK,
                                         .inherit = 1,
                                         .exclude_kernel = 1};
    int *grown = realloc(clock->fds, (clock->many + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    clock->fds = grown;
    grown[clock->many] = (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1,
                                      PERF_FLAG_FD_CLOEXEC);
    if (grown[clock->many] < 0)
        return -1;
    clock->many++;
    return 0;
}

int64_t task_clock_read(const struct task_clock *clock)
{
    uint64_t sum = 0, value;
    for (size_t i = 0; i < clock->many; i++) {
        if (read(clock->fds[i], &value, sizeof value) != (ssize_t)sizeof value)
            return -1;
        sum += value;
    }
    return (int64_t)sum;
}

void task_clock_close(struct task_clock *clock)
{
    for (size_t i = 0; i < clock->many; i++)
        (void)close(clock->fds[i]);
    free(clock->fds);
    *clock = (struct task_clock){.fds = NULL};
}
