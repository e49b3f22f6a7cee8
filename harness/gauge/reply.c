#define _GNU_SOURCE
#include "reply.h"

#include <string.h>
#include <strings.h>

#include "token.h"

static bool digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* `HTTP/1.x NNN`, and a reason or nothing. */
static bool read_status(const char *line, size_t size, struct reply *reply)
{
    if (size < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !digit(line[7]) || line[8] != ' ' ||
        !digit(line[9]) || !digit(line[10]) || !digit(line[11]) || (size > 12 && line[12] != ' '))
        return false;
    reply->keep = reply->modern = line[7] != '0';
    reply->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    return reply->status >= 100;
}

/* A decimal length below 2^63; none, or a second that differs, is an error. */
static bool read_length(const char *value, size_t size, struct reply *reply)
{
    int64_t length = 0;
    if (size == 0)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!digit(value[i]) || length > (INT64_MAX - (value[i] - '0')) / 10)
            return false;
        length = length * 10 + (value[i] - '0');
    }
    if (reply->length >= 0 && reply->length != length)
        return false;
    reply->length = length;
    return true;
}

/* True when the comma-separated list holds the token. */
static bool lists(const char *value, size_t size, const char *token)
{
    const char *at = value, *end = value + size;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma == NULL ? end : comma;
        while (at < stop && (*at == ' ' || *at == '\t'))
            at++;
        while (stop > at && (stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        if ((size_t)(stop - at) == strlen(token) &&
            strncasecmp(at, token, strlen(token)) == 0)
            return true;
        at = comma == NULL ? end : comma + 1;
    }
    return false;
}

static bool named(const char *line, size_t size, const char *name)
{
    return size == strlen(name) && strncasecmp(line, name, size) == 0;
}

static bool read_header(const char *line, size_t size, struct reply *reply)
{
    const char *colon = memchr(line, ':', size), *value, *end = line + size;
    size_t name;
    if (colon == NULL || !token_whole(line, (size_t)(colon - line)))
        return false;
    name = (size_t)(colon - line);
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
        ;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    for (const char *at = value; at < end; at++)
        if (!token_value_byte(*at))
            return false;
    if (named(line, name, "Transfer-Encoding")) {
        reply->unreadable |= reply->chunked || !named(value, (size_t)(end - value), "chunked");
        reply->chunked = true;
        return true;
    }
    if (named(line, name, "Content-Length"))
        return read_length(value, (size_t)(end - value), reply);
    if (named(line, name, "Connection")) {
        if (lists(value, (size_t)(end - value), "keep-alive"))
            reply->keep = true;
        if (lists(value, (size_t)(end - value), "close"))
            reply->close = true;
    }
    return true;
}

/* False when no later byte can make a head of this: a wrong beginning, a NUL, a CR or LF alone. */
static bool plausible(const char *bytes, size_t size)
{
    static const char START[] = "HTTP/1.";
    const char *at = bytes, *end = bytes + size;
    if (memcmp(bytes, START, size < sizeof START - 1 ? size : sizeof START - 1) != 0 ||
        memchr(bytes, '\0', size) != NULL)
        return false;
    for (; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        if (at[-1] != '\r')
            return false;
    for (at = bytes; (at = memchr(at, '\r', (size_t)(end - at))) != NULL; at++)
        if (at + 1 < end && at[1] != '\n')
            return false;
    return true;
}

static bool read_lines(const char *bytes, const char *head_end, struct reply *reply)
{
    const char *at = bytes;
    for (unsigned lines = 0; at <= head_end; lines++) {
        const char *end = memmem(at, (size_t)(head_end + 2 - at), "\r\n", 2);
        size_t size = (size_t)(end - at);
        if (lines > REPLY_HEADERS ||
            !(lines == 0 ? read_status(at, size, reply) : read_header(at, size, reply)))
            return false;
        at = end + 2;
        reply->headers = lines;
    }
    return true;
}

enum reply_state reply_read(const char *bytes, size_t size, struct reply *reply)
{
    const char *head_end = memmem(bytes, size, "\r\n\r\n", 4);
    if (head_end == NULL)
        return size < REPLY_HEAD_BYTES && plausible(bytes, size) ? REPLY_INCOMPLETE : REPLY_BAD;
    *reply = (struct reply){.length = -1, .size = (size_t)(head_end - bytes) + 4};
    if (reply->size > REPLY_HEAD_BYTES || !plausible(bytes, reply->size) ||
        !read_lines(bytes, head_end, reply) || (reply->chunked && reply->length >= 0))
        return REPLY_BAD;
    if (reply->status == 204 || reply->status == 304) {
        reply->length = 0;
        reply->chunked = reply->unreadable = false;
    }
    if (reply->unreadable)
        return REPLY_BAD;
    /* RFC 9112 6.1: chunks from HTTP/1.0 are suspect framing, and nothing may follow them. */
    if (reply->close || (reply->chunked ? !reply->modern : reply->length < 0))
        reply->keep = false;
    return REPLY_COMPLETE;
}

bool reply_begins(const char *bytes, size_t size)
{
    struct reply reply = {.length = -1};
    const char *last = memrchr(bytes, '\n', size);
    return last == NULL || (last > bytes && last[-1] == '\r' && read_lines(bytes, last - 1, &reply));
}
