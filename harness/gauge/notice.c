#include "notice.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "sentence.h"

static void understand(const char *line, pid_t *pid)
{
    const char *end = "";
    int64_t value = -1;
    if (strncmp(line, "pid ", 4) == 0)
        value = options_number(line + 4, 1, INT32_MAX, &end);
    if (value > 0 && *end == '\0')
        *pid = (pid_t)value;
    else
        (void)sentence(0, "'%s' on standard input is not 'pid N'", line);
}

bool notice_read(struct notice *notice, int fd, pid_t *pid)
{
    char bytes[256];
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] != '\n') {
            if (notice->size < NOTICE_BYTES - 1)
                notice->line[notice->size++] = bytes[i];
            continue;
        }
        notice->line[notice->size] = '\0';
        notice->size = 0;
        understand(notice->line, pid);
    }
    return got > 0;
}
