/* reference fetch: the ceiling, a minimal HTTP/1.1 client: it exists to measure, not to serve.
 *
 *     reference fetch [URL ...] [--limit N] [--deadline-s S] [--max-bytes B] [--fail-fast]
 *                     [--linger-s S] [--summary] [--ca FILE]
 *
 * Command line, JSON lines and exit codes are those of implementations/SPEC.md; URLs come as
 * arguments or one a line on stdin. It knows http:// URLs with an IPv4 address or localhost: it
 * does not resolve names or speak TLS (--ca is accepted and has no effect: an https URL is a bad
 * argument). */
#ifndef GAUGE_FETCH_H
#define GAUGE_FETCH_H

int fetch_main(int argc, char **argv);

#endif
