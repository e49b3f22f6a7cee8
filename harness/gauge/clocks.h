/* witness: which CPU clock a server is read by here, and how exact it is.
 *
 *     witness --about
 *     witness --pid PID --windows N --length-ms L
 *
 * --about prints {"cpu_clock": "task" | "process"} as witness_clock would say it of a server. The
 * other reads a process at the edges of N windows, L ms each, and prints
 *
 *     {"cpu_clock": ..., "windows": [[wall_ns, cpu_ns, process_ns], ...]}
 *
 * where cpu_ns is what a slice would count, and process_ns the clock of the process (without its
 * children) as clock_gettime has it. Against a process that computes all the time on a core of its
 * own, cpu_ns / wall_ns shows how exact the clock is. Exit 0, or 1 with a sentence. */
#ifndef GAUGE_CLOCKS_H
#define GAUGE_CLOCKS_H

int clocks_main(int argc, char **argv);

#endif
