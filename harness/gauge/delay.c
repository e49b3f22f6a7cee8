#include "delay.h"

#include <stdlib.h>

static int grow(struct delay *delay)
{
    size_t room = delay->room == 0 ? 64 : delay->room * 2;
    struct delayed *ring = malloc(room * sizeof *ring);
    if (ring == NULL)
        return -1;
    for (size_t i = 0; i < delay->many; i++)
        ring[i] = delay->ring[(delay->first + i) & (delay->room - 1)];
    free(delay->ring);
    delay->ring = ring;
    delay->room = room;
    delay->first = 0;
    return 0;
}

int delay_push(struct delay *delay, struct delayed item)
{
    if (delay->many == delay->room && grow(delay) != 0)
        return -1;
    delay->ring[(delay->first + delay->many) & (delay->room - 1)] = item;
    delay->many++;
    return 0;
}

const struct delayed *delay_first(const struct delay *delay)
{
    return delay->many == 0 ? NULL : &delay->ring[delay->first];
}

void delay_pop(struct delay *delay)
{
    delay->first = (delay->first + 1) & (delay->room - 1);
    delay->many--;
}

void delay_close(struct delay *delay)
{
    free(delay->ring);
    *delay = (struct delay){NULL, 0, 0, 0};
}
