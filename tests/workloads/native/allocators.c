/* Every function that allocates or releases, each in its own `case_` function, with what must be alive
 * because of it. Nothing else in this program allocates after "ready". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/mman.h>
#include "book.h"

#define CASE __attribute__((noinline)) static void
enum { ROUNDS = 10, PAGE = 4096 };

static void *volatile sink;
static void *before[ROUNDS];
static void *barrier[ROUNDS];
static void *from_other[ROUNDS];
static sem_t wake, woken;
static volatile size_t huge = SIZE_MAX / 2;
static unsigned in_place, moved, emptied;

CASE case_malloc(void) { sink = malloc(1000); }
CASE case_malloc_zero(void) { sink = malloc(0); }
CASE case_malloc_huge(void) { if (malloc(huge)) abort(); }
CASE case_malloc_mapped(void) { sink = malloc(300000); }
CASE case_calloc(void) { sink = calloc(10, 100); }
CASE case_calloc_overflow(void) { if (calloc(huge, 4)) abort(); }
CASE case_realloc_null(void) { sink = realloc(NULL, 700); }
CASE case_realloc_fail(void *block) { if (realloc(block, huge)) abort(); }
/* glibc releases and gives NULL, some others give a block of size 0. */
CASE case_realloc_release(void *block) { emptied += realloc(block, 0) != NULL; }
CASE case_realloc_shrink(void *block) { sink = realloc(block, 3000); }
CASE case_realloc_grow(void *block) { sink = realloc(block, 9000); }
CASE case_realloc_move(void *block) { sink = realloc(block, 200000); }
CASE case_realloc_unknown(void *block) { sink = realloc(block, 2000); }
CASE case_reallocarray(void *block) { sink = reallocarray(block, 30, 50); }
CASE case_reallocarray_overflow(void *block) { if (reallocarray(block, huge, 4)) abort(); }
/* The product is 2^64 and so looks like 0, with which realloc would release the block. */
CASE case_reallocarray_wraps(void *block) { if (reallocarray(block, (size_t)1 << 62, 4)) abort(); }
CASE case_posix_memalign(void) { void *block; if (posix_memalign(&block, 64, 1100)) abort(); sink = block; }
CASE case_posix_memalign_invalid(void) { void *block; if (!posix_memalign(&block, 3, 1100)) abort(); }
CASE case_aligned_alloc(void) { sink = aligned_alloc(64, 1216); }
CASE case_memalign(void) { sink = memalign(4096, 1300); }
CASE case_valloc(void) { sink = valloc(1400); }
CASE case_pvalloc(void) { sink = pvalloc(4096); }
CASE case_strdup(void) { sink = strdup("nineteen characters"); }
CASE case_freed(void) { free(malloc(1500)); }
CASE case_block(void) { sink = malloc(4000); }
CASE case_other(int round) { from_other[round] = malloc(1600); }
CASE case_mmap(void) { sink = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
CASE case_mmap_freed(void)
{
    munmap(mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 5 * PAGE);
}
CASE case_mmap_huge(void) { if (mmap(NULL, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) abort(); }
CASE case_mmap_file(void)
{
    int file = open("/proc/self/exe", O_RDONLY);
    void *mapping = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    munmap(mapping, PAGE);
}
CASE case_mremap(void)
{
    void *old = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sink = mremap(old, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
}

static void *other_thread(void *unused)
{
    (void)unused;
    for (;;) {
        sem_wait(&wake);
        for (int round = 0; round < ROUNDS; round++)
            free(from_other[round]);
        sem_post(&woken);
    }
    return NULL;
}

static void *block(void)
{
    case_block();
    return sink;
}

static void resize(int round)
{
    void *old = block();
    uintptr_t address = (uintptr_t)old;
    case_realloc_shrink(old);
    in_place += (uintptr_t)sink == address;
    case_realloc_grow(block());
    old = block();
    barrier[round] = block();   /* right behind it: the next call cannot grow in place */
    address = (uintptr_t)old;
    case_realloc_move(old);
    moved += (uintptr_t)sink != address;
    case_realloc_release(block());
    case_realloc_unknown(before[round]);
    case_reallocarray(block());
}

static void refuse(void)
{
    case_malloc_huge();
    case_calloc_overflow();
    case_realloc_fail(block());
    case_reallocarray_overflow(block());
    case_reallocarray_wraps(block());
    case_posix_memalign_invalid();
    case_mmap_huge();
}

static void go(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        case_malloc(), case_malloc_zero(), case_malloc_mapped(), case_calloc(), case_realloc_null();
        case_posix_memalign(), case_aligned_alloc(), case_memalign(), case_valloc(), case_pvalloc(), case_strdup();
        case_freed(), case_other(round);
        resize(round);
        refuse();
        case_mmap(), case_mmap_freed(), case_mmap_file(), case_mremap();
        free(NULL);
    }
    sem_post(&wake);
    sem_wait(&woken);
}

static int first;

static void expect(const char *name, unsigned count, unsigned bytes)
{
    add("%s{\"function\":\"%s\",\"count\":%u,\"bytes\":%u}", first++ ? "," : "", name, count, count * bytes);
}

static void truth(void)
{
    first = 0;
    add("{\"expect\":[");
    expect("case_malloc", ROUNDS, 1000), expect("case_malloc_zero", ROUNDS, 0);
    expect("case_malloc_huge", 0, 0), expect("case_malloc_mapped", ROUNDS, 300000);
    expect("case_calloc", ROUNDS, 1000), expect("case_calloc_overflow", 0, 0);
    expect("case_realloc_null", ROUNDS, 700), expect("case_realloc_fail", 0, 0);
    expect("case_realloc_release", emptied, 0), expect("case_realloc_shrink", ROUNDS, 3000);
    expect("case_realloc_grow", ROUNDS, 9000), expect("case_realloc_move", ROUNDS, 200000);
    expect("case_realloc_unknown", ROUNDS, 2000), expect("case_reallocarray", ROUNDS, 1500);
    expect("case_reallocarray_overflow", 0, 0), expect("case_posix_memalign", ROUNDS, 1100);
    expect("case_posix_memalign_invalid", 0, 0), expect("case_aligned_alloc", ROUNDS, 1216);
    expect("case_memalign", ROUNDS, 1300), expect("case_valloc", ROUNDS, 1400);
    expect("case_pvalloc", ROUNDS, 4096), expect("case_strdup", ROUNDS, 20);
    expect("case_freed", 0, 0), expect("case_other", 0, 0);
    expect("case_block", 4 * ROUNDS, 4000); /* the barrier and the three whose resize was refused */
    expect("case_reallocarray_wraps", 0, 0);
    expect("case_mmap", ROUNDS, 3 * PAGE), expect("case_mmap_freed", 0, 0);
    expect("case_mmap_huge", 0, 0), expect("case_mmap_file", 0, 0);
    expect("case_mremap", ROUNDS, 64 * PAGE);
    add("],\"counters\":{\"free_null\":%d,\"realloc_to_zero\":%d,\"realloc_unknown\":%d,", ROUNDS, ROUNDS, ROUNDS);
    add("\"alloc_failed\":%d,\"alloc_not_anonymous\":%d,\"unmap_unknown\":%d},", 7 * ROUNDS, ROUNDS, ROUNDS);
    add("\"facts\":{\"in_place\":%u,\"moved\":%u}}\n", in_place, moved);
    say();
}

int main(void)
{
    pthread_t thread;
    sem_init(&wake, 0, 0), sem_init(&woken, 0, 0);
    for (int round = 0; round < ROUNDS; round++)
        before[round] = malloc(500);
    pthread_create(&thread, NULL, other_thread, NULL);
    add("{\"ready\":true,\"pid\":%d}\n", getpid()), say();
    for (const char *word = hear(); strcmp(word, "quit"); word = hear()) {
        if (!strcmp(word, "go"))
            go(), add("{\"done\":\"go\"}\n"), say();
        if (!strcmp(word, "truth"))
            truth();
    }
    _exit(0);
}
