/* The head of an HTTP/1.x answer: RFC 9112 to the letter, with what it leaves open refused. */
#ifndef GAUGE_REPLY_H
#define GAUGE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer heads, and those of more headers, are bad ones. */
#define REPLY_HEAD_BYTES 65536
#define REPLY_HEADERS 1000

struct reply {
    int status;
    int64_t length; /* of the body; -1: chunks, or up to the end of the connection */
    bool chunked;
    bool modern;     /* HTTP/1.1 or later */
    bool keep;       /* the connection may carry another request */
    bool close;      /* it says `Connection: close`, which no other word undoes */
    bool unreadable; /* a coding that is not one `chunked`: bad where there is a body */
    unsigned headers;
    size_t size;     /* bytes of the head, its empty line included */
};

enum reply_state { REPLY_INCOMPLETE, REPLY_COMPLETE, REPLY_BAD };

/* Reads the head at the start of `bytes`; only REPLY_COMPLETE fills the record, for an interim
 * answer (status below 200) too. A head that is bad so far is bad before its end has come. */
enum reply_state reply_read(const char *bytes, size_t size, struct reply *reply);

/* False when one of the lines that are whole can stand in no head. Costs a pass over all of them:
 * for an incomplete head to which a line's end has come. */
bool reply_begins(const char *bytes, size_t size);

#endif
