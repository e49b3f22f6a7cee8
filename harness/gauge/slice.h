/* One slice of closed-loop load: a fixed number of connections, each with one message outstanding.
 *
 * All connections are established first. Then it runs, spinning, for the warm-up and for the
 * window; the figures are differences between the window's two edges. Afterwards nothing new is
 * sent, what is outstanding has SLICE_DRAIN_NS to come back, and the connections are closed. The
 * first wrong byte, a closed connection or a server that ends voids the slice: `error` says so. */
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

struct slice_plan {
    int64_t connections, size, warmup_ms, length_ms;
};

struct slice_result {
    int64_t started_ns, wall_ns;
    int64_t messages; /* replies completed in the window */
    struct reading server, gauge;
    double busy; /* share of the window in which there was something to do, 0..1 */
    double jain; /* over messages per connection in the window; fairness.h */
    int64_t unanswered, errors;
    char error[LINK_SENTENCE]; /* empty when the slice holds */
};

/* Runs a slice against `server` at `address`, and leaves its latencies (first byte sent to last
 * byte received, replies in the window) in the histogram. Returns 0 with the result, also when the
 * server failed; -1 with errno when the gauge itself did. */
int slice_run(const struct slice_plan *plan, const struct sockaddr_in *address, pid_t server,
              const struct pattern *pattern, struct histogram *histogram,
              struct slice_result *result);

#endif
