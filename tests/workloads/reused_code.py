"""Functions compiled, called once and thrown away: the next one's code object lands where the last was."""
from truth import SIZE, fact, here, serve, take

SOURCE = "\n" * 7 + "def made_{index}(take, here, size):\n{blank}    take(bytes(size), here())\n"


def go():
    addresses = []
    for index in range(300):
        scope = {}
        source = SOURCE.format(index=index, blank="\n" * (index % 11))
        exec(compile(source, "/made/up/%d.py" % (index // 3), "exec"), scope)
        function = scope.pop("made_%d" % index)
        addresses.append(id(function.__code__))
        function(take, here, SIZE)
        del function, scope
    fact("code_addresses_reused", len(addresses) - len(set(addresses)))


serve(go)
