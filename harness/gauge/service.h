/* The origin at work: connections, requests, and answers after their delay. See origin.h. */
#ifndef GAUGE_SERVICE_H
#define GAUGE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "answer.h"
#include "delay.h"
#include "list.h"
#include "notice.h"
#include "stamps.h"

struct service {
    /* Set by the caller. */
    int listener; /* non-blocking; stays the caller's */
    int64_t requests, delay_ns, body_bytes;
    struct stamps *stamps; /* stays the caller's */
    /* Counts, for the caller to read. */
    int64_t answered, errors, accepted, in_flight_max;
    int64_t first_ns, last_ns; /* first request read, last answer sent; 0 when there was none */
    /* The service's own; 0 at first. */
    int poll, stop;
    bool stopped;
    struct answer answer;
    struct delay delay;
    struct notice notice;
    struct list open;
    int64_t arrived, in_flight, visiting, now_ns, busy_ns;
};

/* Returns 0, or -1 with errno; service_close is due in both cases. */
int service_open(struct service *service);

/* Serves until all is answered and everyone has left, or it was told to stop. Returns 0, or -1
 * with errno when the origin itself cannot go on. */
int service_run(struct service *service);

void service_close(struct service *service);

#endif
