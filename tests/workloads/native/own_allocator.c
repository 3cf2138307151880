/* A library with two allocators of its own. Both take memory by system calls that no function of the C library makes. */
#define _GNU_SOURCE
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HEAD = 64, CHUNK = 1 << 20 };

/* The instruction itself: neither mmap nor syscall of the C library is called. */
__attribute__((noinline)) static void *map_raw(size_t bytes)
{
    long result;
    register long flags __asm__("r10") = MAP_PRIVATE | MAP_ANONYMOUS;
    register long file __asm__("r8") = -1;
    register long offset __asm__("r9") = 0;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)SYS_mmap), "D"(0L), "S"(bytes), "d"((long)(PROT_READ | PROT_WRITE)), "r"(flags),
                       "r"(file), "r"(offset)
                     : "rcx", "r11", "memory");
    return result < 0 && result > -4096 ? NULL : (void *)result;
}

/* Named like those of an allocator that people know, and not exported. */
__attribute__((noinline)) static void *mi_malloc(size_t size)
{
    size_t bytes = size + HEAD;
    char *block = map_raw(bytes);
    if (block == NULL)
        return NULL;
    memcpy(block, &bytes, sizeof bytes);
    return block + HEAD;
}

__attribute__((noinline)) static void mi_free(void *address)
{
    size_t bytes;
    if (address == NULL)
        return;
    char *block = (char *)address - HEAD;
    memcpy(&bytes, block, sizeof bytes);
    syscall(SYS_munmap, block, bytes);
}

/* One whose calls are not traced: blocks of any size out of chunks, which are never given back. */
__attribute__((noinline)) static void *sn_rust_alloc(size_t alignment, size_t size)
{
    static char *free_part;
    static size_t left;
    (void)alignment;
    if (size > CHUNK)
        return NULL;
    if (left < size) {
        free_part = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (free_part == MAP_FAILED)
            return NULL;
        left = CHUNK;
    }
    left -= size;
    return memset(free_part + left, 1, size);
}

void *own_take(size_t size) { return mi_malloc(size); }
void own_give(void *address) { mi_free(address); }
void *own_part(size_t size) { return sn_rust_alloc(16, size); }
void *own_map(size_t bytes) { return map_raw(bytes); }
void own_unmap(void *address, size_t bytes) { syscall(SYS_munmap, address, bytes); }
