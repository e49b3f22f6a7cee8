/* What /proc and the CPU clocks say about a process and all its living descendants.
 *
 * Everything is opened once, so that a reading is a handful of preads. Readings are sums over the
 * tree and only grow: what a task had when it was last seen stays in the sum after its end. Only
 * differences between two readings mean anything. */
#ifndef GAUGE_WITNESS_H
#define GAUGE_WITNESS_H

#include <stdint.h>

#include <sys/types.h>

struct reading {
    int64_t cpu_ns;  /* process CPU clocks (clock_getcpuclockid), never stat's ticks */
    int64_t wait_ns; /* runnable but not running: second number of /proc/PID/task/TID/schedstat */
    int64_t faults;  /* minor page faults: tenth field of /proc/PID/stat */
};

struct witness;

/* NULL with errno: ESRCH when there is no such process, EMFILE when descriptors run out,
 * ENOSYS on a kernel without schedstat. */
struct witness *witness_open(pid_t pid);

/* Looks for threads and children that came since. Returns 0, or -1 with errno; ESRCH means that
 * the process has ended. Costs some tens of microseconds, more with many threads. */
int witness_scan(struct witness *witness);

/* Reads cpu_ns alone: under a microsecond a process. Same errors as witness_scan. */
int witness_cpu(struct witness *witness, struct reading *reading);

/* Reads wait_ns and faults: about two microseconds a thread. Same errors as witness_scan. */
int witness_waits(struct witness *witness, struct reading *reading);

void witness_close(struct witness *witness);

#endif
