/* The head of a request as the origin reads it: `GET /<number>... HTTP/1.1`, and headers. */
#ifndef GAUGE_REQUEST_H
#define GAUGE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request {
    uint64_t number; /* the decimal number behind the slash */
    bool close;      /* the client said `Connection: close` */
    size_t size;     /* bytes of the head, its empty line included */
};

enum request_state { REQUEST_INCOMPLETE, REQUEST_COMPLETE, REQUEST_BAD };

/* Reads the first head in `bytes`; only REQUEST_COMPLETE fills the record. A body is not looked
 * for: it would be read as the next request, and be a bad one. */
enum request_state request_read(const char *bytes, size_t size, struct request *request);

#endif
