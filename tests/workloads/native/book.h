/* What the C targets share: a voice that allocates nothing, and the words of the protocol. */
#ifndef BOOK_H
#define BOOK_H
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char said[1 << 16];
static size_t said_length;

/* printf into a static buffer: formatting integers and strings does not allocate in glibc. */
__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(said + said_length, sizeof said - said_length, format, arguments);
    va_end(arguments);
    if (length < 0 || said_length + (size_t)length >= sizeof said)
        abort();
    said_length += (size_t)length;
}

/* One line to the harness. */
static void say(void)
{
    for (size_t done = 0; done < said_length;) {
        ssize_t count = write(1, said + done, said_length - done);
        if (count <= 0)
            _exit(3);
        done += (size_t)count;
    }
    said_length = 0;
}

/* The next command, or "quit" at the end of input. */
static const char *hear(void)
{
    static char word[64];
    size_t length = 0;
    char character;
    while (length + 1 < sizeof word) {
        if (read(0, &character, 1) != 1)
            return "quit";
        if (character == '\n')
            break;
        word[length++] = character;
    }
    word[length] = 0;
    return word;
}
#endif
