/* One visit to an echo server: connect, one message there and back compared byte for byte, FIN.
 *
 * Connections are counted from 0 over all of a run, bytes from 0, in every sentence. The message is
 * small enough for the buffer of a fresh socket, so it is sent whole or the visit is broken. */
#ifndef GAUGE_VISIT_H
#define GAUGE_VISIT_H

#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>

#include "pattern.h"

#define VISIT_BYTES 1024 /* the longest message */
#define VISIT_SENTENCE 200

enum visit_phase { VISIT_DIALLING, VISIT_ECHOING, VISIT_STAYING, VISIT_LEAVING };

struct visit {
    int fd; /* -1 while there is no connection */
    enum visit_phase phase;
    uint64_t number; /* of the connection */
    const uint8_t *bytes;
    size_t size, got;
    int64_t began_ns; /* when connect was called */
};

enum visit_state {
    VISIT_WAITS,  /* nothing more can be done now */
    VISIT_ECHOED, /* the whole message came back, and was right: the visit stays */
    VISIT_ENDED,  /* after VISIT_ECHOED and visit_leave: the server's FIN has come */
    VISIT_BROKEN  /* the sentence says how */
};

/* Dials for connection `number` (see sock_dial_from) and asks `poll` for its edges, with the visit
 * as their pointer. VISIT_BROKEN leaves errno. */
enum visit_state visit_begin(struct visit *visit, uint64_t number, size_t size,
                             const struct pattern *pattern, const struct sockaddr_in *address,
                             uint32_t source, int poll, char *sentence);

/* Does all that can be done after an edge, up to the next state that is not VISIT_WAITS. After
 * VISIT_ECHOED it must be called again, for an edge that came meanwhile comes only once. */
enum visit_state visit_attend(struct visit *visit, char *sentence);

/* Sends FIN; only what stays can leave. */
enum visit_state visit_leave(struct visit *visit, char *sentence);

/* Says what of this visit is still awaited after so many seconds. */
void visit_awaits(const struct visit *visit, int waited_s, char *sentence);

/* Closes the connection, if there is one. */
void visit_close(struct visit *visit);

#endif
