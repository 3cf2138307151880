"""The same sources compiled again and again, as servers do that compile a script for each request: each time the same functions at
new addresses. Two of the sources differ in nothing but the lines."""
from truth import SIZE, fact, here, serve, take

SOURCE = "def handle(take, here, size):\n    def inner():\n{blank}        take(bytes(size), here())\n    inner()\n"
SOURCES = [SOURCE.format(blank="\n" * blank) for blank in range(4)]
ROUNDS = 400


def go():
    kept = []
    for index in range(ROUNDS):
        scope = {}
        exec(compile(SOURCES[index % 4], "/made/up/script.py", "exec"), scope)
        function = scope.pop("handle")
        function(take, here, SIZE)
        if index % 3 == 0:
            kept.append(function)
    fact("compiled", ROUNDS)
    fact("sources", len(SOURCES))


serve(go)
