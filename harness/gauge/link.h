/* One connection of the load: a stream of messages, every byte of whose echo is compared.
 *
 * Its owner owes it messages one by one; they are sent in order as far as the socket takes them,
 * and any number may be on their way. All have the same size, so that a link remembers two places
 * in its stream, where it sends and where it awaits a reply, and its memory does not grow with what
 * is outstanding. Bytes, messages and connections are counted from 0 in every sentence. */
#ifndef GAUGE_LINK_H
#define GAUGE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pattern.h"

#define LINK_SENTENCE 200

struct link_place {
    uint64_t message;
    size_t at; /* bytes of it that are behind */
    const uint8_t *bytes;
};

struct link {
    int fd; /* -1 while closed */
    uint32_t number;
    uint32_t watched; /* events that link_watch() last asked for */
    bool write_wanted; /* the socket took only a part: wait for EPOLLOUT too */
    const struct pattern *pattern;
    size_t size;   /* of every message */
    uint64_t owed; /* messages to send, in all */
    struct link_place sending, awaited;
    int64_t began_ns; /* for the owner: when the message began that it waits for */
};

/* A link without a socket that owes nothing. */
struct link link_new(uint32_t number, const struct pattern *pattern, size_t size);

/* Owes one message more and sends what the socket takes, unless it is known to be full. False when
 * the link is broken: the sentence says how. */
bool link_owe(struct link *link, char *sentence);

/* Sends on after EPOLLOUT; false as above. */
bool link_send(struct link *link, char *sentence);

/* Reads once into the buffer, compares, and leaves in *replies how many became whole by it. False
 * as above, also for the first byte that is wrong or was never sent. */
bool link_receive(struct link *link, uint8_t *buffer, size_t size, int64_t *replies,
                  char *sentence);

/* Right bytes received so far. */
uint64_t link_received(const struct link *link);

/* True while a reply is owed by the other side. */
bool link_outstanding(const struct link *link);

/* Makes epoll wait for bytes, and with `writes` for room; events carry the link itself. Costs a
 * system call only when that is new. Returns 0, or -1 with errno. */
int link_watch(struct link *link, int poll, bool writes);

/* Says which byte of which message is still awaited. */
void link_awaits(const struct link *link, const char *what, char *sentence);

#endif
