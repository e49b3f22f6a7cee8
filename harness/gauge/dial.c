#define _GNU_SOURCE
#include "dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "clock.h"
#include "sock.h"

#define BATCH 64
/* Handshakes under way at once: well below a listener's backlog, past which SYNs are dropped. */
#define AT_ONCE 128
#define WAIT_MS 100

struct dial {
    struct link *links;
    int64_t many, begun, made;
    int poll;
    char *sentence;
};

static int begin(struct dial *dial, const struct sockaddr_in *address)
{
    struct link *link = &dial->links[dial->begun];
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = link};
    link->fd = sock_dial(address);
    if (link->fd < 0)
        return -1;
    dial->begun++;
    return epoll_ctl(dial->poll, EPOLL_CTL_ADD, link->fd, &event);
}

/* One connection has been made or refused; what comes later on it is another's to see. */
static int end(struct dial *dial, const struct link *link)
{
    int error = sock_error(link->fd);
    if (error != 0)
        (void)snprintf(dial->sentence, LINK_SENTENCE, "connection %u could not be made: %s",
                       link->number, strerror(error));
    dial->made++;
    return epoll_ctl(dial->poll, EPOLL_CTL_DEL, link->fd, NULL);
}

static int wait(struct dial *dial)
{
    struct epoll_event events[BATCH];
    int many = epoll_wait(dial->poll, events, BATCH, WAIT_MS);
    if (many < 0 && errno != EINTR)
        return -1;
    for (int i = 0; i < many && dial->sentence[0] == '\0'; i++)
        if (end(dial, events[i].data.ptr) != 0)
            return -1;
    return 0;
}

static int go(struct dial *dial, const struct sockaddr_in *address)
{
    int64_t until_ns = clock_now() + DIAL_S * NS_PER_S;
    while (dial->made < dial->many && dial->sentence[0] == '\0') {
        while (dial->begun < dial->many && dial->begun - dial->made < AT_ONCE)
            if (begin(dial, address) != 0)
                return -1;
        if (wait(dial) != 0)
            return -1;
        if (clock_now() >= until_ns && dial->made < dial->many && dial->sentence[0] == '\0')
            (void)snprintf(dial->sentence, LINK_SENTENCE,
                           "%lld of %lld connections were not made within %d s",
                           (long long)(dial->many - dial->made), (long long)dial->many, DIAL_S);
    }
    return 0;
}

int dial_all(struct link *links, int64_t many, const struct sockaddr_in *address, char *sentence)
{
    struct dial dial = {.links = links, .many = many, .sentence = sentence};
    int failed, error;
    sentence[0] = '\0';
    dial.poll = epoll_create1(EPOLL_CLOEXEC);
    if (dial.poll < 0)
        return -1;
    failed = go(&dial, address);
    error = errno;
    (void)close(dial.poll);
    errno = error;
    return failed;
}
