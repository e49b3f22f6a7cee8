/* load: closed-loop echo load in slices.
 *
 *     load --port P --server-pid PID [--host 127.0.0.1] --slices CxS/WARMUP_MS/LENGTH_MS,...
 *
 * C connections, messages of S bytes; see slice.h for what a slice is. One JSON line per slice,
 * flushed as it ends: connections size warmup_ms length_ms started_ns wall_ns messages rate_per_s
 * server_cpu_ns gauge_cpu_ns server_wait_ns gauge_wait_ns server_faults busy jain mean_latency_ns
 * p50_ns p90_ns p99_ns p999_ns max_ns overflow unanswered errors error. With an error the other
 * figures mean nothing. Exit 0 when every slice has its line, whatever the server did; 1 when the
 * gauge itself could not go on. */
#ifndef GAUGE_LOAD_H
#define GAUGE_LOAD_H

int load_main(int argc, char **argv);

#endif
