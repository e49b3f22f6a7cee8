/* load: echo load in slices, in a closed loop or at a fixed rate.
 *
 *     load --port P --server-pid PID [--host 127.0.0.1]
 *          --slices CxS[@R][+F]/WARMUP_MS/LENGTH_MS,...
 *
 * C connections, messages of S bytes; with @R an open loop of R messages a second over all
 * connections (crowd.h), with +F so many neighbours that flood (flood.h); see slice.h for what a
 * slice is. One JSON line per slice, flushed as it ends: connections size warmup_ms length_ms
 * started_ns wall_ns messages rate_per_s server_cpu_ns gauge_cpu_ns server_wait_ns gauge_wait_ns
 * server_faults busy jain mean_latency_ns p50_ns p90_ns p99_ns p999_ns max_ns overflow unanswered
 * due late_p50_ns late_p99_ns flooded_bytes errors error latencies.
 *
 * Open loop: `due` messages had their intended time in the window, `messages` of them were answered
 * and `unanswered` were not, not even in the drain: no error, but a rate that was not reached. The
 * rate is messages over wall; late_* say how late the gauge was with them, and `latencies` is
 * their histogram: [[a bucket's middle, how many], ...] ascending, none empty. Middles are always
 * the same (histogram.h), so that adding up the counts of equal ones merges slices exactly; what is
 * in `overflow` is in no bucket. In a closed loop due, late_* and latencies are 0 and [].
 *
 * With an error the other figures mean nothing. Exit 0 when every slice has its line, whatever the
 * server did; 1 when the gauge itself could not go on. */
#ifndef GAUGE_LOAD_H
#define GAUGE_LOAD_H

int load_main(int argc, char **argv);

#endif
