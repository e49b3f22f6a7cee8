/* A ring of links that live inside the things they order, oldest first. */
#ifndef GAUGE_LIST_H
#define GAUGE_LIST_H

#include <stddef.h>

struct list {
    struct list *before, *after;
};

#define LIST_ITEM(link, type, member) ((type *)(void *)((char *)(link) - offsetof(type, member)))

static inline void list_clear(struct list *list)
{
    list->before = list->after = list;
}

static inline int list_empty(const struct list *list)
{
    return list->after == list;
}

static inline void list_remove(struct list *link)
{
    link->before->after = link->after;
    link->after->before = link->before;
    list_clear(link);
}

static inline void list_append(struct list *list, struct list *link)
{
    link->before = list->before;
    link->after = list;
    list->before->after = link;
    list->before = link;
}

#endif
