/* A seeded script of allocator calls that keeps its own books, by call site and exact to the byte.
 *
 *     ledger SEED CALLS CHECKPOINTS THREADS DEPTH
 *
 * Each "go" makes CALLS / CHECKPOINTS calls (split among the threads), says the books and waits: at that
 * moment nothing is in flight. DEPTH > 0 makes the calls from so many depths of recursion, which makes as many more
 * sites. After "ready" nothing but the script allocates.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include "book.h"

enum { SITES = 6, SLOTS = 4096, MAX_THREADS = 16 };

struct block { void *address; size_t size; unsigned site; };
struct site { uint64_t live_count, live_bytes, made_count, made_bytes; };
struct counts { uint64_t calls, made, failed, freed, null, resized, released; };

struct script {
    uint64_t state;
    unsigned depth;
    struct block slot[SLOTS];
    struct site site[SITES];
    struct counts counts;
};

static struct script scripts[MAX_THREADS];
/* Blocks on their way to the next thread, which frees them. */
static struct block *mailbox[MAX_THREADS];
static struct block letters[MAX_THREADS];
static pthread_barrier_t start, finish;
static uint64_t calls_each;
static unsigned threads, max_depth;
static volatile size_t huge = SIZE_MAX / 2;

static uint64_t chance(struct script *script)
{
    script->state ^= script->state << 13;
    script->state ^= script->state >> 7;
    script->state ^= script->state << 17;
    return script->state * 0x2545f4914f6cdd1du >> 11;
}

/* One function per call site, so that a report can name it. */
#define SITE(number) \
    __attribute__((noinline)) static void *site_##number(unsigned function, void *old, size_t size) \
    { \
        void *block = NULL; \
        switch (function % 7) { \
        case 0: block = malloc(size); break; \
        case 1: block = calloc(1, size); break; \
        case 2: if (posix_memalign(&block, 64, size)) abort(); break; \
        case 3: block = aligned_alloc(32, size); break; \
        case 4: block = memalign(256, size); break; \
        case 5: block = realloc(old, size); break; \
        case 6: block = reallocarray(old, 1, size); break; \
        } \
        return block; \
    }
SITE(0) SITE(1) SITE(2) SITE(3) SITE(4) SITE(5)

typedef void *(*allocate)(unsigned, void *, size_t);
static const allocate functions[SITES] = {site_0, site_1, site_2, site_3, site_4, site_5};

__attribute__((noinline)) static void *descend(unsigned depth, unsigned site, unsigned function, void *old, size_t size)
{
    if (depth == 0)
        return functions[site](function, old, size);
    void *block = descend(depth - 1, site, function, old, size);
    __asm__ volatile("" : : : "memory"); /* no tail call: each level is a frame */
    return block;
}

/* Some zero, a few that the allocator maps and unmaps by itself, the rest in a handful of size classes: each
 * class is a site of its own, and a script of many sites is what another test is for. */
static size_t some_size(struct script *script)
{
    uint64_t number = chance(script);
    if (number % 64 == 0)
        return 0;
    if (number % 512 == 1)
        return 150000 + number % 100000;
    return number % 8 ? 65 + (number >> 8) % 448 : 8193 + (number >> 8) % 8000;
}

static void made(struct script *script, struct block *block)
{
    struct site *site = &script->site[block->site];
    site->live_count++, site->live_bytes += block->size;
    site->made_count++, site->made_bytes += block->size;
}

static void gone(struct script *script, const struct block *block)
{
    struct site *site = &script->site[block->site]; /* unsigned wrap among threads is undone by the sum */
    site->live_count--, site->live_bytes -= block->size;
}

static void fill(struct script *script, struct block *block, unsigned function, void *old)
{
    unsigned depth = max_depth ? script->depth++ % max_depth : 0;
    block->site = (unsigned)(chance(script) % SITES);
    block->address = descend(depth, block->site, function, old, block->size);
    if (!block->address)
        abort();
    memset(block->address, 0xa5, block->size > 64 ? 64 : block->size);
    made(script, block);
}

static void release(struct script *script, struct block *block)
{
    gone(script, block);
    free(block->address);
    block->address = NULL;
    script->counts.freed++;
}

static void resize(struct script *script, struct block *block)
{
    struct block old = *block;
    size_t size = some_size(script);
    block->size = size;
    gone(script, &old);
    if (size == 0) {
        if (realloc(old.address, 0))
            abort();
        block->address = NULL;
        script->counts.released++;
        return;
    }
    fill(script, block, 5 + (unsigned)(chance(script) % 2), old.address);
    script->counts.resized++;
}

static void refused(struct script *script, struct block *block)
{
    switch (chance(script) % 4) {
    case 0: if (malloc(huge)) abort(); break;
    case 1: if (calloc(huge, 4)) abort(); break;
    case 2: if (realloc(block->address, huge)) abort(); break;
    case 3: if (reallocarray(block->address, huge, 4)) abort(); break;
    }
    script->counts.failed++;
}

/* Leaves a block for the next thread, or frees what the last one left: one call either way. */
static void hand_on(struct script *script, unsigned self, struct block *block)
{
    struct block *letter = __atomic_exchange_n(&mailbox[self], NULL, __ATOMIC_ACQ_REL);
    if (letter) {
        struct block copy = *letter;
        release(script, &copy);
        __atomic_store_n(&letter->address, NULL, __ATOMIC_RELEASE);
        return;
    }
    struct block *mine = &letters[self];
    if (__atomic_load_n(&mine->address, __ATOMIC_ACQUIRE)) {
        release(script, block);
        return;
    }
    unsigned next = (self + 1) % threads;
    struct block sent = *block;
    block->address = NULL;
    mine->size = sent.size, mine->site = sent.site;
    __atomic_store_n(&mine->address, sent.address, __ATOMIC_RELEASE);
    __atomic_store_n(&mailbox[next], mine, __ATOMIC_RELEASE); /* empty: my last letter was taken */
    free(NULL);
    script->counts.null++;
}

static void step(struct script *script, unsigned self)
{
    struct block *block = &script->slot[chance(script) % SLOTS];
    uint64_t choice = chance(script) % 100;
    script->counts.calls++;
    if (choice == 0) {
        free(NULL);
        script->counts.null++;
    } else if (choice == 1) {
        refused(script, block);
    } else if (!block->address) {
        block->size = some_size(script);
        fill(script, block, (unsigned)(chance(script) % 7), NULL);
        script->counts.made++;
    } else if (choice < 25) {
        resize(script, block);
    } else if (threads > 1 && choice < 45) {
        hand_on(script, self, block);
    } else {
        release(script, block);
    }
}

static void *worker(void *argument)
{
    unsigned self = (unsigned)(uintptr_t)argument;
    for (;;) {
        pthread_barrier_wait(&start);
        for (uint64_t call = 0; call < calls_each; call++)
            step(&scripts[self], self);
        pthread_barrier_wait(&finish);
    }
    return NULL;
}

static void say_books(void)
{
    struct counts all = {0};
    for (unsigned thread = 0; thread < threads; thread++) {
        uint64_t *to = (uint64_t *)&all, *from = (uint64_t *)&scripts[thread].counts;
        for (size_t field = 0; field < sizeof all / sizeof *to; field++)
            to[field] += from[field];
    }
    add("{\"done\":\"go\",\"calls\":%lu,\"made\":%lu,\"failed\":%lu,", all.calls, all.made, all.failed);
    add("\"freed\":%lu,\"null\":%lu,\"resized\":%lu,", all.freed, all.null, all.resized);
    add("\"released\":%lu,\"sites\":[", all.released);
    for (unsigned number = 0; number < SITES; number++) {
        struct site sum = {0};
        for (unsigned thread = 0; thread < threads; thread++) {
            const struct site *site = &scripts[thread].site[number];
            sum.live_count += site->live_count, sum.live_bytes += site->live_bytes;
            sum.made_count += site->made_count, sum.made_bytes += site->made_bytes;
        }
        add("%s{\"function\":\"site_%u\",\"live_count\":%lu,\"live_bytes\":%lu,", number ? "," : "", number, sum.live_count, sum.live_bytes);
        add("\"made_count\":%lu,\"made_bytes\":%lu}", sum.made_count, sum.made_bytes);
    }
    add("]}\n"), say();
}

/* Lets every block go, so that a second look must find nothing. */
static void clear(void)
{
    for (unsigned thread = 0; thread < threads; thread++)
        for (unsigned slot = 0; slot < SLOTS; slot++)
            if (scripts[thread].slot[slot].address)
                release(&scripts[thread], &scripts[thread].slot[slot]);
    for (unsigned thread = 0; thread < threads; thread++) {
        struct block *letter = __atomic_exchange_n(&mailbox[thread], NULL, __ATOMIC_ACQ_REL);
        if (letter) {
            struct block copy = *letter;
            release(&scripts[thread], &copy);
            letter->address = NULL;
        }
    }
}

static void go(void)
{
    pthread_barrier_wait(&start);
    pthread_barrier_wait(&finish);
}

int main(int count, char **arguments)
{
    if (count != 6)
        return 2;
    uint64_t seed = strtoull(arguments[1], NULL, 10) | 1;
    threads = (unsigned)strtoul(arguments[4], NULL, 10);
    max_depth = (unsigned)strtoul(arguments[5], NULL, 10);
    if (threads < 1 || threads > MAX_THREADS)
        return 2;
    calls_each = strtoull(arguments[2], NULL, 10) / strtoull(arguments[3], NULL, 10) / threads;
    pthread_barrier_init(&start, NULL, threads + 1);
    pthread_barrier_init(&finish, NULL, threads + 1);
    for (unsigned thread = 0; thread < threads; thread++) {
        pthread_t handle;
        scripts[thread].state = seed * (2 * thread + 1) * 0x9e3779b97f4a7c15u | 1;
        pthread_create(&handle, NULL, worker, (void *)(uintptr_t)thread);
    }
    add("{\"ready\":true,\"pid\":%d}\n", getpid()), say();
    for (const char *word = hear(); strcmp(word, "quit"); word = hear()) {
        if (!strcmp(word, "clear"))
            clear();
        else
            go();
        say_books();
    }
    _exit(0);
}
