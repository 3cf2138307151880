"""Classes whose names are meant to harm whoever prints them, and strings that are nobody's business."""
from truth import fact, serve

ESCAPE = "Red\x1b[31m\r\n\x07"
LONG = "Long" + "g" * 10000
SECRET = "the password is swordfish"
KEPT = []


class Vault:
    pass


class truth:
    """Called as a module is."""


def go():
    for name in (ESCAPE, LONG):
        KEPT.extend(type(name, (), {"__module__": "hostile"})() for _ in range(3))
    vault = Vault()
    vault.opened = {SECRET + " " + "x" * 60: [Vault()]}
    KEPT.extend([vault, truth()])
    fact("address", hex(id(vault)))
    fact("hostile", [hex(id(KEPT[0])), hex(id(KEPT[3]))])


serve(go)
