/* The gauge without Python, for builds that run under a sanitizer or a debugger. */
#include "gauge.h"

int main(int argc, char **argv)
{
    return gauge_main(argc - 1, argv + 1);
}
