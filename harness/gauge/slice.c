#define _GNU_SOURCE
#include "slice.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "crowd.h"
#include "dial.h"
#include "fairness.h"
#include "flood.h"
#include "window.h"

/* A server that leaves some connections alone for longer than this is measured as it is. */
#define GREETING_NS (500 * NS_PER_MS)

/* GREETING: until each connection of a closed loop has had a reply. ENDING: between the second edge
 * and the readings that take long. */
enum phase { GREETING, WARMING, SETTLING, MEASURING, ENDING, DRAINING, OVER };

struct run {
    const struct slice_plan *plan;
    struct slice_result *result;
    struct link *links; /* the crowd's, then the flood's */
    struct window window;
    pid_t pid;
    enum phase phase;
    int64_t now_ns, until_ns; /* until_ns: the end of the phase */
    int64_t busy_ns;
    struct crowd crowd;
    struct flood flood;
};

static bool is_void(const struct run *run)
{
    return run->result->error[0] != '\0';
}

/* A reading has failed: the server's end voids the slice, anything else ends the gauge. */
static int window_failed(const struct run *run)
{
    if (errno != ESRCH)
        return -1;
    (void)snprintf(run->result->error, LINK_SENTENCE, "the server, process %d, has ended",
                   run->pid);
    return 0;
}

/* Handles what has happened. */
static int turn(struct run *run)
{
    int64_t now_ns;
    run->crowd.worked = run->flood.worked = false;
    if (crowd_turn(&run->crowd) != 0 || (!is_void(run) && flood_turn(&run->flood) != 0))
        return -1;
    now_ns = clock_now();
    if (run->phase == MEASURING && (run->crowd.worked || run->flood.worked))
        run->busy_ns += now_ns - run->now_ns;
    run->now_ns = now_ns;
    return 0;
}

static void enter(struct run *run, enum phase phase, int64_t length_ns)
{
    run->phase = phase;
    run->now_ns = clock_now();
    run->until_ns = run->now_ns + length_ns;
}

/* Without a warm-up the first message is what is asked for. */
static int greet(struct run *run)
{
    bool waits = run->plan->warmup_ms > 0 && run->crowd.loop->greeted != NULL;
    run->crowd.greeting = waits;
    enter(run, GREETING, waits ? GREETING_NS : 0);
    return run->crowd.loop->start(&run->crowd) != 0 ? -1 : flood_start(&run->flood);
}

static int warm(struct run *run)
{
    if (run->crowd.greeting && run->crowd.loop->greeted(&run->crowd) != 0)
        return -1;
    enter(run, WARMING, run->plan->warmup_ms * NS_PER_MS);
    return 0;
}

static int settle(struct run *run)
{
    int64_t began_ns = clock_now();
    if (window_settle(&run->window) != 0)
        return window_failed(run);
    enter(run, SETTLING, clock_now() - began_ns);
    return 0;
}

static int open_window(struct run *run)
{
    if (window_begin(&run->window) != 0)
        return window_failed(run);
    enter(run, MEASURING, run->plan->length_ms * NS_PER_MS);
    run->result->started_ns = run->now_ns;
    run->result->flooded_bytes = -(int64_t)run->flood.received;
    run->crowd.loop->first_edge(&run->crowd, run->now_ns);
    return 0;
}

static int close_window(struct run *run)
{
    struct slice_result *result = run->result;
    if (window_edge(&run->window, &result->server, &result->gauge) != 0)
        return window_failed(run);
    result->wall_ns = run->now_ns - result->started_ns;
    result->busy = (double)run->busy_ns / (double)result->wall_ns;
    result->flooded_bytes += (int64_t)run->flood.received;
    if (run->crowd.loop->second_edge(&run->crowd, run->now_ns) != 0 ||
        flood_stop(&run->flood) != 0)
        return -1;
    enter(run, ENDING, run->plan->rate_per_s > 0 ? SLICE_REST_NS : 0);
    return 0;
}

static int drain(struct run *run)
{
    if (window_rest(&run->window, &run->result->server, &run->result->gauge) != 0)
        return window_failed(run);
    enter(run, DRAINING, SLICE_DRAIN_NS);
    return 0;
}

static void give_up(struct run *run)
{
    run->result->unanswered = run->crowd.loop->unanswered(&run->crowd);
    for (int64_t i = 0; i < run->flood.many && !is_void(run); i++)
        if (link_outstanding(&run->flood.links[i]))
            link_awaits(&run->flood.links[i], "no more came in 2 s on", run->result->error);
    run->phase = OVER;
}

/* What follows when a phase has had its time. */
static int advance(struct run *run)
{
    switch (run->phase) {
    case GREETING:
        return warm(run);
    case WARMING:
        return settle(run);
    case SETTLING:
        return open_window(run);
    case MEASURING:
        return close_window(run);
    case ENDING:
        return drain(run);
    case DRAINING:
        give_up(run);
        break;
    case OVER:
        break;
    }
    return 0;
}

/* An edge that this phase ends with, or readings for one, wait for a reply, which has not come.
 * Without a warm-up the first edge is before all of them. */
static bool waits_for_reply(const struct run *run)
{
    bool first = run->phase == WARMING || run->phase == SETTLING;
    return run->crowd.loop->edge_on_reply && !run->crowd.worked &&
           (run->phase == MEASURING || (first && run->plan->warmup_ms > 0)) &&
           run->now_ns < run->until_ns + SLICE_EDGE_NS;
}

/* A phase ends with its time, the first with the last greeting, and the last two as soon as nothing
 * is outstanding. */
static bool is_over(const struct run *run)
{
    if (run->phase == GREETING && run->crowd.greeted == run->crowd.many)
        return true;
    if (run->phase == ENDING && run->crowd.outstanding == 0)
        return true;
    return run->now_ns >= run->until_ns && !waits_for_reply(run);
}

static bool is_drained(const struct run *run)
{
    return run->phase == DRAINING && run->crowd.outstanding == 0 &&
           flood_outstanding(&run->flood) == 0;
}

static int go(struct run *run, const struct sockaddr_in *address)
{
    const struct slice_plan *plan = run->plan;
    if (window_open(&run->window, run->pid) != 0)
        return window_failed(run);
    if (dial_all(run->links, plan->connections + plan->floods, address, run->result->error) != 0)
        return -1;
    if (is_void(run))
        return 0;
    if (crowd_open(&run->crowd, plan->rate_per_s) != 0 || flood_open(&run->flood) != 0 ||
        greet(run) != 0)
        return -1;
    while (!is_void(run) && run->phase != OVER && !is_drained(run)) {
        if (turn(run) != 0)
            return -1;
        while (!is_void(run) && run->phase != OVER && is_over(run))
            if (advance(run) != 0)
                return -1;
    }
    run->result->messages = run->crowd.messages;
    run->result->due = run->crowd.due;
    run->result->backlog = run->crowd.backlog;
    run->result->before_ns = run->crowd.before_ns;
    run->result->after_ns = run->crowd.after_ns;
    run->result->oldest_ns = run->crowd.oldest_ns;
    run->result->jain = fairness_jain(run->crowd.answered, plan->connections);
    return 0;
}

int64_t slice_longest(const struct slice_plan *plan)
{
    return plan->floods > 0 && plan->size < FLOOD_BYTES ? FLOOD_BYTES : plan->size;
}

static int set_up(struct run *run, const struct pattern *pattern, struct slice_times *times)
{
    const struct slice_plan *plan = run->plan;
    int64_t all = plan->connections + plan->floods;
    run->crowd.poll = run->flood.poll = -1;
    run->links = calloc((size_t)all, sizeof *run->links);
    if (run->links == NULL)
        return -1;
    for (int64_t i = 0; i < all; i++)
        run->links[i] = link_new((uint32_t)i, pattern,
                                 i < plan->connections ? (size_t)plan->size : FLOOD_BYTES);
    run->crowd.links = run->links;
    run->crowd.many = plan->connections;
    run->crowd.latencies = &times->latencies;
    run->crowd.late = &times->late;
    run->flood.links = run->links + plan->connections;
    run->flood.many = plan->floods;
    run->crowd.sentence = run->flood.sentence = run->result->error;
    return 0;
}

int slice_run(const struct slice_plan *plan, const struct sockaddr_in *address, pid_t server,
              const struct pattern *pattern, struct slice_times *times,
              struct slice_result *result)
{
    int failed = -1, error;
    struct run *run = calloc(1, sizeof *run);
    *result = (struct slice_result){.error = ""};
    histogram_clear(&times->latencies);
    histogram_clear(&times->late);
    if (run == NULL)
        return -1;
    run->plan = plan;
    run->result = result;
    run->pid = server;
    if (set_up(run, pattern, times) == 0)
        failed = go(run, address);
    error = errno;
    result->errors = is_void(run);
    for (int64_t i = 0; run->links != NULL && i < plan->connections + plan->floods; i++)
        if (run->links[i].fd >= 0)
            (void)close(run->links[i].fd);
    crowd_close(&run->crowd);
    flood_close(&run->flood);
    window_close(&run->window);
    free(run->links);
    free(run);
    errno = error;
    return failed;
}
