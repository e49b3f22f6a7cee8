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
    int64_t cpu_ns;  /* see witness_clock; never stat's ticks */
    int64_t wait_ns; /* runnable but not running: second number of /proc/PID/task/TID/schedstat */
    int64_t faults;  /* minor page faults: tenth field of /proc/PID/stat */
};

struct witness;

/* NULL with errno: ESRCH when there is no such process, EMFILE when descriptors run out,
 * ENOSYS on a kernel without schedstat. */
struct witness *witness_open(pid_t pid);

/* Where cpu_ns comes from: "task", exact (task_clock.h), or where the kernel refuses that, and for
 * the caller itself, "process", the process CPU clocks (clock_getcpuclockid), which for another
 * process stand still between two ticks of its core. */
const char *witness_clock(const struct witness *witness);

/* Looks for threads and children that came since. Returns 0, or -1 with errno; ESRCH means that
 * the process has ended. Costs some tens of microseconds, more with many threads. */
int witness_scan(struct witness *witness);

/* Reads cpu_ns alone: about a microsecond a task. Same errors as witness_scan. */
int witness_cpu(struct witness *witness, struct reading *reading);

/* Reads wait_ns and faults: about two microseconds a thread. Same errors as witness_scan. */
int witness_waits(struct witness *witness, struct reading *reading);

void witness_close(struct witness *witness);

#endif
