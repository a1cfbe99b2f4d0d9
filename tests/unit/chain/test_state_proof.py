import random

import pytest
import rlp as other_rlp
from trie import HexaryTrie

from ledger.core.chain import rlp
from ledger.core.chain.keccak import keccak256
from ledger.core.chain.state_proof import (
    EMPTY_ROOT,
    Account,
    NodeSet,
    verify_account,
    verify_storage,
)
from ledger.errors import LedgerError, MalformedProofError, RootMismatchError

ADDRESS = bytes(range(1, 21))
CODE_HASH = keccak256(b"code")


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def storage_trie(words: dict[bytes, int]) -> HexaryTrie:
    trie = HexaryTrie({})
    for key, word in words.items():
        trie[keccak256(key)] = other_rlp.encode(word)
    return trie


def proof(trie: HexaryTrie, *hashed_keys: bytes) -> list[bytes]:
    """The nodes as a client gives them: the root, and below it only nodes that have a hash."""
    nodes: set[bytes] = set()
    for key in hashed_keys:
        path = [other_rlp.encode(node) for node in trie.get_proof(key)]
        nodes |= {path[0], *(node for node in path if len(node) >= 32)}
    return sorted(nodes)


def storage_proof(trie: HexaryTrie, *slots: bytes) -> list[bytes]:
    return proof(trie, *(keccak256(key) for key in slots))


def read_storage(root: bytes, key: bytes, nodes: list[bytes]) -> int | None:
    node_set = NodeSet(nodes)
    word = verify_storage(root, key, node_set)
    node_set.require_all_used()
    return word


@pytest.mark.parametrize("count", [1, 2, 3, 15, 16, 17, 40, 200, 1000])
def test_verify_storage_random_trie_gives_every_word_and_every_absence(count: int) -> None:
    rng = random.Random(count)
    words = {
        rng.randbytes(32): rng.choice([1, 0x7F, 0x80, rng.randrange(1, 2**256)])
        for _ in range(count)
    }
    trie = storage_trie(words)
    for key in rng.sample(sorted(words), min(count, 60)):
        assert read_storage(trie.root_hash, key, storage_proof(trie, key)) == words[key]
    for _ in range(60):
        key = rng.randbytes(32)
        assert read_storage(trie.root_hash, key, storage_proof(trie, key)) is None


@pytest.mark.parametrize("shared", [0, 1, 5, 30, 50, 60, 61, 62, 63])
def test_verify_storage_keys_that_share_nibbles_are_told_apart(shared: int) -> None:
    """Crafted keys reach extensions, embedded leaves and embedded branches at every depth."""
    key = keccak256(slot(1))
    rest = f"{int(key.hex()[shared], 16) ^ 1:x}" + "0" * (63 - shared)
    neighbour = bytes.fromhex(key.hex()[:shared] + rest)
    for word in (1, 0x80, 2**255):
        trie = HexaryTrie({})
        trie[neighbour] = other_rlp.encode(9)
        nodes = proof(trie, key)
        assert read_storage(trie.root_hash, slot(1), nodes) is None
        trie[key] = other_rlp.encode(word)
        nodes = proof(trie, key)
        assert read_storage(trie.root_hash, slot(1), nodes) == word
        trie[bytes.fromhex(key.hex()[:shared] + f"{int(rest[0], 16) ^ 2:x}" + rest[1:])] = b"\x07"
        del trie[key]
        assert read_storage(trie.root_hash, slot(1), proof(trie, key)) is None


def test_verify_storage_shared_set_serves_many_slots_and_is_used_up() -> None:
    trie = storage_trie({slot(number): number + 1 for number in range(300)})
    slots = [slot(number) for number in (0, 1, 2, 299, 300, 10**9)]
    nodes = NodeSet(storage_proof(trie, *slots))
    words = [verify_storage(trie.root_hash, key, nodes) for key in slots]
    assert words == [1, 2, 3, 300, None, None]
    nodes.require_all_used()
    assert nodes.unused() == ()
    assert list(nodes.used()) == storage_proof(trie, *slots)


def test_verify_storage_empty_trie_proves_absence_without_nodes() -> None:
    assert HexaryTrie({}).root_hash == EMPTY_ROOT
    assert read_storage(EMPTY_ROOT, slot(1), []) is None
    with pytest.raises(MalformedProofError, match="surplus"):
        read_storage(EMPTY_ROOT, slot(1), [b"\x80"])


def test_verify_storage_every_flipped_bit_is_refused() -> None:
    trie = storage_trie({slot(number): number + 1 for number in range(40)})
    for key in (slot(3), slot(40)):
        nodes = storage_proof(trie, key)
        for index, node in enumerate(nodes):
            for bit in range(8 * len(node)):
                changed = bytearray(node)
                changed[bit // 8] ^= 1 << bit % 8
                with pytest.raises(LedgerError):
                    read_storage(
                        trie.root_hash, key, [*nodes[:index], bytes(changed), *nodes[index + 1 :]]
                    )


def test_verify_storage_every_cut_node_is_refused() -> None:
    trie = storage_trie({slot(number): number + 1 for number in range(40)})
    nodes = storage_proof(trie, slot(3))
    for index, node in enumerate(nodes):
        for size in range(len(node)):
            with pytest.raises(LedgerError):
                read_storage(
                    trie.root_hash, slot(3), [*nodes[:index], node[:size], *nodes[index + 1 :]]
                )


@pytest.mark.parametrize("key", [slot(3), slot(300), slot(301), slot(302)])
def test_verify_storage_missing_node_is_refused_and_not_absent(key: bytes) -> None:
    trie = storage_trie({slot(number): number + 1 for number in range(300)})
    nodes = storage_proof(trie, key)
    assert len(nodes) >= 2
    for index in range(len(nodes)):
        with pytest.raises(LedgerError) as caught:
            read_storage(trie.root_hash, key, nodes[:index] + nodes[index + 1 :])
        assert isinstance(caught.value, MalformedProofError | RootMismatchError)


def test_verify_storage_missing_inner_node_is_malformed() -> None:
    trie = storage_trie({slot(number): number + 1 for number in range(300)})
    root_node = next(n for n in storage_proof(trie, slot(3)) if keccak256(n) == trie.root_hash)
    with pytest.raises(MalformedProofError, match="is missing"):
        read_storage(trie.root_hash, slot(3), [root_node])


def test_verify_storage_no_nodes_is_malformed() -> None:
    with pytest.raises(MalformedProofError, match=r"root node .* is missing"):
        read_storage(b"\x01" * 32, slot(3), [])


def test_verify_storage_other_root_raises_root_mismatch_with_both() -> None:
    trie = storage_trie({slot(number): number + 1 for number in range(300)})
    for wrong in (bytes(32), keccak256(trie.root_hash)):
        with pytest.raises(RootMismatchError) as caught:
            read_storage(wrong, slot(3), storage_proof(trie, slot(3)))
        assert (caught.value.expected, caught.value.computed) == (wrong, trie.root_hash)


def test_verify_storage_proof_of_other_slot_is_refused() -> None:
    trie = storage_trie({slot(number): number + 1 for number in range(300)})
    for other in (slot(4), slot(10**6)):
        with pytest.raises(MalformedProofError):
            read_storage(trie.root_hash, slot(3), storage_proof(trie, other))


def test_verify_storage_surplus_node_is_refused() -> None:
    trie = storage_trie({slot(number): number + 1 for number in range(300)})
    nodes = storage_proof(trie, slot(3))
    longer = storage_proof(trie, slot(3), slot(4))
    (surplus, *_) = [node for node in longer if node not in nodes]
    for extra in (surplus, b"", b"\x80", b"\xc0", b"x" * 100):
        node_set = NodeSet([*nodes, extra])
        assert verify_storage(trie.root_hash, slot(3), node_set) == 4
        assert node_set.unused() == (extra,)
        assert list(node_set.used()) == nodes
        with pytest.raises(MalformedProofError, match="surplus nodes, found 1"):
            node_set.require_all_used()


def test_node_set_node_given_twice_is_refused() -> None:
    with pytest.raises(MalformedProofError, match="given twice"):
        NodeSet([b"\xc0", b"\x80", b"\xc0"])


def test_node_set_node_longer_than_any_is_refused() -> None:
    assert len(NodeSet([b"x" * 532])) == 1
    with pytest.raises(MalformedProofError, match="at most 532 bytes, found 533"):
        NodeSet([b"x" * 533])


@pytest.mark.parametrize("size", [0, 20, 31, 33])
def test_verify_argument_of_other_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedProofError, match="slot: expected 32"):
        verify_storage(EMPTY_ROOT, bytes(size), NodeSet([]))
    with pytest.raises(MalformedProofError, match="root: expected 32"):
        verify_storage(bytes(size), slot(1), NodeSet([]))
    with pytest.raises(MalformedProofError, match="address: expected 20"):
        verify_account(EMPTY_ROOT, bytes(size + (size == 20)), NodeSet([]))


# Crafted tries: whoever could choose the root could also choose the nodes. None of these can come
# from an honest chain; each must be refused rather than read in some way.


def crafted(*nodes: rlp.RlpInput) -> tuple[bytes, list[bytes]]:
    """Encode nodes from the top down; return the root and the nodes."""
    encoded = [rlp.encode(node) for node in nodes]
    return keccak256(encoded[0]), encoded


def path_item(nibbles: str, *, leaf: bool) -> bytes:
    flag = 2 * leaf + len(nibbles) % 2
    return bytes.fromhex(f"{flag:x}" + ("" if len(nibbles) % 2 else "0") + nibbles)


def leaf_with(value: bytes) -> tuple[bytes, list[bytes]]:
    return crafted([path_item(keccak256(slot(1)).hex(), leaf=True), value])


KEY = keccak256(slot(1)).hex()
BRANCH: rlp.RlpInput = [b"\x11" * 32, b"\x22" * 32, *[b""] * 15]


@pytest.mark.parametrize(
    "value",
    [
        b"\x00",
        b"\x80\x80",
        b"\x81\x00",
        b"\x81\x05",
        b"\x82\x00\x01",
        b"\x05\x00",
        b"\xc0",
        b"\xc1\x05",
        b"\xa1\x01" + bytes(32),
        b"\xb8\x01\x80",
        b"\xa0" + b"\x01" * 31,
        b"\xa0" + bytes(32),
    ],
)
def test_verify_storage_value_that_is_no_stored_word_is_refused(value: bytes) -> None:
    root, nodes = leaf_with(value)
    with pytest.raises(MalformedProofError):
        read_storage(root, slot(1), nodes)


def test_verify_storage_leaf_with_zero_reads_as_unset() -> None:
    """Only anvil keeps such a leaf; it proves the same as exclusion."""
    root, nodes = leaf_with(b"\x80")
    assert read_storage(root, slot(1), nodes) is None


@pytest.mark.parametrize("length", [0, 1, 62, 63])
def test_verify_storage_leaf_that_ends_early_is_refused(length: int) -> None:
    root, nodes = crafted([path_item(KEY[:length], leaf=True), b"\x05"])
    with pytest.raises(MalformedProofError, match="expected 64 nibbles"):
        read_storage(root, slot(1), nodes)


@pytest.mark.parametrize("length", [63, 64])
def test_verify_storage_leaf_that_ends_late_is_refused(length: int) -> None:
    nodes = [rlp.encode([path_item(KEY[:length], leaf=True), b"\x05" * 20])]
    children: list[rlp.RlpInput] = [b"\x11" * 32, b"\x22" * 32, *[b""] * 15]
    children[int(KEY[0], 16)] = keccak256(nodes[0])
    top = rlp.encode(children)
    if length == 63:
        assert read_storage(keccak256(top), slot(1), [top, *nodes]) is None
    else:
        with pytest.raises(MalformedProofError, match="expected 63 nibbles, found 64"):
            read_storage(keccak256(top), slot(1), [top, *nodes])


def test_verify_storage_extension_over_the_whole_key_is_refused() -> None:
    root, nodes = crafted([path_item(KEY, leaf=False), b"\x11" * 32])
    with pytest.raises(MalformedProofError, match="leaves no nibble"):
        read_storage(root, slot(1), nodes)


def test_verify_storage_extension_over_an_extension_is_refused() -> None:
    inner = rlp.encode([path_item(KEY[1:4], leaf=False), b"\x11" * 32])
    root, nodes = crafted([path_item(KEY[:1], leaf=False), keccak256(inner)])
    with pytest.raises(MalformedProofError, match="expected a branch below"):
        read_storage(root, slot(1), [*nodes, inner])


def test_verify_storage_extension_over_a_leaf_is_refused() -> None:
    inner = rlp.encode([path_item(KEY[1:], leaf=True), b"\x05"])
    root, nodes = crafted([path_item(KEY[:1], leaf=False), keccak256(inner)])
    with pytest.raises(MalformedProofError, match="expected a branch below"):
        read_storage(root, slot(1), [*nodes, inner])


def branch_with(position: str, child: rlp.RlpInput) -> list[rlp.RlpInput]:
    children: list[rlp.RlpInput] = [b"\x11" * 32, b"\x22" * 32, *[b""] * 15]
    children[int(position, 16)] = child
    return children


def test_verify_storage_branch_below_the_last_nibble_is_refused() -> None:
    bottom = rlp.encode(BRANCH)
    last = rlp.encode(branch_with(KEY[63], keccak256(bottom)))
    root, nodes = crafted([path_item(KEY[:63], leaf=False), keccak256(last)])
    with pytest.raises(MalformedProofError, match="below the last nibble"):
        read_storage(root, slot(1), [*nodes, last, bottom])


def test_verify_storage_short_node_referred_to_by_hash_is_refused() -> None:
    short = rlp.encode([path_item(KEY[61:], leaf=True), b"\x05"])
    last = rlp.encode(branch_with(KEY[60], keccak256(short)))
    root, nodes = crafted([path_item(KEY[:60], leaf=False), keccak256(last)])
    with pytest.raises(MalformedProofError, match="32 bytes or more"):
        read_storage(root, slot(1), [*nodes, last, short])


def test_verify_storage_empty_root_as_a_child_is_refused() -> None:
    root, nodes = crafted(branch_with(KEY[0], EMPTY_ROOT))
    for given in (nodes, [*nodes, b"\x80"]):
        with pytest.raises(MalformedProofError):
            read_storage(root, slot(1), given)


def test_verify_storage_embedded_leaf_at_the_last_nibble_is_read() -> None:
    last = rlp.encode(branch_with(KEY[63], [b"\x20", b"\x05"]))
    root, nodes = crafted([path_item(KEY[:63], leaf=False), keccak256(last)])
    assert read_storage(root, slot(1), [*nodes, last]) == 5


def test_verify_storage_embedded_leaf_for_other_nibbles_proves_absence() -> None:
    wrong = f"{int(KEY[63], 16) ^ 1:x}"
    last = rlp.encode(branch_with(KEY[62], [path_item(wrong, leaf=True), b"\x05"]))
    root, nodes = crafted([path_item(KEY[:62], leaf=False), keccak256(last)])
    assert read_storage(root, slot(1), [*nodes, last]) is None


def test_verify_storage_embedded_leaf_of_other_length_is_refused() -> None:
    for nibbles in ("", KEY[62:]):
        last = rlp.encode(branch_with(KEY[62], [path_item(nibbles, leaf=True), b"\x05"]))
        root, nodes = crafted([path_item(KEY[:62], leaf=False), keccak256(last)])
        with pytest.raises(MalformedProofError, match="expected 1 nibbles"):
            read_storage(root, slot(1), [*nodes, last])


def test_verify_storage_divergent_extension_proves_absence() -> None:
    wrong = f"{int(KEY[3], 16) ^ 1:x}"
    root, nodes = crafted([path_item(KEY[:3] + wrong, leaf=False), b"\x11" * 32])
    assert read_storage(root, slot(1), nodes) is None


# Accounts


def account_fields() -> list[bytes]:
    return [b"\x01", b"\x02\x03", EMPTY_ROOT, CODE_HASH]


def state_with(fields: rlp.RlpInput) -> tuple[bytes, list[bytes]]:
    return crafted([path_item(keccak256(ADDRESS).hex(), leaf=True), rlp.encode(fields)])


def read_account(root: bytes, address: bytes, nodes: list[bytes]) -> Account | None:
    node_set = NodeSet(nodes)
    account = verify_account(root, address, node_set)
    node_set.require_all_used()
    return account


def test_verify_account_in_a_large_state_gives_its_fields() -> None:
    trie = HexaryTrie({})
    for number in range(200):
        value = [number, number * 10**18, keccak256(slot(number)), CODE_HASH]
        trie[keccak256(number.to_bytes(20, "big"))] = other_rlp.encode(value)
    for number in (0, 1, 127, 128, 199):
        address = number.to_bytes(20, "big")
        assert read_account(trie.root_hash, address, proof(trie, keccak256(address))) == Account(
            nonce=number,
            balance=number * 10**18,
            storage_root=keccak256(slot(number)),
            code_hash=CODE_HASH,
        )
    address = (200).to_bytes(20, "big")
    assert read_account(trie.root_hash, address, proof(trie, keccak256(address))) is None
    assert read_account(EMPTY_ROOT, address, []) is None


def test_verify_account_and_its_storage_share_one_set() -> None:
    storage = storage_trie({slot(number): number + 1 for number in range(50)})
    state = HexaryTrie({})
    for number in range(50):
        value = [1, 0, storage.root_hash, CODE_HASH]
        state[keccak256(number.to_bytes(20, "big"))] = other_rlp.encode(value)
    address = bytes(20)
    nodes = NodeSet(proof(state, keccak256(address)) + storage_proof(storage, slot(7), slot(50)))
    account = verify_account(state.root_hash, address, nodes)
    assert account is not None
    assert verify_storage(account.storage_root, slot(7), nodes) == 8
    assert verify_storage(account.storage_root, slot(50), nodes) is None
    nodes.require_all_used()


@pytest.mark.parametrize(
    ("position", "field"),
    [
        (0, b"\x00"),
        (0, b"\x01" + bytes(8)),
        (0, []),
        (1, b"\x00\x01"),
        (1, b"\x01" + bytes(32)),
        (2, b""),
        (2, EMPTY_ROOT[:31]),
        (2, EMPTY_ROOT + b"\x00"),
        (2, [EMPTY_ROOT]),
        (3, b""),
        (3, CODE_HASH[:31]),
        (3, CODE_HASH + b"\x00"),
    ],
)
def test_verify_account_malformed_field_is_refused(position: int, field: rlp.RlpInput) -> None:
    fields: list[rlp.RlpInput] = [*account_fields()]
    fields[position] = field
    with pytest.raises(MalformedProofError):
        read_account(*state_with(fields)[:1], ADDRESS, state_with(fields)[1])


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_verify_account_other_number_of_fields_is_refused(count: int) -> None:
    root, nodes = state_with([*account_fields(), b"\x01"][:count])
    with pytest.raises(MalformedProofError, match=f"expected 4 fields, found {count}"):
        read_account(root, ADDRESS, nodes)


def test_verify_account_largest_fields_are_read() -> None:
    root, nodes = state_with([b"\xff" * 8, b"\xff" * 32, EMPTY_ROOT, CODE_HASH])
    account = read_account(root, ADDRESS, nodes)
    assert account == Account(2**64 - 1, 2**256 - 1, EMPTY_ROOT, CODE_HASH)


def test_verify_account_leaf_is_no_storage_word() -> None:
    value = rlp.encode(account_fields())
    root, nodes = crafted([path_item(keccak256(slot(1)).hex(), leaf=True), value])
    with pytest.raises(MalformedProofError, match="found a list"):
        read_storage(root, slot(1), nodes)
