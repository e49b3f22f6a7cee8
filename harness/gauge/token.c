#include "token.h"

#include <string.h>

bool token_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte));
}

bool token_value_byte(char byte)
{
    return byte == '\t' || ((unsigned char)byte >= ' ' && byte != 127);
}

bool token_whole(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!token_byte(text[i]))
            return false;
    return size > 0;
}
