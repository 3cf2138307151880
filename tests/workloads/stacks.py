"""One block through every way that Python code comes to run, with the interpreter's own word for each."""
import shapes_async
import shapes_callback
import shapes_code
from truth import serve

ROUNDS = 5


def go():
    for _ in range(ROUNDS):
        for shape in shapes_code.ALL + shapes_callback.ALL + shapes_async.ALL:
            shape()


serve(go)
