/* Preloaded into a workload: counts live blocks by the size that was asked for, without any tracer,
 * so that a test can prove that the workload's own expectation is true. */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

enum { SLOTS = 1 << 20, GONE = 1 };
static struct { uintptr_t address; size_t size; } table[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t start_of(uintptr_t address)
{
    return (address * 0x9e3779b97f4a7c15u) >> 44;
}

static void remember(void *block, size_t size)
{
    if (!block)
        return;
    pthread_mutex_lock(&lock);
    size_t slot = start_of((uintptr_t)block);
    while (table[slot].address > GONE)
        slot = (slot + 1) % SLOTS;
    table[slot].address = (uintptr_t)block;
    table[slot].size = size;
    pthread_mutex_unlock(&lock);
}

static void forget(void *block)
{
    if (!block)
        return;
    pthread_mutex_lock(&lock);
    size_t slot = start_of((uintptr_t)block);
    while (table[slot].address && table[slot].address != (uintptr_t)block)
        slot = (slot + 1) % SLOTS;
    if (table[slot].address)
        table[slot].address = GONE;
    pthread_mutex_unlock(&lock);
}

size_t leakspy_witness_live(size_t size)
{
    size_t count = 0;
    pthread_mutex_lock(&lock);
    for (size_t slot = 0; slot < SLOTS; slot++)
        count += table[slot].address > GONE && table[slot].size == size;
    pthread_mutex_unlock(&lock);
    return count;
}

void *malloc(size_t size)
{
    void *block = __libc_malloc(size);
    remember(block, size);
    return block;
}

void *calloc(size_t count, size_t size)
{
    void *block = __libc_calloc(count, size);
    remember(block, count * size);
    return block;
}

void *realloc(void *old, size_t size)
{
    forget(old);
    void *block = __libc_realloc(old, size);
    remember(block, size);
    return block;
}

void free(void *block)
{
    forget(block);
    __libc_free(block);
}
