/* Making many connections to one server, some at a time, before any of them is used. */
#ifndef GAUGE_DIAL_H
#define GAUGE_DIAL_H

#include <stdint.h>

#include <netinet/in.h>

#include "link.h"

#define DIAL_S 30 /* for all of them */

/* Gives every link its established socket. Returns 0, also when the server cannot be reached: the
 * sentence, empty otherwise, then says so and some links have no socket or one under way. -1 with
 * errno when the gauge itself could not go on. */
int dial_all(struct link *links, int64_t many, const struct sockaddr_in *address, char *sentence);

#endif
