/* The fetch client at work: at most `limit` URLs in flight, the last used connection first. */
#ifndef GAUGE_FETCHER_H
#define GAUGE_FETCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outcome.h"
#include "url.h"

struct fetch_job {
    const struct url *urls;
    size_t many;
    int64_t limit, deadline_ns, max_bytes;
    bool fail_fast;
    int stop; /* from stop_open() */
    struct outcomes *outcomes;
};

/* Fetches all; every URL gets its outcome and every socket is closed afterwards. *caught is the
 * signal that ended it, 0 without one. Returns 0, or -1 with errno when there was no way to start
 * or go on. */
int fetcher_run(const struct fetch_job *job, int *caught);

#endif
