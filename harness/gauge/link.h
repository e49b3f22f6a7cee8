/* One connection of the load: it has one message outstanding and compares every byte that comes.
 *
 * Bytes, messages and connections are counted from 0 in every sentence. */
#ifndef GAUGE_LINK_H
#define GAUGE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>

#include "pattern.h"

#define LINK_SENTENCE 200

struct link {
    int fd; /* -1 while closed */
    uint32_t number;
    bool established;
    bool outstanding;  /* the current message is on its way */
    bool write_wanted; /* the socket took only a part of it: wait for EPOLLOUT too */
    uint64_t message;  /* number of the current one */
    const uint8_t *bytes;
    size_t size, sent, got;
    int64_t began_ns; /* when its first byte was handed to the kernel */
};

enum link_state {
    LINK_WAITS,    /* nothing more can be done now */
    LINK_ANSWERED, /* the whole reply came, and was right */
    LINK_BROKEN    /* the sentence says how */
};

/* Starts the next message and sends what the socket takes. */
enum link_state link_begin(struct link *link, const struct pattern *pattern, int64_t now_ns,
                           char *sentence);

/* Sends on after EPOLLOUT. */
enum link_state link_send(struct link *link, char *sentence);

/* Reads once into the buffer and compares. */
enum link_state link_receive(struct link *link, uint8_t *buffer, size_t size, char *sentence);

/* Says which byte of which message is still awaited. */
void link_awaits(const struct link *link, const char *what, char *sentence);

#endif
