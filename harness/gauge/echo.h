/* reference echo: the ceiling, an ordinary echo server without a framework or an interpreter.
 *
 *     reference echo (--fd N | --port P) [--idle-s S] [--grace-s S] [--limit N]
 *
 * It keeps the echo clauses of implementations/SPEC.md except TLS. Each connection is read into
 * one shared buffer and written back at once; only what the peer does not take is kept, at most
 * one buffer a connection, and nothing more is read until that has left. SIGTERM or SIGINT drains:
 * the listener closes, open connections have --grace-s (5) to end, the rest is cut, exit 0. */
#ifndef GAUGE_ECHO_H
#define GAUGE_ECHO_H

int echo_main(int argc, char **argv);

#endif
