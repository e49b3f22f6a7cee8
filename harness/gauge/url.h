/* What the fetch client understands of a URL: http://HOST[:PORT][/target], where HOST is a dotted
 * quad or `localhost`. */
#ifndef GAUGE_URL_H
#define GAUGE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>

#define URL_BYTES 8000
#define URL_REQUEST_BYTES (URL_BYTES + 200)

struct url {
    const char *text; /* as given; stays the caller's */
    const char *host;
    size_t host_size;
    char port[8]; /* `:8080`; empty for the default */
    size_t port_size;
    const char *target; /* empty for `/`; may begin with `?` */
    size_t target_size; /* without a fragment */
    struct sockaddr_in address;
};

/* Returns NULL, or what is wrong with the text as the end of a sentence. */
const char *url_read(struct url *url, const char *text);

/* Writes the request into `bytes` (URL_REQUEST_BYTES) and returns its size. */
size_t url_request(const struct url *url, char *bytes);

bool url_same_origin(const struct sockaddr_in *one, const struct sockaddr_in *other);

#endif
