#define _GNU_SOURCE
#include "witness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "task_clock.h"

/* A tree that starts tasks all the time is read by its process clocks in the end. */
#define TRIES 5

struct process {
    pid_t pid;
    clockid_t clock;
    int stat; /* -1 once the process is gone */
    int64_t cpu_ns, faults;
};

struct task {
    pid_t tid;
    int schedstat; /* -1 once the task is gone */
    int64_t wait_ns;
};

struct witness {
    struct process *processes; /* the first is the one asked for */
    size_t many_processes;
    struct task *tasks;
    size_t many_tasks;
    struct task_clock exact; /* empty: the process clocks count */
};

/* A file below /proc; -1 with errno. A task that ends meanwhile shows as ENOENT or ESRCH. */
static int open_proc(const char *format, long pid, long tid)
{
    char path[80];
    int length = snprintf(path, sizeof path, format, pid, tid);
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* The start of a file as a string; false when its process is gone. */
static bool read_text(int fd, char *text, size_t size)
{
    ssize_t got = fd < 0 ? -1 : pread(fd, text, size - 1, 0);
    if (got <= 0)
        return false;
    text[got] = '\0';
    return true;
}

static void forget(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static bool vanished(int error)
{
    return error == ENOENT || error == ESRCH;
}

static int add_process(struct witness *witness, pid_t pid)
{
    struct process *grown, process = {.pid = pid, .stat = -1};
    int error;
    for (size_t i = 0; i < witness->many_processes; i++)
        if (witness->processes[i].pid == pid)
            return 0;
    error = clock_getcpuclockid(pid, &process.clock);
    if (error != 0) {
        errno = error;
        return vanished(error) ? 0 : -1;
    }
    process.stat = open_proc("/proc/%ld/stat", pid, 0);
    if (process.stat < 0)
        return vanished(errno) ? 0 : -1;
    grown = realloc(witness->processes, (witness->many_processes + 1) * sizeof *grown);
    if (grown == NULL) {
        forget(&process.stat);
        return -1;
    }
    witness->processes = grown;
    witness->processes[witness->many_processes++] = process;
    return 0;
}

static int add_task(struct witness *witness, pid_t pid, pid_t tid)
{
    struct task *grown, task = {.tid = tid, .schedstat = -1};
    for (size_t i = 0; i < witness->many_tasks; i++)
        if (witness->tasks[i].tid == tid && witness->tasks[i].schedstat >= 0)
            return 0;
    task.schedstat = open_proc("/proc/%ld/task/%ld/schedstat", pid, tid);
    if (task.schedstat < 0)
        return vanished(errno) ? 0 : -1;
    grown = realloc(witness->tasks, (witness->many_tasks + 1) * sizeof *grown);
    if (grown == NULL) {
        forget(&task.schedstat);
        return -1;
    }
    witness->tasks = grown;
    witness->tasks[witness->many_tasks++] = task;
    return 0;
}

/* The processes that a task has started and that still live. */
static int add_children(struct witness *witness, pid_t pid, pid_t tid)
{
    long child;
    int used, failed = 0;
    char text[4096]; /* 500 children of one task; more are not looked for */
    const char *at = text;
    int fd = open_proc("/proc/%ld/task/%ld/children", pid, tid);
    if (fd < 0)
        return vanished(errno) ? 0 : -1;
    if (!read_text(fd, text, sizeof text))
        text[0] = '\0';
    forget(&fd);
    for (; !failed && sscanf(at, "%ld%n", &child, &used) == 1; at += used)
        failed = add_process(witness, (pid_t)child);
    return failed;
}

static int scan_process(struct witness *witness, pid_t pid)
{
    char path[40];
    struct dirent *entry;
    DIR *folder;
    int failed = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    folder = opendir(path);
    if (folder == NULL)
        return vanished(errno) ? 0 : -1;
    while (!failed && (entry = readdir(folder)) != NULL) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0)
            failed = add_task(witness, pid, tid) != 0 || add_children(witness, pid, tid) != 0;
    }
    if (closedir(folder) != 0)
        return -1;
    return failed ? -1 : 0;
}

static int ended(void)
{
    errno = ESRCH;
    return -1;
}

int witness_scan(struct witness *witness)
{
    for (size_t i = 0; i < witness->many_processes; i++)
        if (witness->processes[i].stat >= 0 &&
            scan_process(witness, witness->processes[i].pid) != 0)
            return -1;
    return witness->processes[0].stat < 0 ? ended() : 0;
}

int witness_cpu(struct witness *witness, struct reading *reading)
{
    reading->cpu_ns = 0;
    for (size_t i = 0; i < witness->many_processes; i++) {
        struct process *process = &witness->processes[i];
        int64_t cpu_ns = process->stat < 0 ? -1 : clock_ns(process->clock);
        if (cpu_ns >= 0)
            process->cpu_ns = cpu_ns;
        else if (i == 0)
            return ended();
        reading->cpu_ns += process->cpu_ns;
    }
    if (witness->exact.many > 0)
        reading->cpu_ns = task_clock_read(&witness->exact);
    return reading->cpu_ns < 0 ? -1 : 0;
}

/* Minor faults from a line of /proc/PID/stat; false for a process that is dead but not reaped. The
 * name in brackets may hold anything, so what counts starts behind the last bracket. */
static bool parse_stat(const char *text, int64_t *faults)
{
    long long value = 0;
    char state = 'Z';
    const char *at = strrchr(text, ')');
    if (at == NULL || sscanf(at, ") %c %*d %*d %*d %*d %*d %*u %lld", &state, &value) != 2)
        return false;
    *faults = value;
    return state != 'Z' && state != 'X';
}

int witness_waits(struct witness *witness, struct reading *reading)
{
    char text[1024];
    long long wait_ns;
    reading->wait_ns = reading->faults = 0;
    for (size_t i = 0; i < witness->many_tasks; i++) {
        struct task *task = &witness->tasks[i];
        if (!read_text(task->schedstat, text, sizeof text))
            forget(&task->schedstat);
        else if (sscanf(text, "%*d %lld", &wait_ns) == 1)
            task->wait_ns = wait_ns;
        reading->wait_ns += task->wait_ns;
    }
    for (size_t i = 0; i < witness->many_processes; i++) {
        struct process *process = &witness->processes[i];
        if (!read_text(process->stat, text, sizeof text) || !parse_stat(text, &process->faults))
            forget(&process->stat);
        reading->faults += process->faults;
    }
    return witness->processes[0].stat < 0 ? ended() : 0;
}

/* Puts every task on the exact clock. One that was started meanwhile may be in already, by its
 * parent, or not; only when none was is every task in it exactly once. Returns 0, also without an
 * exact clock, or -1 with errno. */
static int be_exact(struct witness *witness)
{
    for (int tries = 0; tries < TRIES; tries++) {
        size_t before = witness->many_tasks;
        int failed = 0;
        for (size_t i = 0; !failed && i < before; i++)
            failed = task_clock_add(&witness->exact, witness->tasks[i].tid) != 0 && errno != ESRCH;
        if (!failed && witness_scan(witness) != 0)
            return -1;
        if (!failed && witness->many_tasks == before)
            return 0;
        task_clock_close(&witness->exact);
        if (failed)
            return 0;
    }
    return 0;
}

const char *witness_clock(const struct witness *witness)
{
    return witness->exact.many > 0 ? "task" : "process";
}

struct witness *witness_open(pid_t pid)
{
    struct reading reading;
    struct witness *witness = calloc(1, sizeof *witness);
    if (witness == NULL)
        return NULL;
    if (add_process(witness, pid) != 0)
        goto failed;
    if (witness->many_processes == 0) {
        errno = ESRCH;
        goto failed;
    }
    /* The first reading also finds out whether the process is more than a zombie. */
    if (witness_scan(witness) != 0 || witness_waits(witness, &reading) != 0 ||
        (pid != getpid() && be_exact(witness) != 0))
        goto failed;
    if (witness->many_tasks > 0)
        return witness;
    errno = ENOSYS;
failed:
    {
        int error = errno;
        witness_close(witness);
        errno = error;
    }
    return NULL;
}

void witness_close(struct witness *witness)
{
    for (size_t i = 0; i < witness->many_tasks; i++)
        forget(&witness->tasks[i].schedstat);
    for (size_t i = 0; i < witness->many_processes; i++)
        forget(&witness->processes[i].stat);
    task_clock_close(&witness->exact);
    free(witness->tasks);
    free(witness->processes);
    free(witness);
}
