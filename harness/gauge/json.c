#include "json.h"

int json_string(FILE *to, const char *text)
{
    if (text == NULL)
        return fputs("null", to) < 0 ? -1 : 0;
    if (fputc('"', to) == EOF)
        return -1;
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        int failed;
        if (byte < 0x20)
            failed = fprintf(to, "\\u%04x", byte) < 0;
        else if (byte == '"' || byte == '\\')
            failed = fprintf(to, "\\%c", byte) < 0;
        else
            failed = fputc(byte, to) == EOF;
        if (failed)
            return -1;
    }
    return fputc('"', to) == EOF ? -1 : 0;
}
