/* The echo server itself: one thread, one level-triggered epoll, one read buffer for all. */
#ifndef GAUGE_SERVER_H
#define GAUGE_SERVER_H

#include <stdint.h>

struct server_options {
    int64_t idle_ns;  /* close a connection that was silent so long; 0: never */
    int64_t grace_ns; /* how long open connections may go on after the signal */
    int64_t limit;    /* connections served at once; the surplus waits in the backlog */
};

struct server;

/* Takes over the listener (non-blocking, see sock_adopt) and stands ready for signals; NULL with
 * errno, and the listener is still the caller's. */
struct server *server_open(int listener, const struct server_options *options);

/* Serves until a signal has come and the drain is over. Returns 0, or -1 with errno. */
int server_run(struct server *server);

void server_close(struct server *server);

#endif
