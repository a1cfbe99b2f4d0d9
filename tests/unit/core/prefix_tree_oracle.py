"""The map's tree by its definition: recursion over dictionaries and strings of bits."""

import hashlib


def bits(key):
    return f"{int.from_bytes(key, 'big'):0256b}"


def node(items, prefix=""):
    """Hash of the subtree under a string of bits."""
    inside = {key: value for key, value in items.items() if bits(key).startswith(prefix)}
    if not inside:
        return bytes(32)
    if len(inside) == 1:
        ((key, value),) = inside.items()
        return hashlib.sha256(b"\x02" + key + value).digest()
    return hashlib.sha256(
        b"\x03" + node(inside, prefix + "0") + node(inside, prefix + "1")
    ).digest()


def proof(items, key):
    """Siblings from the root down, and the leaf or nothing at their end."""
    siblings, depth = [], 0
    inside = dict(items)
    while len(inside) > 1:
        turn = bits(key)[depth]
        other = bits(key)[:depth] + ("1" if turn == "0" else "0")
        siblings.append(node(inside, other))
        depth += 1
        prefix = bits(key)[:depth]
        inside = {k: value for k, value in inside.items() if bits(k).startswith(prefix)}
    return tuple(siblings), next(iter(inside.items()), None)
