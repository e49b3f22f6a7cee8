#define _GNU_SOURCE
#include "request.h"

#include <string.h>
#include <strings.h>

static const char VERSION[] = " HTTP/1.1";
static const char CLOSE[] = "\nconnection: close\r";

/* The line `GET /<number>... HTTP/1.1`, without its end. */
static bool read_line(const char *line, size_t size, uint64_t *number)
{
    const size_t version = sizeof VERSION - 1;
    const char *at = line + 5, *end;
    if (size < 6 + version || memcmp(line, "GET /", 5) != 0 ||
        memcmp(line + size - version, VERSION, version) != 0)
        return false;
    end = line + size - version;
    if (memchr(at, ' ', (size_t)(end - at)) != NULL || *at < '0' || *at > '9')
        return false;
    *number = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (*number > (UINT64_MAX - 9) / 10)
            return false;
        *number = *number * 10 + (uint64_t)(*at - '0');
    }
    return true;
}

static bool says_close(const char *head, size_t size)
{
    const char *at = head, *end = head + size;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if ((size_t)(end - at) >= sizeof CLOSE - 1 &&
            strncasecmp(at, CLOSE, sizeof CLOSE - 1) == 0)
            return true;
        at++;
    }
    return false;
}

enum request_state request_read(const char *bytes, size_t size, struct request *request)
{
    const char *line_end, *head_end = memmem(bytes, size, "\r\n\r\n", 4);
    if (head_end == NULL)
        return REQUEST_INCOMPLETE;
    line_end = memmem(bytes, size, "\r\n", 2);
    if (!read_line(bytes, (size_t)(line_end - bytes), &request->number))
        return REQUEST_BAD;
    request->size = (size_t)(head_end - bytes) + 4;
    request->close = says_close(bytes, request->size);
    return REQUEST_COMPLETE;
}
