/* origin: an HTTP/1.1 keep-alive server that holds every answer back for the same time.
 *
 *     origin --fd N --requests K [--delay-ms D] [--body-bytes B] [--stamps M]
 *
 * It takes a listening socket by --fd, prints READY, and answers `GET /<number>...` with 200 and B
 * bytes, of which byte i is (number + i*7 + (i>>8)) & 0xff; harness.gauge.body(number, B) is the
 * same in Python. An answer leaves D ms after the complete request was read (0: at once), first
 * come first served, by a spinning clock: it wants a core of its own while connections are open.
 * A bad request gets 400, counts in `errors`, and its connection is closed.
 *
 * `pid N` on a line of stdin names the client, whose CPU, run-queue wait and minor faults are
 * stamped from then on. It ends when K requests have been answered and every connection is closed,
 * or with stdin, or on SIGTERM or SIGINT, and prints one JSON line: requests (answered) errors
 * connections (accepted in all) in_flight_max first_ns (first request read) last_ns (last answer
 * sent) stamps. A stdin that epoll cannot watch (a file, /dev/null) is not read.
 *
 * stamps: M+1 (20+1) records, taken as the requests that are 0/M, 1/M, .. M/M of K have been read:
 * requests time_ns client_cpu_ns client_wait_ns client_faults (null without a pid, or once the
 * client is gone) origin_cpu_ns origin_wait_ns in_flight busy (share of the time since the stamp
 * before in which there was something to do). Fewer when fewer requests came. */
#ifndef GAUGE_ORIGIN_H
#define GAUGE_ORIGIN_H

int origin_main(int argc, char **argv);

#endif
