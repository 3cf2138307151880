"""Functions and files whose names need one, two and four bytes per character, or are hostile."""
from truth import SIZE, here, serve, take

SOURCE = """
def {name}(take, here, size):
    take(bytes(size), here())
"""
NAMES = [
    ("plain", "/srv/app/plain.py"),
    ("gr\xf6\xdfe", "/srv/app/gr\xf6\xdfe.py"),
    ("\u7f13\u5b58", "/srv/\u5e94\u7528/\u7f13\u5b58.py"),
    ("\U00010330\U00010331", "/srv/app/\U0001f40d.py"),
    ("ascii_name", "/srv/\u0444\u0430\u0439\u043b.py"),
    ("\xe9t\xe9", "/srv/app/ascii_file.py"),
    ("hostile", '/srv/\x1b[31m"<script>&amp;\\;\n.py'),
    ("long_" + "n" * 180, "/srv/" + "d" * 180 + "/long.py"),
]


def go():
    for name, file in NAMES:
        scope = {}
        exec(compile(SOURCE.format(name=name), file, "exec"), scope)
        function = [value for key, value in scope.items() if key != "__builtins__"][0]
        for _ in range(5):
            function(take, here, SIZE)


serve(go)
