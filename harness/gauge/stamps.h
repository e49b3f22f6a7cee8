/* The origin's record of how far a run had come when, and what that had cost the client. */
#ifndef GAUGE_STAMPS_H
#define GAUGE_STAMPS_H

#include <stdint.h>
#include <stdio.h>

#include <sys/types.h>

struct stamps;

/* Room for many+1 stamps over `requests` requests; NULL with errno. */
struct stamps *stamps_open(int64_t requests, int64_t many);

/* From now on the client is process `pid`; one that does not exist is no client. */
void stamps_client(struct stamps *stamps, pid_t pid);

/* Request number `arrived` (from 1) was read at time_ns, until when the origin has been busy for
 * busy_ns in all. Takes the stamps that are due. Returns 0, or -1 with errno when the origin cannot
 * read itself. */
int stamps_arrival(struct stamps *stamps, int64_t arrived, int64_t in_flight, int64_t time_ns,
                   int64_t busy_ns);

/* Writes a JSON array. */
void stamps_print(const struct stamps *stamps, FILE *to);

void stamps_close(struct stamps *stamps);

#endif
