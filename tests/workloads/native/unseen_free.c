/* A library whose blocks come from a function that is named like that of a known allocator, and end in another way: they
   lie in a ring, one behind another, and whoever gives one back lets the ring go on. Large ones are mapped, and end
   never. */
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum { RING = 16 << 20, LINE = 64, LARGE = 512 << 10 };

static char ring[RING];
static size_t next, taken;

__attribute__((noinline)) static void *_mi_prim_alloc(size_t size)
{
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memset(block, 1, size);
}

__attribute__((noinline)) static void *mi_malloc(size_t size)
{
    if (size > LARGE)
        return _mi_prim_alloc(size);
    if (next + size > RING)
        next = 0;
    char *block = ring + next;
    next += (size + LINE - 1) / LINE * LINE;
    taken += size;
    return memset(block, 1, size);
}

/* Nobody calls it. */
__attribute__((noinline)) static void mi_free(void *address)
{
    (void)address;
    taken = 0;
}

void *own_take(size_t size) { return mi_malloc(size); }
void own_give(size_t size) { taken -= size; }
void own_nothing(void) { mi_free(NULL); }
