#define _GNU_SOURCE
#include "slice.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "clock.h"
#include "fairness.h"
#include "sock.h"
#include "window.h"

#define BATCH 64
/* Handshakes under way at once: well below a listener's backlog, past which SYNs are dropped. */
#define DIALS 128
#define DIAL_NS (30 * NS_PER_S)
/* More than a reply of common size, so that one recv fetches it and any surplus with it. */
#define BUFFER_BYTES (128 * 1024)

enum phase { OPENING, WARMING, SETTLING, MEASURING, DRAINING, OVER };

struct run {
    const struct slice_plan *plan;
    const struct pattern *pattern;
    struct histogram *histogram;
    struct slice_result *result;
    struct link *links;
    int64_t *answered; /* replies in the window, per connection */
    struct window window;
    pid_t pid;
    int poll;
    enum phase phase;
    int64_t now_ns, until_ns; /* until_ns: the end of the phase */
    int64_t outstanding, pending, busy_ns;
    uint8_t buffer[BUFFER_BYTES];
};

/* Voids the slice with the sentence that stands in result->error. */
static void broken(struct run *run)
{
    run->result->errors++;
    run->phase = OVER;
}

/* A reading has failed: the server's end voids the slice, anything else ends the gauge. */
static int window_failed(struct run *run)
{
    if (errno != ESRCH)
        return -1;
    (void)snprintf(run->result->error, LINK_SENTENCE, "the server, process %d, has ended",
                   run->pid);
    broken(run);
    return 0;
}

static int watch(const struct run *run, int operation, struct link *link, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = link};
    return epoll_ctl(run->poll, operation, link->fd, &event);
}

/* Begins the next message on a link. */
static void begin(struct run *run, struct link *link, int64_t now_ns)
{
    if (link_begin(link, run->pattern, now_ns, run->result->error) == LINK_BROKEN)
        broken(run);
    else
        run->outstanding++;
}

static void answered(struct run *run, struct link *link)
{
    int64_t now_ns = clock_now();
    run->outstanding--;
    if (run->phase == MEASURING) {
        histogram_add(run->histogram, now_ns - link->began_ns);
        run->answered[link->number]++;
        run->result->messages++;
    }
    if (run->phase < DRAINING)
        begin(run, link, now_ns);
}

/* One event of an established link. */
static int attend(struct run *run, struct link *link, uint32_t events)
{
    bool wanted = link->write_wanted;
    enum link_state state = LINK_WAITS;
    if (events & EPOLLOUT)
        state = link_send(link, run->result->error);
    if (state != LINK_BROKEN && (events & ~(uint32_t)EPOLLOUT))
        state = link_receive(link, run->buffer, BUFFER_BYTES, run->result->error);
    if (state == LINK_BROKEN)
        broken(run);
    if (state == LINK_ANSWERED)
        answered(run, link);
    if (link->write_wanted == wanted)
        return 0;
    return watch(run, EPOLL_CTL_MOD, link, link->write_wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int dialled(struct run *run, struct link *link)
{
    int error = sock_error(link->fd);
    run->pending--;
    if (error == 0) {
        link->established = true;
        return watch(run, EPOLL_CTL_MOD, link, EPOLLIN);
    }
    (void)snprintf(run->result->error, LINK_SENTENCE, "connection %u could not be made: %s",
                   link->number, strerror(error));
    broken(run);
    return 0;
}

/* Handles what has happened; waits for it only while connections are being made. */
static int turn(struct run *run)
{
    struct epoll_event events[BATCH];
    int many = epoll_wait(run->poll, events, BATCH, run->phase == OPENING ? 100 : 0);
    int64_t now_ns;
    if (many < 0 && errno != EINTR)
        return -1;
    for (int i = 0; i < many && run->phase != OVER; i++) {
        struct link *link = events[i].data.ptr;
        if ((link->established ? attend(run, link, events[i].events) : dialled(run, link)) != 0)
            return -1;
    }
    now_ns = clock_now();
    if (many > 0 && run->phase == MEASURING)
        run->busy_ns += now_ns - run->now_ns;
    run->now_ns = now_ns;
    return 0;
}

static int dial(struct run *run, struct link *link, const struct sockaddr_in *address)
{
    link->fd = sock_dial(address);
    if (link->fd < 0)
        return -1;
    run->pending++;
    return watch(run, EPOLL_CTL_ADD, link, EPOLLOUT);
}

/* Establishes every connection, some at a time. */
static int open_links(struct run *run, const struct sockaddr_in *address)
{
    int64_t next = 0, until_ns = clock_now() + DIAL_NS;
    while (run->phase == OPENING && (next < run->plan->connections || run->pending > 0)) {
        while (next < run->plan->connections && run->pending < DIALS)
            if (dial(run, &run->links[next++], address) != 0)
                return -1;
        if (turn(run) != 0)
            return -1;
        if (run->now_ns >= until_ns && run->phase == OPENING) {
            (void)snprintf(run->result->error, LINK_SENTENCE,
                           "%lld of %lld connections were not made within 30 s",
                           (long long)(run->plan->connections - next + run->pending),
                           (long long)run->plan->connections);
            broken(run);
        }
    }
    return 0;
}

static void enter(struct run *run, enum phase phase, int64_t length_ns)
{
    run->phase = phase;
    run->now_ns = clock_now();
    run->until_ns = run->now_ns + length_ns;
}

/* Every link sends its first message. */
static int warm(struct run *run)
{
    enter(run, WARMING, run->plan->warmup_ms * NS_PER_MS);
    for (int64_t i = 0; i < run->plan->connections && run->phase != OVER; i++) {
        begin(run, &run->links[i], clock_now());
        if (run->phase != OVER && run->links[i].write_wanted &&
            watch(run, EPOLL_CTL_MOD, &run->links[i], EPOLLIN | EPOLLOUT) != 0)
            return -1;
    }
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
    return 0;
}

static int close_window(struct run *run)
{
    struct slice_result *result = run->result;
    result->wall_ns = run->now_ns - result->started_ns;
    if (window_end(&run->window, &result->server, &result->gauge) != 0)
        return window_failed(run);
    result->busy = (double)run->busy_ns / (double)result->wall_ns;
    enter(run, DRAINING, SLICE_DRAIN_NS);
    return 0;
}

static void give_up(struct run *run)
{
    for (int64_t i = run->plan->connections - 1; i >= 0; i--)
        if (run->links[i].outstanding) {
            run->result->unanswered++;
            link_awaits(&run->links[i], "no more came in 2 s on", run->result->error);
        }
    broken(run);
}

/* What follows when a phase has had its time. */
static int advance(struct run *run)
{
    switch (run->phase) {
    case WARMING:
        return settle(run);
    case SETTLING:
        return open_window(run);
    case MEASURING:
        return close_window(run);
    case DRAINING:
        give_up(run);
        break;
    default:
        break;
    }
    return 0;
}

static int go(struct run *run, const struct sockaddr_in *address)
{
    if (window_open(&run->window, run->pid) != 0)
        return window_failed(run);
    run->poll = epoll_create1(EPOLL_CLOEXEC);
    if (run->poll < 0 || open_links(run, address) != 0)
        return -1;
    if (run->phase == OPENING && warm(run) != 0)
        return -1;
    while (run->phase != OVER && !(run->phase == DRAINING && run->outstanding == 0)) {
        if (turn(run) != 0)
            return -1;
        if (run->phase != OVER && run->now_ns >= run->until_ns && advance(run) != 0)
            return -1;
    }
    run->result->jain = fairness_jain(run->answered, run->plan->connections);
    return 0;
}

int slice_run(const struct slice_plan *plan, const struct sockaddr_in *address, pid_t server,
              const struct pattern *pattern, struct histogram *histogram,
              struct slice_result *result)
{
    int failed = -1, error;
    struct run *run = calloc(1, sizeof *run);
    *result = (struct slice_result){.error = ""};
    histogram_clear(histogram);
    if (run == NULL)
        return -1;
    *run = (struct run){.plan = plan, .pattern = pattern, .histogram = histogram,
                        .result = result, .pid = server, .poll = -1, .phase = OPENING};
    run->links = calloc((size_t)plan->connections, sizeof *run->links);
    run->answered = calloc((size_t)plan->connections, sizeof *run->answered);
    if (run->links == NULL || run->answered == NULL)
        goto done;
    for (int64_t i = 0; i < plan->connections; i++)
        run->links[i] = (struct link){.fd = -1, .number = (uint32_t)i, .size = (size_t)plan->size};
    failed = go(run, address);
done:
    error = errno;
    for (int64_t i = 0; run->links != NULL && i < plan->connections; i++)
        if (run->links[i].fd >= 0)
            (void)close(run->links[i].fd);
    if (run->poll >= 0)
        (void)close(run->poll);
    window_close(&run->window);
    free(run->links);
    free(run->answered);
    free(run);
    errno = error;
    return failed;
}
