/* A C extension that keeps blocks, in the limited API: one build serves every CPython from 3.8 on. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03080000
#include <Python.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 1 << 16 };
/* Volatile: what is never read would not be written, and then keep nothing. */
static void *volatile kept[CAPACITY];
static size_t used;
static int leaf_line;

__attribute__((noinline)) static void keep_blocks(size_t count, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        size_t slot = __atomic_fetch_add(&used, 1, __ATOMIC_RELAXED) % CAPACITY;
        leaf_line = __LINE__ + 1;
        kept[slot] = malloc(bytes);
    }
}

static PyObject *keep(PyObject *arguments, int release)
{
    Py_ssize_t count, bytes;
    if (!PyArg_ParseTuple(arguments, "nn", &count, &bytes))
        return NULL;
    PyThreadState *state = release ? PyEval_SaveThread() : NULL;
    keep_blocks((size_t)count, (size_t)bytes);
    if (state)
        PyEval_RestoreThread(state);
    return PyLong_FromLong(0);
}

static PyObject *keep_holding(PyObject *self, PyObject *arguments)
{
    (void)self;
    return keep(arguments, 0);
}

static PyObject *keep_released(PyObject *self, PyObject *arguments)
{
    (void)self;
    return keep(arguments, 1);
}

/* Calls the one argument and gives back what it gave. */
static PyObject *call(PyObject *self, PyObject *arguments)
{
    PyObject *callable;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O", &callable))
        return NULL;
    return PyObject_CallObject(callable, NULL);
}

/* Blocks whose address is forgotten at once. They are written to: nobody may optimise them away. */
/* What was in memory before may point anywhere, also to what is lost. */
static inline char *clear(char *block, size_t bytes)
{
    return memset(block, 0, bytes);
}

__attribute__((noinline)) static void lose_blocks(size_t count, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        char *block = clear(malloc(bytes), bytes);
        __asm__ volatile("" : : "r"(block) : "memory"); /* it is made, whoever looks at it */
    }
}

/* Blocks that only a pointer into their middle keeps. */
__attribute__((noinline)) static void keep_by_middle(size_t count, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        size_t slot = __atomic_fetch_add(&used, 1, __ATOMIC_RELAXED) % CAPACITY;
        kept[slot] = clear(malloc(bytes), bytes) + bytes / 2;
    }
}

struct link {
    struct link *next;
};

__attribute__((noinline)) static struct link *make_list(size_t count, size_t bytes)
{
    struct link *head = NULL;
    for (size_t i = 0; i < count; i++) {
        struct link *link = (void *)clear(malloc(bytes), bytes);
        link->next = head;
        head = link;
    }
    return head;
}

__attribute__((noinline)) static void keep_list(size_t count, size_t bytes)
{
    size_t slot = __atomic_fetch_add(&used, 1, __ATOMIC_RELAXED) % CAPACITY;
    kept[slot] = make_list(count, bytes);
}

/* Many short ones: a stale copy of one pointer saves a whole list. */
__attribute__((noinline)) static void lose_lists(size_t count, size_t bytes)
{
    for (size_t i = 0; i < count; i += 5) {
        volatile struct link *head = make_list(5, bytes);
        (void)head;
    }
}

/* Overwrites what the functions above left on the stack. */
__attribute__((noinline)) static void scrub(size_t count, size_t bytes)
{
    volatile char stack[64 * 1024];
    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = (char)(count + bytes);
}

static PyObject *with(PyObject *arguments, void (*what)(size_t, size_t))
{
    Py_ssize_t count, bytes;
    if (!PyArg_ParseTuple(arguments, "nn", &count, &bytes))
        return NULL;
    what((size_t)count, (size_t)bytes);
    scrub(0, 0);
    return PyLong_FromLong(0);
}

static PyObject *lost(PyObject *self, PyObject *arguments)
{
    (void)self;
    return with(arguments, lose_blocks);
}

static PyObject *by_middle(PyObject *self, PyObject *arguments)
{
    (void)self;
    return with(arguments, keep_by_middle);
}

static PyObject *list_kept(PyObject *self, PyObject *arguments)
{
    (void)self;
    return with(arguments, keep_list);
}

static PyObject *list_lost(PyObject *self, PyObject *arguments)
{
    (void)self;
    return with(arguments, lose_lists);
}

/* Takes a reference that nobody gives back. */
static PyObject *leak(PyObject *self, PyObject *object)
{
    (void)self;
    Py_IncRef(object);
    return PyLong_FromLong(0);
}

/* Function and line that called malloc. */
static PyObject *leaf(PyObject *self, PyObject *arguments)
{
    (void)self;
    (void)arguments;
    return Py_BuildValue("(si)", "keep_blocks", leaf_line);
}

static PyMethodDef methods[] = {
    {"keep_holding", keep_holding, METH_VARARGS, "keep(count, bytes) with the GIL held"},
    {"keep_released", keep_released, METH_VARARGS, "keep(count, bytes) with the GIL released"},
    {"lose", lost, METH_VARARGS, "lose(count, bytes): blocks that nothing points to"},
    {"keep_by_middle", by_middle, METH_VARARGS, "keep_by_middle(count, bytes)"},
    {"keep_list", list_kept, METH_VARARGS, "keep_list(count, bytes): one pointer keeps the first of them"},
    {"lose_lists", list_lost, METH_VARARGS, "lose_lists(count, bytes): fives that keep one another only"},
    {"leak", leak, METH_O, "leak(object): one reference too many"},
    {"call", call, METH_VARARGS, "call(callable)"},
    {"leaf", leaf, METH_NOARGS, "(function, line) of the malloc"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "leakspy_keep", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_leakspy_keep(void)
{
    return PyModule_Create(&module);
}
