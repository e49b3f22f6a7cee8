/* churn: how many connections a second an echo server opens, serves and closes.
 *
 *     churn --port P --server-pid PID --at-once N --length-ms L [--warmup-ms W] [--host 127.0.0.1]
 *           [--first-source K]
 *
 * Each of N visitors dials, sends 64 bytes, reads them back compared, sends FIN, waits for the
 * server's FIN, closes, and dials anew; it spins all the while. A connection counts when the
 * server's FIN comes in the window; its latency is from connect to that FIN. After the window
 * nothing is dialled, and what is under way has CHURN_DRAIN_S to end: a server that never closes
 * is an error that names the connection. The first error ends it.
 *
 * N stays below the backlog that the harness gives its listeners, past which SYNs are dropped. The
 * gauge closes first, so it is the one whose ports stay in TIME_WAIT for a minute. Of an address
 * pair there are 28,000, so connections come from 127.0.0.1, 127.0.0.2, ... 127.0.0.64 in turn,
 * from 127.0.0.(1 + K) on, CHURN_PORTS from each or until it has none left: 8,700 a second can go
 * on for ever, and loopback's own reuse of ports after a second (net.ipv4.tcp_tw_reuse=2, the
 * kernel's default) makes more of it. A gauge that begins anew should begin at another K: with the
 * ports of the one before in TIME_WAIT, connecting is a search. A server that is not on 127/8 has
 * one address pair alone.
 *
 * Prints one JSON line: opened wall_ns rate_per_s server_cpu_ns gauge_cpu_ns server_wait_ns
 * gauge_wait_ns busy p50_ns p99_ns max_ns errors error. With an error the other figures mean
 * nothing. Exit 0 with the line, whatever the server did; 1 when the gauge could not go on. */
#ifndef GAUGE_CHURN_H
#define GAUGE_CHURN_H

#define CHURN_BYTES 64
#define CHURN_AT_ONCE 512
#define CHURN_PORTS 8192
#define CHURN_SOURCES 64
#define CHURN_DRAIN_S 2

int churn_main(int argc, char **argv);

#endif
