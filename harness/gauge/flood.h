/* Neighbours that flood: connections that send as fast as the server takes it, in large chunks, and
 * read all that comes back. They are no part of what is measured; they are what it suffers from.
 * Every byte of theirs is compared too. */
#ifndef GAUGE_FLOOD_H
#define GAUGE_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

#include "link.h"

/* What is handed over at once, and so how long the measured connections may wait for the gauge:
 * some 30 us to send, receive and compare. */
#define FLOOD_BYTES (64 * 1024)

struct flood {
    struct link *links; /* of messages of FLOOD_BYTES */
    int64_t many;
    int poll;
    char *sentence; /* not empty: a link is broken */
    bool worked, sending;
    uint64_t received; /* right bytes so far, of all */
    uint8_t buffer[2 * FLOOD_BYTES];
};

/* All of these return 0, or -1 with errno when the gauge itself cannot go on. */

/* Watches the established links. The caller has zeroed the flood and filled in poll (-1), links,
 * many and sentence; such a one may be closed, too, and one whose opening failed must be. */
int flood_open(struct flood *flood);

/* Begins to send. */
int flood_start(struct flood *flood);

/* Sends and receives once, on one connection: those that are measured have the turn after. */
int flood_turn(struct flood *flood);

/* Sends nothing more than the rest of what is under way. */
int flood_stop(struct flood *flood);

/* Links whose last chunk is not back yet. */
int64_t flood_outstanding(const struct flood *flood);

void flood_close(struct flood *flood);

#endif
