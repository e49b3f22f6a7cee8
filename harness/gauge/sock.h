/* Sockets the way every role wants them: non-blocking, close-on-exec, no delay on small writes. */
#ifndef GAUGE_SOCK_H
#define GAUGE_SOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

/* Fills `address` from a dotted quad or `localhost`; false when `host` is neither. */
bool sock_address(struct sockaddr_in *address, const char *host, uint16_t port);

/* A socket whose connect has begun (it is established once epoll says writable and sock_error
 * says 0); -1 with errno when it could not even begin. */
int sock_dial(const struct sockaddr_in *address);

/* The same from the address 127.0.0.`source` + 1, where `address` is on the loopback (127/8) too;
 * elsewhere the kernel chooses. Each of them has all ephemeral ports for itself. */
int sock_dial_from(const struct sockaddr_in *address, uint32_t source);

/* 0 when `connections` and a few descriptors more may be open; else a sentence says how many are
 * missing, and EXIT_FAILED is returned. */
int sock_room(int64_t connections);

/* The error that waits in a socket, 0 when none does. */
int sock_error(int fd);

/* A socket that listens on 127.0.0.1; -1 with errno. */
int sock_listen(uint16_t port);

/* Makes a listener that was handed over ready for epoll; connections accepted from it inherit
 * TCP_NODELAY. Returns -1 with errno when fd is not a listening socket. Never calls listen(). */
int sock_adopt(int fd);

/* The next connection, non-blocking; -1 with errno. */
int sock_accept(int listener);

#endif
