/* hold: idle connections, so many and then more, for as long as the caller likes.
 *
 *     hold --port P --steps 0,1000,2000,... [--host 127.0.0.1]
 *
 * For each step in turn it opens connections up to that number, some at a time, each of which has
 * one message of 1 KiB echoed and compared; prints {"held": n, "error": null}; and waits for a line
 * on stdin. After the line for the last step, or at the end of stdin, it closes all and ends.
 *
 * Steps never go down and end at HOLD_MOST. While it waits nothing may happen on a connection: what
 * the server sends or closes is an error too, told at once with the number that was held. An error
 * ends it with {"held": n, "error": "..."} in place of the next line. A step whose connections are
 * not all made and served within HOLD_S is one. Exit 0, whatever the server did; 1 when the gauge itself
 * could not go on. */
#ifndef GAUGE_HOLD_H
#define GAUGE_HOLD_H

#define HOLD_BYTES 1024
#define HOLD_MOST 10000
#define HOLD_STEPS 1000
#define HOLD_S 30

int hold_main(int argc, char **argv);

#endif
