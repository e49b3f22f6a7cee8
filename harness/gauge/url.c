#define _GNU_SOURCE
#include "url.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "options.h"
#include "sock.h"

#define HTTP_PORT 80
#define HOST_BYTES 16 /* 255.255.255.255 and its end */

static const char *read_authority(struct url *url, const char *end)
{
    char host[HOST_BYTES];
    int64_t port = HTTP_PORT;
    const char *colon = memchr(url->host, ':', (size_t)(end - url->host));
    const char *port_end = end;
    url->host_size = (size_t)((colon == NULL ? end : colon) - url->host);
    if (url->host_size >= sizeof host)
        return "has a host that is no IPv4 address";
    memcpy(host, url->host, url->host_size);
    host[url->host_size] = '\0';
    if (colon != NULL)
        port = options_number(colon + 1, 1, UINT16_MAX, &port_end);
    if (port < 0 || port_end != end)
        return "has a port outside 1-65535";
    if (port != HTTP_PORT)
        url->port_size = (size_t)snprintf(url->port, sizeof url->port, ":%d", (int)port);
    if (!sock_address(&url->address, host, (uint16_t)port))
        return "has a host that is no IPv4 address";
    return NULL;
}

const char *url_read(struct url *url, const char *text)
{
    const char *end;
    size_t size = strlen(text);
    *url = (struct url){.text = text};
    if (size > URL_BYTES)
        return "is longer than 8000 bytes";
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 127)
            return "has a character that no URL has";
    if (strncasecmp(text, "http://", 7) != 0)
        return "does not begin with http://";
    url->host = text + 7;
    end = url->host + strcspn(url->host, "/?#");
    url->target = end;
    url->target_size = strcspn(end, "#");
    return read_authority(url, end);
}

static char *put(char *at, const char *text, size_t size)
{
    memcpy(at, text, size);
    return at + size;
}

size_t url_request(const struct url *url, char *bytes)
{
    static const char GET[] = "GET /", HOST[] = " HTTP/1.1\r\nHost: ";
    static const char REST[] = "\r\nUser-Agent: evenloop\r\nAccept: */*\r\n\r\n";
    char *at = put(bytes, GET, sizeof GET - 1 - (*url->target == '/'));
    at = put(at, url->target, url->target_size);
    at = put(at, HOST, sizeof HOST - 1);
    at = put(at, url->host, url->host_size);
    at = put(at, url->port, url->port_size);
    at = put(at, REST, sizeof REST - 1);
    return (size_t)(at - bytes);
}

bool url_same_origin(const struct sockaddr_in *one, const struct sockaddr_in *other)
{
    return one->sin_port == other->sin_port && one->sin_addr.s_addr == other->sin_addr.s_addr;
}
