import pytest

from ledger.core.chain import rlp
from ledger.core.chain.trie_node import Branch, Extension, Leaf, parse_node
from ledger.errors import MalformedProofError

HASH = b"\xab" * 32
OTHER_HASH = b"\xcd" * 32
EMBEDDED_LEAF: rlp.RlpItem = [b"\x20", b"\x05"]
EMBEDDED_BRANCH: rlp.RlpItem = [EMBEDDED_LEAF, EMBEDDED_LEAF, *[b""] * 15]


def branch_of(*children: rlp.RlpItem, value: rlp.RlpItem = b"") -> rlp.RlpItem:
    return [*children, *[b""] * (16 - len(children)), value]


def parse(item: rlp.RlpItem) -> object:
    return parse_node(rlp.encode(item))


def test_parse_node_leaf_with_even_path_gives_nibbles() -> None:
    assert parse([b"\x20\x12\x3f", b"v"]) == Leaf("123f", b"v")


def test_parse_node_leaf_with_odd_path_gives_nibbles() -> None:
    assert parse([b"\x3a\x12", b"v"]) == Leaf("a12", b"v")


def test_parse_node_leaf_with_empty_path_is_read() -> None:
    assert parse([b"\x20", b"v"]) == Leaf("", b"v")


def test_parse_node_leaf_with_full_path_is_read() -> None:
    assert parse([b"\x20" + HASH, b"v"]) == Leaf("ab" * 32, b"v")


def test_parse_node_extension_with_hash_is_read() -> None:
    assert parse([b"\x00\x12", HASH]) == Extension("12", HASH)
    assert parse([b"\x1f", HASH]) == Extension("f", HASH)


def test_parse_node_extension_with_embedded_branch_is_read() -> None:
    node = parse([b"\x1f", EMBEDDED_BRANCH])
    assert isinstance(node, Extension)
    assert node.child == Branch((Leaf("", b"\x05"), Leaf("", b"\x05"), *[None] * 14))


def test_parse_node_branch_is_read() -> None:
    node = parse(branch_of(HASH, b"", EMBEDDED_LEAF))
    assert node == Branch((HASH, None, Leaf("", b"\x05"), *[None] * 13))


REFUSED: dict[str, rlp.RlpItem] = {
    "byte string": b"node",
    "empty byte string": b"",
    "no items": [],
    "one item": [b"\x20"],
    "three items": [b"\x20", b"v", b""],
    "16 items": [HASH] * 16,
    "18 items": [*[HASH] * 2, *[b""] * 16],
    "empty path": [b"", b"v"],
    "path is a list": [[], b"v"],
    "flag 4": [b"\x40", b"v"],
    "flag 5": [b"\x5a", b"v"],
    "flag 8": [b"\x80", b"v"],
    "flag 15": [b"\xff", b"v"],
    "leaf with padding": [b"\x21", b"v"],
    "extension with padding": [b"\x0f\x12", HASH],
    "path of 65 nibbles": [b"\x3a" + HASH, b"v"],
    "path of 66 nibbles": [b"\x20" + HASH + b"\x00", b"v"],
    "leaf without value": [b"\x20", b""],
    "leaf with a list": [b"\x20", [b"v"]],
    "leaf with an empty list": [b"\x20", []],
    "extension with empty path": [b"\x00", HASH],
    "extension with nothing below": [b"\x1f", b""],
    "extension with a short hash": [b"\x1f", HASH[:31]],
    "extension with a long hash": [b"\x1f", HASH + b"\x00"],
    "extension with an embedded leaf": [b"\x1f", EMBEDDED_LEAF],
    "extension with an embedded extension": [b"\x1f", [b"\x1f", EMBEDDED_BRANCH]],
    "branch with a value": branch_of(HASH, OTHER_HASH, value=b"v"),
    "branch with a list as value": branch_of(HASH, OTHER_HASH, value=[]),
    "branch with one child": branch_of(HASH),
    "branch without children": branch_of(),
    "branch with a short hash": branch_of(HASH, OTHER_HASH[:31]),
    "branch with one byte as child": branch_of(HASH, OTHER_HASH, b"\x05"),
    "branch with an empty list as child": branch_of(HASH, OTHER_HASH, []),
    "branch with a bad embedded node": branch_of(HASH, OTHER_HASH, [b"\x21", b"\x05"]),
    "embedded node of 32 bytes": branch_of(HASH, OTHER_HASH, [b"\x20", b"v" * 29]),
    "embedded node of 33 bytes": branch_of(HASH, OTHER_HASH, [b"\x20", b"v" * 30]),
}


@pytest.mark.parametrize("item", REFUSED.values(), ids=REFUSED.keys())
def test_parse_node_shape_no_trie_holds_is_refused(item: rlp.RlpItem) -> None:
    with pytest.raises(MalformedProofError):
        parse(item)


def test_parse_node_embedded_node_of_31_bytes_is_read() -> None:
    node = parse(branch_of(HASH, [b"\x20", b"v" * 28]))
    assert isinstance(node, Branch)
    assert node.children[1] == Leaf("", b"v" * 28)


def test_parse_node_longest_branch_is_read_and_longer_refused() -> None:
    longest = rlp.encode([HASH] * 16 + [b""])
    assert len(longest) == 532
    parse_node(longest)
    with pytest.raises(MalformedProofError, match="at most 532 bytes, found 533"):
        parse_node(rlp.encode([b"\x20", b"v" * 526]))


def test_parse_node_bytes_that_are_no_rlp_are_refused() -> None:
    for data in (b"", b"\xc2\x20", b"\xc2\x20\x05\x00", b"\xc3\x20\x81\x05", b"\xf8\x02\x20\x05"):
        with pytest.raises(MalformedProofError):
            parse_node(data)
