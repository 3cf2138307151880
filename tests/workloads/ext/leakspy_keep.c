/* A C extension that keeps blocks, in the limited API: one build serves every CPython from 3.8 on. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03080000
#include <Python.h>
#include <stdlib.h>

enum { CAPACITY = 1 << 16 };
static void *kept[CAPACITY];
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
    {"call", call, METH_VARARGS, "call(callable)"},
    {"leaf", leaf, METH_NOARGS, "(function, line) of the malloc"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "leakspy_keep", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_leakspy_keep(void)
{
    return PyModule_Create(&module);
}
