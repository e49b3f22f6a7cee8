#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "list.h"
#include "sock.h"
#include "stop.h"

#define BUFFER_BYTES 65536
#define BATCH 128
/* New connections taken before those already served get their turn again. */
#define ACCEPTS 64
/* How long to leave the listener alone when descriptors have run out and none was given back. */
#define PAUSE_NS (75 * NS_PER_MS)

struct connection {
    struct list link;
    int fd;
    int64_t active_ns; /* read only with --idle-s */
    uint8_t *unsent;   /* what the peer has not taken; NULL while it takes everything */
    size_t at, size;
};

struct server {
    struct server_options options;
    int listener, poll, stop;
    struct list open;    /* read from; longest silent first when --idle-s counts */
    struct list blocked; /* written to: the idle clock stands still */
    int64_t many;
    int64_t paused_until_ns, cut_at_ns;
    bool accepting; /* the listener is in the poll set */
    uint8_t buffer[BUFFER_BYTES];
};

static int watch(const struct server *server, int operation, int fd, uint32_t events, void *who)
{
    struct epoll_event event = {.events = events, .data.ptr = who};
    return epoll_ctl(server->poll, operation, fd, &event);
}

static void end(struct server *server, struct connection *connection)
{
    list_remove(&connection->link);
    (void)close(connection->fd);
    free(connection->unsent);
    free(connection);
    server->many--;
    server->paused_until_ns = 0;
}

/* Everything the connection got has been written back, just now. */
static void listening(struct server *server, struct connection *connection)
{
    if (server->options.idle_ns == 0)
        return;
    connection->active_ns = clock_now();
    list_remove(&connection->link);
    list_append(&server->open, &connection->link);
}

/* Keeps what the peer would not take, and from now on waits to write instead of to read. */
static int keep(struct server *server, struct connection *connection, size_t from, size_t size)
{
    connection->unsent = malloc(size - from);
    if (connection->unsent == NULL)
        return -1;
    memcpy(connection->unsent, server->buffer + from, size - from);
    connection->at = 0;
    connection->size = size - from;
    list_remove(&connection->link);
    list_append(&server->blocked, &connection->link);
    return watch(server, EPOLL_CTL_MOD, connection->fd, EPOLLOUT, connection);
}

/* Bytes the peer took, 0 when it takes none now, -1 when it is gone. */
static ssize_t give(int fd, const uint8_t *bytes, size_t size)
{
    ssize_t gave = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (gave < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return gave;
}

/* Reads once and writes back at once. False when the connection is over. */
static bool echo(struct server *server, struct connection *connection)
{
    ssize_t gave, got = recv(connection->fd, server->buffer, BUFFER_BYTES, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return false; /* nothing is unsent, so the close says FIN behind the last byte */
    gave = give(connection->fd, server->buffer, (size_t)got);
    if (gave < 0)
        return false;
    if (gave < got)
        return keep(server, connection, (size_t)gave, (size_t)got) == 0;
    listening(server, connection);
    return true;
}

/* Writes on. False when the connection is over. */
static bool resume(struct server *server, struct connection *connection)
{
    ssize_t gave = give(connection->fd, connection->unsent + connection->at,
                        connection->size - connection->at);
    if (gave < 0)
        return false;
    connection->at += (size_t)gave;
    if (connection->at < connection->size)
        return true;
    free(connection->unsent);
    connection->unsent = NULL;
    list_remove(&connection->link);
    list_append(&server->open, &connection->link);
    listening(server, connection);
    return watch(server, EPOLL_CTL_MOD, connection->fd, EPOLLIN, connection) == 0;
}

static void attend(struct server *server, struct connection *connection, uint32_t events)
{
    bool lives;
    if (connection->unsent != NULL)
        lives = (events & EPOLLERR) == 0 && resume(server, connection);
    else
        lives = echo(server, connection);
    if (!lives)
        end(server, connection);
}

static int take_one(struct server *server)
{
    struct connection *connection;
    int fd = sock_accept(server->listener);
    if (fd < 0)
        return -1;
    connection = calloc(1, sizeof *connection);
    if (connection == NULL || watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, connection) != 0) {
        free(connection); /* this one is lost; those already served are not */
        (void)close(fd);
        return 0;
    }
    connection->fd = fd;
    list_clear(&connection->link);
    list_append(&server->open, &connection->link);
    server->many++;
    listening(server, connection);
    return 0;
}

static void take(struct server *server)
{
    for (int i = 0; i < ACCEPTS && server->many < server->options.limit; i++) {
        if (server->listener < 0 || take_one(server) == 0 || errno == ECONNABORTED)
            continue;
        /* Out of descriptors or memory: the connection stays queued and the listener readable, so
         * trying again at once would spin. */
        if (errno != EAGAIN && errno != EINTR)
            server->paused_until_ns = clock_now() + PAUSE_NS;
        return;
    }
}

/* From now on nobody new is served, and the listener is closed. */
static void drain(struct server *server)
{
    /* Taken out first: a copy of the descriptor elsewhere would keep it in the poll set. */
    (void)watch(server, EPOLL_CTL_DEL, server->listener, 0, NULL);
    (void)close(server->listener);
    server->listener = -1;
    server->cut_at_ns = clock_now() + server->options.grace_ns;
}

/* Closes who has been silent for the whole of --idle-s. A byte that arrived meanwhile counts. */
static void expire(struct server *server, int64_t now)
{
    while (server->options.idle_ns > 0 && !list_empty(&server->open)) {
        struct connection *oldest = LIST_ITEM(server->open.after, struct connection, link);
        int64_t since = oldest->active_ns;
        if (since + server->options.idle_ns > now)
            return;
        if (!echo(server, oldest) || (oldest->unsent == NULL && oldest->active_ns == since))
            end(server, oldest);
    }
}

/* When something has to happen even if no event comes. */
static int64_t next_moment(const struct server *server)
{
    int64_t moment = server->cut_at_ns;
    if (server->paused_until_ns > 0 && server->paused_until_ns < moment)
        moment = server->paused_until_ns;
    if (server->options.idle_ns > 0 && !list_empty(&server->open)) {
        struct connection *oldest = LIST_ITEM(server->open.after, struct connection, link);
        if (oldest->active_ns + server->options.idle_ns < moment)
            moment = oldest->active_ns + server->options.idle_ns;
    }
    return moment;
}

/* Brings the poll set in line with whether a new connection may be served now. */
static int accept_or_not(struct server *server)
{
    bool wanted;
    if (server->listener < 0)
        return 0;
    if (server->paused_until_ns > 0 && clock_now() >= server->paused_until_ns)
        server->paused_until_ns = 0;
    wanted = server->many < server->options.limit && server->paused_until_ns == 0;
    if (wanted == server->accepting)
        return 0;
    server->accepting = wanted;
    return watch(server, EPOLL_CTL_MOD, server->listener, wanted ? EPOLLIN : 0, &server->listener);
}

struct server *server_open(int listener, const struct server_options *options)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->options = *options;
    server->listener = -1;
    server->cut_at_ns = CLOCK_NEVER;
    server->accepting = true;
    list_clear(&server->open);
    list_clear(&server->blocked);
    server->stop = stop_open();
    server->poll = epoll_create1(EPOLL_CLOEXEC);
    if (server->stop < 0 || server->poll < 0 ||
        watch(server, EPOLL_CTL_ADD, server->stop, EPOLLIN, &server->stop) != 0 ||
        watch(server, EPOLL_CTL_ADD, listener, EPOLLIN, &server->listener) != 0) {
        int error = errno;
        server_close(server);
        errno = error;
        return NULL;
    }
    server->listener = listener;
    return server;
}

int server_run(struct server *server)
{
    struct epoll_event events[BATCH];
    while (server->cut_at_ns == CLOCK_NEVER ||
           (server->many > 0 && clock_now() < server->cut_at_ns)) {
        int many = epoll_wait(server->poll, events, BATCH,
                              clock_timeout_ms(next_moment(server)));
        if (many < 0 && errno != EINTR)
            return -1;
        for (int i = 0; i < many; i++) {
            void *who = events[i].data.ptr;
            if (who == &server->listener)
                take(server);
            else if (who != &server->stop)
                attend(server, who, events[i].events);
            else if (stop_take(server->stop) != 0)
                drain(server);
        }
        if (server->options.idle_ns > 0)
            expire(server, clock_now());
        if (accept_or_not(server) != 0)
            return -1;
    }
    return 0;
}

static void cut(struct server *server, struct list *list)
{
    while (!list_empty(list))
        end(server, LIST_ITEM(list->after, struct connection, link));
}

void server_close(struct server *server)
{
    cut(server, &server->open);
    cut(server, &server->blocked);
    if (server->listener >= 0)
        (void)close(server->listener);
    if (server->poll >= 0)
        (void)close(server->poll);
    if (server->stop >= 0)
        (void)close(server->stop);
    free(server);
}
