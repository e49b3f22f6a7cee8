/* SIGTERM and SIGINT as something epoll can wait for, so that no flag, no handler and no race
 * between looking at a flag and going to sleep exist at all. */
#ifndef GAUGE_STOP_H
#define GAUGE_STOP_H

/* Blocks both signals and returns a non-blocking descriptor that becomes readable when one
 * arrives; -1 with errno otherwise. */
int stop_open(void);

/* The number of the signal that arrived, 0 when none did. From the first one on both have their
 * default action again: another ends the process at once. */
int stop_take(int fd);

#endif
