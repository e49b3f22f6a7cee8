/* One connection of the origin: bytes in, heads out; answers in, bytes out. */
#ifndef GAUGE_VISITOR_H
#define GAUGE_VISITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "request.h"

/* A longer head is a bad request. */
#define VISITOR_HEAD 8192

struct visitor {
    struct list link;
    int fd;        /* -1 once closed; the record lives on while answers for it are delayed */
    size_t owed;   /* requests read and not yet answered */
    bool ended;    /* sends no more requests, or may not: close when nothing is owed */
    bool watching; /* for EPOLLOUT instead of EPOLLIN */
    size_t got;
    uint8_t *unsent;
    size_t at, size;
    char head[VISITOR_HEAD];
};

/* A visitor on an accepted socket; NULL with errno. */
struct visitor *visitor_open(int fd);

/* Reads once. False when nothing will ever come again: the visitor is `ended`, or gone. */
bool visitor_receive(struct visitor *visitor, bool *gone);

/* Takes the next request out of what was read. */
enum request_state visitor_next(struct visitor *visitor, struct request *request);

/* Sends, or keeps what the socket does not take. False when the visitor is gone. */
bool visitor_send(struct visitor *visitor, const void *bytes, size_t size);

/* Sends what was kept. False when the visitor is gone. */
bool visitor_resume(struct visitor *visitor);

/* Closes the socket; visitor_free frees the record. */
void visitor_close(struct visitor *visitor);

void visitor_free(struct visitor *visitor);

#endif
