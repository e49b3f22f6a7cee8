#define _GNU_SOURCE
#include "clocks.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "clock.h"
#include "options.h"
#include "sentence.h"
#include "witness.h"

#define MOST_WINDOWS 10000
#define MOST_MS 60000

struct edge {
    int64_t now_ns, process_ns;
    struct reading reading;
};

/* Any other process will do: a child that sleeps, and ends with this one. */
static int about(void)
{
    int code = EXIT_OK;
    struct witness *witness;
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        return sentence(EXIT_FAILED, "fork: %s", strerror(errno));
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
            (void)pause();
        _exit(0);
    }
    witness = witness_open(child);
    if (witness == NULL)
        code = sentence(EXIT_FAILED, "a child cannot be read: %s", strerror(errno));
    else {
        (void)printf("{\"cpu_clock\": \"%s\"}\n", witness_clock(witness));
        witness_close(witness);
    }
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return code;
}

static int read_edge(struct witness *witness, clockid_t clock, struct edge *edge)
{
    edge->now_ns = clock_now();
    edge->process_ns = clock_ns(clock);
    return edge->process_ns < 0 ? -1 : witness_cpu(witness, &edge->reading);
}

static int read_windows(struct witness *witness, clockid_t clock, struct edge *edges, int64_t many,
                        int64_t length_ns)
{
    for (int64_t i = 0; i <= many; i++) {
        int64_t until_ns = i == 0 ? 0 : edges[i - 1].now_ns + length_ns;
        while (clock_now() < until_ns)
            ;
        if (read_edge(witness, clock, &edges[i]) != 0)
            return -1;
    }
    return 0;
}

static int watch(pid_t pid, int64_t many, int64_t length_ns)
{
    int code = EXIT_OK;
    clockid_t clock;
    struct edge *edges = calloc((size_t)many + 1, sizeof *edges);
    struct witness *witness = witness_open(pid);
    if (edges == NULL || witness == NULL || clock_getcpuclockid(pid, &clock) != 0 ||
        read_windows(witness, clock, edges, many, length_ns) != 0) {
        code = sentence(EXIT_FAILED, "process %d cannot be read: %s", (int)pid, strerror(errno));
        goto done;
    }
    (void)printf("{\"cpu_clock\": \"%s\", \"windows\": [", witness_clock(witness));
    for (int64_t i = 1; i <= many; i++)
        (void)printf("%s[%lld, %lld, %lld]", i == 1 ? "" : ", ",
                     (long long)(edges[i].now_ns - edges[i - 1].now_ns),
                     (long long)(edges[i].reading.cpu_ns - edges[i - 1].reading.cpu_ns),
                     (long long)(edges[i].process_ns - edges[i - 1].process_ns));
    (void)puts("]}");
done:
    if (witness != NULL)
        witness_close(witness);
    free(edges);
    return code;
}

int clocks_main(int argc, char **argv)
{
    bool asked = false;
    int64_t pid = 0, windows = 0, length_ms = 0;
    const struct option options[] = {
        {"--about", OPTION_FLAG, &asked, 0, 0},
        {"--pid", OPTION_COUNT, &pid, 1, INT32_MAX},
        {"--windows", OPTION_COUNT, &windows, 1, MOST_WINDOWS},
        {"--length-ms", OPTION_COUNT, &length_ms, 1, MOST_MS},
    };
    int code = options_read(argc, argv, options, sizeof options / sizeof *options, NULL);
    if (code != 0)
        return code;
    if (asked)
        return about();
    if (pid == 0 || windows == 0 || length_ms == 0)
        return sentence(EXIT_ARGUMENTS,
                        "witness wants --about, or --pid, --windows and --length-ms");
    return watch((pid_t)pid, windows, length_ms * NS_PER_MS);
}
