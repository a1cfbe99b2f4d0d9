"""RFC 9162 word for word: the recursions of sections 2.1.1, 2.1.3.1 and 2.1.4.1, slow and plain."""

import hashlib


def split(count):
    """k, the largest power of two smaller than count."""
    k = 1
    while 2 * k < count:
        k *= 2
    return k


def mth(leaves):
    """MTH over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def inclusion(index, leaves):
    """PATH(m, D_n)."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*inclusion(index, leaves[:k]), mth(leaves[k:])]
    return [*inclusion(index - k, leaves[k:]), mth(leaves[:k])]


def subproof(old_size, leaves, complete):
    """SUBPROOF(m, D_n, b); PROOF(m, D_n) is SUBPROOF(m, D_n, true)."""
    if old_size == len(leaves):
        return [] if complete else [mth(leaves)]
    k = split(len(leaves))
    if old_size <= k:
        return [*subproof(old_size, leaves[:k], complete), mth(leaves[k:])]
    return [*subproof(old_size - k, leaves[k:], False), mth(leaves[:k])]
