"""Keeps its thread state under a thread-specific key of its own as well, as pybind11 does; then keeps blocks."""
import ctypes

from truth import at_line, expect, here, marked, serve

KEPT = [None] * 200
LIBC = ctypes.CDLL(None)
STATE = ctypes.pythonapi.PyThreadState_Get
STATE.restype = ctypes.c_void_p


def own_key():
    key = ctypes.c_uint()
    assert LIBC.pthread_key_create(ctypes.byref(key), None) == 0
    assert LIBC.pthread_setspecific(key, ctypes.c_void_p(STATE())) == 0


def go():
    told = here()
    for index in range(200):
        KEPT[index] = bytes(10000)  # kept
    expect(at_line(told, marked("kept", __file__)), 200)


own_key()
serve(go)
