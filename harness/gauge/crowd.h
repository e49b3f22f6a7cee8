/* The connections that are measured, the loop that decides when they send, and what is counted.
 *
 * Two loops exist. CLOSED: each connection has one message outstanding, and its reply sends the
 * next. Its latency runs from that moment, and the replies that come between the window's two
 * edges count. What an edge cuts is accounted for: how long the messages on their way have been so
 * at each. Replies take, all together, the connections' time in the window, plus that of the first
 * edge, less that of the second (J. D. C. Little, "A Proof for the Queuing Formula: L = lambda W",
 * 1961; for windows that do not begin and end empty: S.-H. Kim and W. Whitt, "Statistical Analysis
 * with Little's Law", 2013).
 *
 * OPEN: message k is due at start + k/rate on connection k mod N and sent then, whatever is still
 * outstanding; connections are streams. Latency runs from the intended time, never from the sending
 * (no coordinated omission: G. Tene, "How NOT to Measure Latency", 2013). The messages that are due
 * after the first edge and not after the second count, also when their replies come later. An
 * intended time is computed from a message's number alone, so that the memory of a crowd is the
 * same whatever is outstanding. How late a message was is the gauge's own doing: the time from when
 * it was due to when the gauge came to it, whether or not the socket then took it. */
#ifndef GAUGE_CROWD_H
#define GAUGE_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "link.h"
#include "schedule.h"

/* More than a reply of common size, so that one recv fetches it and any surplus with it. */
#define CROWD_BUFFER (128 * 1024)

struct crowd;

struct loop {
    /* Begins: everything up to the first edge is warm-up. */
    int (*start)(struct crowd *crowd);
    /* Ends the greeting: who waits goes on. NULL where there is none. */
    int (*greeted)(struct crowd *crowd);
    /* Sends what is due, some messages a call; NULL when only replies make something due. */
    int (*pace)(struct crowd *crowd);
    /* `replies` of a link have just become whole. */
    int (*answered)(struct crowd *crowd, struct link *link, int64_t replies);
    /* The window's edges. Nothing new is sent after the second. */
    void (*first_edge)(struct crowd *crowd, int64_t edge_ns);
    int (*second_edge)(struct crowd *crowd, int64_t edge_ns);
    /* What counted messages still lack when the drain is over. */
    int64_t (*unanswered)(struct crowd *crowd);
    /* The edges wait for a reply, and are not kept to the nanosecond; slice.h. */
    bool edge_on_reply;
};

extern const struct loop closed_loop, open_loop;

struct crowd {
    const struct loop *loop;
    struct link *links;
    int64_t many;
    int poll;
    char *sentence; /* not empty: a link is broken and the slice void */
    bool worked;    /* set where there was something to do */
    bool sending;   /* from the start to the second edge */
    bool counting;  /* closed: between the edges */
    struct schedule schedule; /* open */
    uint64_t first, last;     /* open: numbers first..last-1 count */
    int64_t outstanding;
    bool greeting;   /* closed: each connection sends one message, and waits for the others */
    int64_t greeted; /* closed: connections that have had a reply */
    int64_t messages, due; /* counted; due is 0 in a closed loop */
    int64_t backlog;       /* open: by how many messages it grew from edge to edge */
    int64_t *answered;     /* counted, per connection */
    int64_t before_ns, after_ns; /* closed: ages at the edges of what is on its way, summed up */
    int64_t oldest_ns;           /* closed: the greatest of them at the second */
    struct histogram *latencies, *late;
    uint8_t buffer[CROWD_BUFFER];
};

/* All of these return 0, or -1 with errno when the gauge itself cannot go on. */

/* Watches the established links. `rate_per_s` chooses the loop: closed when 0. The caller has
 * zeroed the crowd and filled in poll (-1), links, many, sentence and the histograms; such a one
 * may be closed, too, and one whose opening failed must be. */
int crowd_open(struct crowd *crowd, int64_t rate_per_s);

/* Sends what is due and handles what has happened; never waits. */
int crowd_turn(struct crowd *crowd);

/* For loops: owes a link one message more. */
int crowd_owe(struct crowd *crowd, struct link *link);

/* For loops: counts a reply. */
void crowd_count(struct crowd *crowd, const struct link *link, int64_t latency_ns);

void crowd_close(struct crowd *crowd);

#endif
