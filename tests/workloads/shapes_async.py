"""Code that stops in the middle and goes on later, perhaps from elsewhere."""
import asyncio
import threading

from truth import SIZE, here, take


def generator():
    def produce():
        take(bytes(SIZE), here())
        received = yield 1
        take(bytes(SIZE), here())
        try:
            yield received
        except ValueError:
            take(bytes(SIZE), here())
        yield 3

    produced = produce()
    next(produced)
    produced.send(2)
    produced.throw(ValueError("on purpose"))


def delegated():
    def inner():
        take(bytes(SIZE), here())
        yield 1
        take(bytes(SIZE), here())

    def outer():
        yield from inner()
        take(bytes(SIZE), here())

    list(outer())


def resumed_elsewhere():
    def produce():
        yield 1
        take(bytes(SIZE), here())

    produced = produce()
    next(produced)
    thread = threading.Thread(target=lambda: next(produced, None))
    thread.start()
    thread.join()


def coroutine():
    class Later:
        def __await__(self):
            take(bytes(SIZE), here())
            yield
            take(bytes(SIZE), here())

    async def inner():
        take(bytes(SIZE), here())
        await Later()
        take(bytes(SIZE), here())

    async def outer():
        await inner()

    started = outer()
    started.send(None)
    try:
        started.send(None)
    except StopIteration:
        pass


def event_loop():
    async def source():
        take(bytes(SIZE), here())
        yield 1
        await asyncio.sleep(0)
        take(bytes(SIZE), here())

    async def child():
        async for _ in source():
            take(bytes(SIZE), here())

    async def main():
        await asyncio.gather(child(), child())
        asyncio.get_event_loop().call_soon(lambda: take(bytes(SIZE), here()))
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


ALL = [generator, delegated, resumed_elsewhere, coroutine, event_loop]
