/* One connection of the fetch client: dialled without waiting, watched for one thing at a time, and
 * the exchange that it is at. Whoever drives it keeps it in a list. */
#ifndef GAUGE_WIRE_H
#define GAUGE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sys/epoll.h>

#include "exchange.h"
#include "list.h"

/* Edges: the kernel does not look again at a socket that it has told of, which saves 3% of what a
 * request costs. Whatever is there must then be read at once, up to an end that was told. */
#define WIRE_TO_READ (EPOLLIN | EPOLLRDHUP | EPOLLET)
#define WIRE_ENDS (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

struct wire {
    struct list link; /* in busy, by start of its URL, or in idle, the last used last */
    int fd;
    struct sockaddr_in address;
    bool connecting, idle;
    bool reused; /* it has served another URL before */
    size_t sent; /* of the request */
    size_t index;
    int64_t started_ns;
    struct exchange exchange;
};

/* Begins to connect to the address; NULL when there is no way to. */
struct wire *wire_new(const struct sockaddr_in *address, int poll);

/* Begins to connect once more, in place of a connection that was lost. False: no way to. */
bool wire_redial(struct wire *wire, int poll);

/* Waits for these events instead of the present ones. 0, or -1 with errno. */
int wire_watch(struct wire *wire, int poll, uint32_t events);

/* Closes it, takes it out of its list and frees it. */
void wire_hang_up(struct wire *wire);

#endif
