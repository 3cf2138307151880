/* malloc/free pairs of one size on one line: "N" makes N of them. */
#include "book.h"

enum { SIZE = 12345 };

__attribute__((noinline)) static void pair(void)
{
    void *volatile block = malloc(SIZE);
    free(block);
}

int main(void)
{
    add("{\"ready\":{}}\n");
    say();
    for (;;) {
        const char *word = hear();
        if (!strcmp(word, "quit"))
            return 0;
        for (long left = atol(word); left > 0; left--)
            pair();
        add("{\"done\":{}}\n");
        say();
    }
}
