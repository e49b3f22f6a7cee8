#define _GNU_SOURCE
#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "sentence.h"

#define OTHER_DESCRIPTORS 64 /* streams, epoll, /proc, and what Python holds open */

/* What the harness gives its own listeners; kernels cut it to net.core.somaxconn. */
#define BACKLOG 1024

bool sock_address(struct sockaddr_in *address, const char *host, uint16_t port)
{
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

/* Closes fd and keeps the errno that made that necessary. */
static int give_up(int fd)
{
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static int nodelay(int fd)
{
    int on = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* The port is left to connect: bind alone would take one that no other address could share. */
static int come_from(int fd, uint32_t host)
{
    int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0)
        return -1;
    return bind(fd, (const struct sockaddr *)&source, sizeof source);
}

int sock_dial_from(const struct sockaddr_in *address, uint32_t source)
{
    bool loopback = ntohl(address->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (nodelay(fd) != 0 ||
        (source > 0 && loopback && come_from(fd, INADDR_LOOPBACK + source) != 0))
        return give_up(fd);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
        errno != EINPROGRESS)
        return give_up(fd);
    return fd;
}

int sock_dial(const struct sockaddr_in *address)
{
    return sock_dial_from(address, 0);
}

int sock_room(int64_t connections)
{
    struct rlimit limit;
    int64_t wanted = connections + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return sentence(EXIT_FAILED, "getrlimit: %s", strerror(errno));
    if ((rlim_t)wanted <= limit.rlim_cur)
        return EXIT_OK;
    return sentence(EXIT_FAILED,
                    "%lld connections need %lld open files and %llu are allowed: raise ulimit -n",
                    (long long)connections, (long long)wanted, (unsigned long long)limit.rlim_cur);
}

int sock_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

int sock_listen(uint16_t port)
{
    struct sockaddr_in address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)sock_address(&address, "127.0.0.1", port);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, BACKLOG) != 0)
        return give_up(fd);
    return fd;
}

int sock_adopt(int fd)
{
    int listening = 0, family = 0, flags;
    socklen_t size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0)
        return -1;
    size = sizeof family;
    if (!listening) {
        errno = EINVAL;
        return -1;
    }
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0)
        return -1;
    return family == AF_UNIX ? 0 : nodelay(fd);
}

int sock_accept(int listener)
{
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
