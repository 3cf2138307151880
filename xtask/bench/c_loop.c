// malloc and free, 400,000 times a second, and a leak of 1 MiB a minute.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TOGETHER = 4000, PER_SECOND = 100 };

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

__attribute__((noinline)) void *remember_upload(size_t size) {
    void *volatile kept = malloc(size);
    return kept;
}

int main(void) {
    double due = now(), told = due, leaked = due;
    long operations = 0;
    for (;;) {
        due += 1.0 / PER_SECOND;
        double rest = due - now();
        if (rest > 0) {
            struct timespec time = {0, (long)(rest * 1e9)};
            nanosleep(&time, NULL);
        }
        double began = now();
        if (due < began - 1) due = began - 1;
        for (int i = 0; i < TOGETHER; i++) {
            void *volatile block = malloc(64 + (i & 1023));
            free(block);
        }
        operations += TOGETHER;
        while (now() - leaked >= 0.5) {
            leaked += 0.5;
            remember_upload(8738);
        }
        if (now() - told >= 1) {
            told = now();
            printf("{\"operations\": %ld, \"milliseconds\": [%.3f]}\n", operations, (told - began) * 1e3);
            fflush(stdout);
        }
    }
}
