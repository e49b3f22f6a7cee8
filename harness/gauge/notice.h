/* What the harness tells the origin while it runs: lines `pid N` on standard input. */
#ifndef GAUGE_NOTICE_H
#define GAUGE_NOTICE_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

#define NOTICE_BYTES 64

struct notice {
    char line[NOTICE_BYTES]; /* as far as it has come */
    size_t size;
};

/* Reads once from fd, which is readable. *pid becomes the last one named by a line that was
 * completed, and is left alone otherwise; another line gets a sentence. False at the end. */
bool notice_read(struct notice *notice, int fd, pid_t *pid);

#endif
