/* What the messages are made of: bytes that no server can guess or confuse.
 *
 * A buffer of pseudo-random bytes, one message longer than PATTERN_SPAN, lies once in memory; a
 * message is the piece of it that starts at an offset of its own, which differs between
 * connections and advances with each message. A byte from another message, another connection or
 * another place in the same message is therefore wrong in 255 of 256 cases, and sending and
 * comparing copy nothing. */
#ifndef GAUGE_PATTERN_H
#define GAUGE_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_SPAN 65521 /* prime, so that the offsets of a connection visit every place */

struct pattern {
    uint8_t *bytes;
};

/* Makes room for messages of up to `longest` bytes. Returns 0, or -1 with errno. */
int pattern_open(struct pattern *pattern, size_t longest);

/* Where message number `message` of connection number `connection` starts. */
const uint8_t *pattern_at(const struct pattern *pattern, uint64_t connection, uint64_t message);

void pattern_close(struct pattern *pattern);

#endif
