#define _GNU_SOURCE
#include "stop.h"

#include <signal.h>
#include <unistd.h>

#include <sys/signalfd.h>

static int both(sigset_t *set)
{
    return sigemptyset(set) != 0 || sigaddset(set, SIGTERM) != 0 || sigaddset(set, SIGINT) != 0;
}

int stop_open(void)
{
    sigset_t set;
    if (both(&set) || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int stop_take(int fd)
{
    struct signalfd_siginfo info;
    sigset_t set;
    if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    /* A mask that cannot be set here could not have been set in stop_open either. */
    if (signal(SIGTERM, SIG_DFL) == SIG_ERR || signal(SIGINT, SIG_DFL) == SIG_ERR || both(&set) ||
        sigprocmask(SIG_UNBLOCK, &set, NULL) != 0)
        return (int)info.ssi_signo;
    return (int)info.ssi_signo;
}
