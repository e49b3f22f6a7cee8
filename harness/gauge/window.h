/* What a stretch of time cost the server and the gauge: readings at its two edges, subtracted.
 *
 * Every call returns 0, or -1 with errno, where ESRCH means that the server has ended. */
#ifndef GAUGE_WINDOW_H
#define GAUGE_WINDOW_H

#include <stdint.h>

#include <sys/types.h>

#include "witness.h"

struct window {
    struct witness *server, *gauge;
    struct reading server_before, gauge_before;
};

/* A zeroed window may be closed too, and one whose opening failed must be. */
int window_open(struct window *window, pid_t server);

/* Reads what takes long to read, waits and faults. Meanwhile the server gets ahead of the gauge,
 * so the first edge should come only after as long again: replies made before it would count. */
int window_settle(struct window *window);

/* The first edge. */
int window_begin(struct window *window);

/* The second edge: the clocks alone, at once. window_rest() must follow. */
int window_edge(struct window *window, struct reading *server, struct reading *gauge);

/* Reads the rest and leaves all differences, the server's children included. As long as at the
 * first edge it takes too long for whoever counts replies to the nanosecond to do nothing else. */
int window_rest(struct window *window, struct reading *server, struct reading *gauge);

/* Both, where nothing is to be done between them. */
int window_end(struct window *window, struct reading *server, struct reading *gauge);

void window_close(struct window *window);

#endif
