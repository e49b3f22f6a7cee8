/* One slice of load: a fixed number of connections, in a closed loop or at a fixed rate (crowd.h),
 * and beside them neighbours that flood, if any (flood.h).
 *
 * All connections are established first. Then it runs, spinning, for the warm-up and for the
 * window. In a closed loop a warm-up begins when every connection has had a reply to one message,
 * half a second after the first at the latest: a server may still be busy with the end of the
 * connections before. Who has its reply waits for the others: a server that stays with one
 * connection for as long as it sends would take many times as long to come to the last.
 *
 * The figures are differences between the window's two edges. Afterwards nothing new is sent, what
 * is outstanding has SLICE_DRAIN_NS to come back, and the connections are closed. The first wrong
 * byte, a closed connection or a server that ends voids the slice: `error` says so.
 *
 * CPU clocks are read at the edges themselves. Run-queue waits and faults take longer to read: at
 * the first edge they are read before it, at the second after it, in an open loop as soon as all
 * counted replies are there, but SLICE_REST_NS later at the most. Such a reading would make the
 * last replies look late; with a few of them it would be the 99.9th percentile.
 *
 * schedstat adds a wait for a core only when it is over. The edges of a closed loop therefore fall
 * on replies, SLICE_EDGE_NS late at the most: who replies has its core, so that no wait is under
 * way at an edge that would count in the next window, or in none. With a busy neighbour on the
 * server's core, edges at fixed instants lost 4% of 50 ms. */
#ifndef GAUGE_SLICE_H
#define GAUGE_SLICE_H

#include <stdint.h>

#include <netinet/in.h>
#include <sys/types.h>

#include "histogram.h"
#include "link.h"
#include "pattern.h"
#include "witness.h"

#define SLICE_DRAIN_NS (INT64_C(2) * 1000000000)
#define SLICE_REST_NS (INT64_C(5) * 1000000)
#define SLICE_EDGE_NS (INT64_C(20) * 1000000) /* more than a neighbour's turn on the core */

struct slice_plan {
    int64_t connections, size;
    int64_t rate_per_s; /* 0: closed loop */
    int64_t floods;
    int64_t warmup_ms, length_ms;
};

struct slice_result {
    int64_t started_ns, wall_ns;
    int64_t messages; /* replies completed in the window; open: replies to what was due in it */
    int64_t due;      /* open: messages whose intended time lies in the window */
    int64_t backlog;  /* open: how many more had no reply at the second edge than at the first */
    int64_t flooded_bytes; /* that came back to the neighbours in the window */
    struct reading server, gauge;
    double busy; /* share of the window in which there was something to do, 0..1 */
    double jain; /* over counted messages per connection; fairness.h */
    int64_t before_ns, after_ns, oldest_ns; /* closed: what the edges cut; crowd.h */
    int64_t unanswered, errors;
    char error[LINK_SENTENCE]; /* empty when the slice holds */
};

/* Both in nanoseconds: what a reply took (closed: since its message was handed to the kernel;
 * open: since it was due), and how late a message was sent (open). */
struct slice_times {
    struct histogram latencies, late;
};

/* The longest message of a slice, for pattern_open(). */
int64_t slice_longest(const struct slice_plan *plan);

/* Runs a slice against `server` at `address`. Returns 0 with the result and the times, also when
 * the server failed; -1 with errno when the gauge itself did. */
int slice_run(const struct slice_plan *plan, const struct sockaddr_in *address, pid_t server,
              const struct pattern *pattern, struct slice_times *times,
              struct slice_result *result);

#endif
