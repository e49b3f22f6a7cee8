#define _GNU_SOURCE
#include "service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "answer.h"
#include "clock.h"
#include "delay.h"
#include "notice.h"
#include "sock.h"
#include "stop.h"
#include "visitor.h"

#define BATCH 64

static const char BAD[] =
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

static int watch(const struct service *service, int operation, int fd, uint32_t events, void *who)
{
    struct epoll_event event = {.events = events, .data.ptr = who};
    return epoll_ctl(service->poll, operation, fd, &event);
}

static void leave(struct service *service, struct visitor *visitor)
{
    visitor_close(visitor);
    service->visiting--;
    if (visitor->owed == 0)
        visitor_free(visitor);
}

/* Waits for what the visitor can do next, or lets it go. */
static int follow(struct service *service, struct visitor *visitor)
{
    uint32_t events = visitor->unsent != NULL ? EPOLLOUT : visitor->ended ? 0 : EPOLLIN;
    bool plain = events == EPOLLIN;
    if (visitor->ended && visitor->owed == 0 && visitor->unsent == NULL) {
        leave(service, visitor);
        return 0;
    }
    if (plain && !visitor->watching)
        return 0;
    visitor->watching = !plain;
    return watch(service, EPOLL_CTL_MOD, visitor->fd, events, visitor);
}

static int respond(struct service *service, struct visitor *visitor, uint64_t number)
{
    visitor->owed--;
    service->in_flight--;
    if (visitor->fd < 0) {
        if (visitor->owed == 0)
            visitor_free(visitor);
        return 0;
    }
    answer_make(&service->answer, number);
    if (!visitor_send(visitor, service->answer.bytes, service->answer.size)) {
        leave(service, visitor);
        return 0;
    }
    service->answered++;
    service->last_ns = clock_now();
    return service->delay_ns > 0 ? follow(service, visitor) : 0;
}

/* Answers at once, or when its time has come. */
static int arrive(struct service *service, struct visitor *visitor, const struct request *request)
{
    int64_t now_ns = clock_now();
    struct delayed item = {now_ns + service->delay_ns, request->number, visitor};
    if (service->arrived++ == 0)
        service->first_ns = now_ns;
    visitor->owed++;
    visitor->ended = visitor->ended || request->close;
    if (++service->in_flight > service->in_flight_max)
        service->in_flight_max = service->in_flight;
    if (stamps_arrival(service->stamps, service->arrived, service->in_flight, now_ns,
                       service->busy_ns + (now_ns - service->now_ns)) != 0)
        return -1;
    if (service->delay_ns > 0)
        return delay_push(&service->delay, item);
    return respond(service, visitor, request->number);
}

static void reject(struct service *service, struct visitor *visitor)
{
    service->errors++;
    (void)visitor_send(visitor, BAD, sizeof BAD - 1);
    leave(service, visitor);
}

static int hear(struct service *service, struct visitor *visitor)
{
    struct request request;
    bool gone = false, more = visitor_receive(visitor, &gone);
    enum request_state state = REQUEST_INCOMPLETE;
    if (gone) {
        leave(service, visitor);
        return 0;
    }
    while (more && (state = visitor_next(visitor, &request)) == REQUEST_COMPLETE) {
        int64_t visiting = service->visiting;
        if (arrive(service, visitor, &request) != 0)
            return -1;
        if (service->visiting < visiting) /* it left while it was answered */
            return 0;
        more = !visitor->ended;
    }
    if (state == REQUEST_BAD) {
        reject(service, visitor);
        return 0;
    }
    return follow(service, visitor);
}

static int attend(struct service *service, struct visitor *visitor, uint32_t events)
{
    bool lives = (events & EPOLLERR) == 0;
    if (lives && visitor->unsent != NULL)
        lives = visitor_resume(visitor);
    else if (lives && (events & EPOLLIN) != 0 && !visitor->ended)
        return hear(service, visitor);
    else if (events & EPOLLHUP)
        lives = false;
    if (lives)
        return follow(service, visitor);
    leave(service, visitor);
    return 0;
}

static int welcome(struct service *service)
{
    struct visitor *visitor;
    int fd = sock_accept(service->listener);
    if (fd < 0)
        return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED ? 0 : -1;
    visitor = visitor_open(fd);
    if (visitor == NULL || watch(service, EPOLL_CTL_ADD, fd, EPOLLIN, visitor) != 0) {
        free(visitor);
        (void)close(fd);
        return -1;
    }
    list_append(&service->open, &visitor->link);
    service->accepted++;
    service->visiting++;
    return 0;
}

static void hear_notice(struct service *service)
{
    pid_t pid = 0;
    if (!notice_read(&service->notice, STDIN_FILENO, &pid))
        service->stopped = true;
    if (pid != 0)
        stamps_client(service->stamps, pid);
}

static int dispatch(struct service *service, const struct epoll_event *event)
{
    void *who = event->data.ptr;
    if (who == &service->listener)
        return welcome(service);
    if (who == &service->stop)
        service->stopped = stop_take(service->stop) != 0 || service->stopped;
    else
        return attend(service, who, event->events);
    return 0;
}

/* Answers whose time has come. */
static int release(struct service *service, bool *busy)
{
    const struct delayed *due;
    while ((due = delay_first(&service->delay)) != NULL && due->due_ns <= clock_now()) {
        struct delayed item = *due;
        delay_pop(&service->delay);
        *busy = true;
        if (respond(service, item.visitor, item.number) != 0)
            return -1;
    }
    return 0;
}

static int turn(struct service *service)
{
    struct epoll_event events[BATCH];
    int64_t now_ns;
    bool busy;
    /* Spinning costs a core and is worth it only while somebody is there to be answered. */
    bool alone = service->visiting == 0;
    int many = epoll_wait(service->poll, events, BATCH, alone ? -1 : 0);
    if (many < 0 && errno != EINTR)
        return -1;
    if (alone)
        service->now_ns = clock_now();
    busy = many > 0;
    /* Stdin first: a pid that was written before a request was sent counts for its stamp. */
    for (int i = 0; i < many; i++)
        if (events[i].data.ptr == &service->notice)
            hear_notice(service);
    for (int i = 0; i < many; i++)
        if (events[i].data.ptr != &service->notice && dispatch(service, &events[i]) != 0)
            return -1;
    if (release(service, &busy) != 0)
        return -1;
    now_ns = clock_now();
    if (busy)
        service->busy_ns += now_ns - service->now_ns;
    service->now_ns = now_ns;
    return 0;
}

int service_open(struct service *service)
{
    service->poll = epoll_create1(EPOLL_CLOEXEC);
    service->stop = stop_open();
    list_clear(&service->open);
    if (service->poll < 0 || service->stop < 0 ||
        answer_open(&service->answer, (size_t)service->body_bytes) != 0 ||
        watch(service, EPOLL_CTL_ADD, service->listener, EPOLLIN, &service->listener) != 0 ||
        watch(service, EPOLL_CTL_ADD, service->stop, EPOLLIN, &service->stop) != 0)
        return -1;
    /* A file or /dev/null cannot be waited for, and a closed stdin says nothing. */
    if (watch(service, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, &service->notice) != 0 &&
        errno != EPERM && errno != EBADF)
        return -1;
    return 0;
}

int service_run(struct service *service)
{
    while (!service->stopped &&
           (service->answered < service->requests || service->visiting > 0))
        if (turn(service) != 0)
            return -1;
    return 0;
}

void service_close(struct service *service)
{
    const struct delayed *due;
    while (!list_empty(&service->open))
        leave(service, LIST_ITEM(service->open.after, struct visitor, link));
    while ((due = delay_first(&service->delay)) != NULL) {
        struct visitor *visitor = due->visitor;
        delay_pop(&service->delay);
        if (--visitor->owed == 0)
            visitor_free(visitor);
    }
    delay_close(&service->delay);
    answer_close(&service->answer);
    if (service->poll >= 0)
        (void)close(service->poll);
    if (service->stop >= 0)
        (void)close(service->stop);
}
