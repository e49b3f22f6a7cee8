/* What a header's name and its value are made of. */
#ifndef GAUGE_TOKEN_H
#define GAUGE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

/* True for a byte that a name may have: tchar, RFC 9110 5.6.2. */
bool token_byte(char byte);

/* True for a byte that a value may have: field-content, RFC 9110 5.5, with its white space. */
bool token_value_byte(char byte);

/* True for a name of at least one byte, all of which are such. */
bool token_whole(const char *text, size_t size);

#endif
