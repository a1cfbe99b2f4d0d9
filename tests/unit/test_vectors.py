"""Every file of tests/vectors through the code: what comes out is what the file expects.

Read as an outsider reads them: from the file alone, by the shapes in tests/vectors/README.md.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.core import canonical, prefix_tree, vrf
from ledger.core.chain.head_slots import (
    confirmation_slot,
    head_slots,
    status_slot,
    stream_id,
    unpack_head,
)
from ledger.core.chain.state_proof import NodeSet, verify_account, verify_storage
from ledger.core.checkpoint.checkpoint import open_checkpoint
from ledger.core.checkpoint.note import encode_verifier_key, parse_verifier_key, verifier_key
from ledger.core.headers import parse_header, verify_qbft
from ledger.core.merkle import hash_leaf, verify_consistency, verify_inclusion
from ledger.core.prefix_tree import MapProof
from ledger.core.records.disclosure import digest, open_disclosure
from ledger.core.records.event import check_event, commitment
from ledger.core.records.subject import UsccError, normalize_uscc
from ledger.core.stream.entry import opening_entry, parse_entry
from ledger.core.stream.item_list import list_leaf, list_path, list_root, list_value
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.map_function import replay
from ledger.core.stream.map_key import alpha, map_key
from ledger.core.stream.tile_builder import TileBuilder
from ledger.core.stream.tiles import Bundle, encode_bundle, parse_bundle, parse_path
from ledger.core.trust import encode_trust_root, parse_trust_root
from ledger.core.verify import Policy, verify_evidence
from ledger.errors import LedgerError, RootMismatchError, SignatureError, VerificationError

FOLDER = Path(__file__).parents[1] / "vectors"
FILES = sorted(path for path in FOLDER.glob("*/*.json") if path.name != "rfc9381.json")
Tree = dict[str, Any]


def unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def run_uscc(vector: Tree) -> str:
    try:
        normal = normalize_uscc(vector["text"])
    except UsccError as error:
        assert (vector["normalized"], vector["problem"]) == (None, error.problem)
        return "refused"
    assert (vector["normalized"], vector["problem"]) == (normal, None)
    return "valid" if normal == vector["text"] else "refused"


def run_canonical(vector: Tree) -> str:
    content = bytes.fromhex(vector["bytes"])
    value = canonical.decode(content)
    assert value == vector["value"]
    assert canonical.encode(vector["value"]) == content
    return "valid"


def run_disclosure(vector: Tree) -> str:
    opened = open_disclosure(vector["disclosure"])
    assert opened == (bytes.fromhex(vector["salt"]), vector["name"], vector["value"])
    assert digest(vector["disclosure"]) == vector["digest"]
    return "valid"


def run_event(vector: Tree) -> str:
    check_event(vector["event"])
    return "valid"


def run_commitment(vector: Tree) -> str:
    computed = commitment(vector["event"].encode(), bytes.fromhex(vector["salt"]))
    return "valid" if computed.hex() == vector["commitment"] else "commitment-mismatch"


def run_entry(vector: Tree) -> str:
    data = vector["entry"].encode()
    if "opening" in vector:
        opening = vector["opening"]
        expected = opening_entry(opening["region"], opening["stream"], opening["vrf_key"])
        assert data == expected
    else:
        entry = parse_entry(data)
        found = (entry.event.hex(), entry.key.hex(), entry.op, entry.replaces)
        assert found == tuple(vector[name] for name in ("event", "key", "op", "replaces"))
    assert hash_leaf(data).hex() == vector["leaf_hash"]
    return "valid"


def run_inclusion(vector: Tree) -> str:
    verify_inclusion(
        leaf_hash=bytes.fromhex(vector["leaf_hash"]),
        index=vector["index"],
        tree_size=vector["tree_size"],
        path=unhex(vector["path"]),
        root_hash=bytes.fromhex(vector["root_hash"]),
    )
    return "valid"


def run_consistency(vector: Tree) -> str:
    verify_consistency(
        old_size=vector["old_size"],
        new_size=vector["new_size"],
        path=unhex(vector["path"]),
        old_root=bytes.fromhex(vector["old_root"]),
        new_root=bytes.fromhex(vector["new_root"]),
    )
    return "valid"


def run_prefix_tree(vector: Tree) -> str:
    root, key = bytes.fromhex(vector["root"]), bytes.fromhex(vector["key"])
    value = None if vector["value"] is None else bytes.fromhex(vector["value"])
    items = {bytes.fromhex(k): bytes.fromhex(v) for k, v in vector["items"].items()}
    assert prefix_tree.root(items) == root
    end = vector["end"] and (
        bytes.fromhex(vector["end"]["key"]),
        bytes.fromhex(vector["end"]["value"]),
    )
    proof = MapProof(tuple(unhex(vector["siblings"])), end)
    prefix_tree.verify(root=root, key=key, value=value, proof=proof)
    assert prefix_tree.prove(items, key) == proof
    return "valid"


def run_list(vector: Tree) -> str:
    pairs = [(index, bytes.fromhex(leaf)) for index, leaf in vector["pairs"]]
    value = list_value(len(pairs), list_root(pairs))
    if value.hex() != vector["value"]:
        return "root-mismatch"
    assert list_root(pairs).hex() == vector["list_root"]
    assert [list_leaf(*pair).hex() for pair in pairs] == vector["leaves"]
    paths = [[one.hex() for one in list_path(pairs, at)] for at in range(len(pairs))]
    assert paths == vector["paths"]
    return "valid"


def run_map_function(vector: Tree) -> str:
    entries = unhex(vector["entries"])
    state, log = replay(entries), MerkleLog()
    log.extend(hash_leaf(entry) for entry in entries)
    assert log.root().hex() == vector["log_root"]
    lists = {k.hex(): [[i, leaf.hex()] for i, leaf in v] for k, v in state.lists.items()}
    assert lists == vector["lists"]
    items = {bytes.fromhex(k): bytes.fromhex(v) for k, v in vector["map"].items()}
    assert {key: state.value(key) for key in state.lists} == items
    assert prefix_tree.root(items).hex() == vector["map_root"]
    return "valid"


def run_vrf(vector: Tree) -> str:
    text, proof = bytes.fromhex(vector["alpha"]), bytes.fromhex(vector["proof"])
    try:
        beta = vrf.verify(bytes.fromhex(vector["public_key"]), text, proof)
    except SignatureError:
        return "vrf-proof"
    secret = bytes.fromhex(vector["secret"])
    assert vrf.public_key(secret).hex() == vector["public_key"]
    assert vrf.prove(secret, text) == proof
    assert (beta.hex(), map_key(beta).hex()) == (vector["beta"], vector["map_key"])
    parts = (vector[name] for name in ("region", "stream", "record_type", "subject"))
    assert alpha(*parts) == text
    return "valid"


def run_stream_id(vector: Tree) -> str:
    identifier = stream_id(vector["region"], vector["stream"])
    assert identifier.hex() == vector["stream_id"]
    base = vector["base_slots"]
    assert status_slot(base["status"]).hex() == vector["status_slot"]
    assert [s.hex() for s in head_slots(base["heads"], identifier)] == vector["head_slots"]
    for word, slot in vector["confirmation_slots"].items():
        assert confirmation_slot(base["confirmations"], identifier, int(word)).hex() == slot
    return "valid"


def run_head(vector: Tree) -> str:
    head = unpack_head(*(int(word, 16) for word in vector["words"]))
    for name in ("size", "epoch", "anchored_at"):
        assert str(getattr(head, name)) == vector[name]
    assert (head.map_function, head.vrf_key) == (vector["map_function"], vector["vrf_key"])
    assert (head.log_root.hex(), head.map_root.hex()) == (vector["log_root"], vector["map_root"])
    return "valid"


def run_header(vector: Tree) -> str:
    header = parse_header(bytes.fromhex(vector["header"]))
    assert "0x" + header.block_hash.hex() == vector["block_hash"]
    assert (header.number, header.timestamp) == (vector["number"], vector["timestamp"])
    assert header.state_root.hex() == vector["state_root"]
    return "valid"


def run_qbft_header(vector: Tree) -> str:
    trusted = frozenset(unhex([one[2:] for one in vector["validators"]]))
    sealed = verify_qbft(bytes.fromhex(vector["header"]), trusted)
    assert "0x" + sealed.block_hash.hex() == vector["block_hash"]
    return "valid"


def run_state_proof(vector: Tree) -> str:
    nodes = NodeSet(unhex(vector["nodes"]))
    address = bytes.fromhex(vector["address"][2:])
    account = verify_account(bytes.fromhex(vector["state_root"]), address, nodes)
    found = []
    if account is not None:
        for slot in unhex(vector["slots"]):
            word = verify_storage(account.storage_root, slot, nodes)
            found.append(None if word is None else f"{word:064x}")
    nodes.require_all_used()
    assert (account.code_hash.hex() if account else None) == vector["code_hash"]
    assert found == vector["words"]
    return "valid"


def run_trust_root(vector: Tree) -> str:
    content = vector["trust_root"].encode()
    assert encode_trust_root(parse_trust_root(content)) == content
    return "valid"


def run_evidence(vector: Tree) -> str:
    content = bytes.fromhex(vector.get("evidence_hex", "")) or vector["evidence"].encode()
    as_of = vector["policy"]["as_of"]
    policy = Policy(
        max_age_s=vector["policy"]["max_age_s"],
        as_of=None if as_of is None else date.fromisoformat(as_of),
        verifier=vector["policy"]["verifier"],
    )
    now = datetime.fromisoformat(vector["now"].replace("Z", "+00:00"))
    verdict = verify_evidence(content, vector["trust_root"].encode(), now=now, policy=policy)
    steps = [f"{s.number} {s.id} {s.state} {s.code}" for s in verdict.steps]
    reached = len(vector["steps"])
    assert steps[:reached] == vector["steps"]
    assert all(step.endswith(" skipped not-reached") for step in steps[reached:])
    return str(verdict.outcome)


def run_checkpoint(vector: Tree) -> str:
    key = parse_verifier_key(vector["vkey"])
    found = open_checkpoint(vector["checkpoint"].encode(), key)
    assert (found.origin, str(found.size)) == (vector["origin"], vector["size"])
    assert found.root_hash.hex() == vector["root_hash"]
    if vector["seed"] is not None:
        made = verifier_key(key.name, bytes.fromhex(vector["seed"]))
        assert encode_verifier_key(made) == vector["vkey"]
    return "valid"


def run_tile(vector: Tree) -> str:
    found = parse_path(vector["path"])
    level = "entries" if isinstance(found, Bundle) else str(found.level)
    assert (level, found.index, found.width) == (
        vector["level"],
        vector["index"],
        vector["width"],
    )
    assert found.path == vector["path"]
    if vector["size"] is None:
        return "valid"
    entries = [f"entry {number}".encode() for number in range(vector["size"])]
    if isinstance(found, Bundle):
        start = 256 * found.index
        content = encode_bundle(entries[start : start + found.width])
    else:
        builder = TileBuilder()
        built = dict(builder.take([hash_leaf(entry) for entry in entries]))
        content = (built | dict(builder.unfinished()))[found]
    assert content.hex() == vector["content"]
    return "valid"


def run_entry_bundle(vector: Tree) -> str:
    found = parse_bundle(bytes.fromhex(vector["bundle"]), vector["width"])
    assert [entry.hex() for entry in found] == vector["entries"]
    return "valid"


RUNNERS: dict[str, Callable[[Tree], str]] = {
    name.removeprefix("run_").replace("_", "-"): runner
    for name, runner in list(globals().items())
    if name.startswith("run_")
}


def outcome(runner: Callable[[Tree], str], vector: Tree) -> str:
    try:
        return runner(vector)
    except RootMismatchError:
        return "root-mismatch"
    except (LedgerError, VerificationError) as error:
        return error.code


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector_gives_what_it_expects(path: Path) -> None:
    vector = json.loads(path.read_text(encoding="utf-8"))
    assert outcome(RUNNERS[path.parent.name], vector) == vector["expect"], vector["description"]


def test_vectors_hold_valid_ones_and_faults_of_every_format() -> None:
    formats = {path.parent.name for path in FILES}
    assert formats == set(RUNNERS)
    for name in formats:
        names = [path.stem for path in FILES if path.parent.name == name]
        assert any(one.startswith("valid-") for one in names), name
        faults = [one for one in names if not one.startswith("valid-")]
        # The map function is total: it has no faults.
        assert bool(faults) == (name != "map-function"), name


def test_vectors_named_valid_are_those_that_expect_it() -> None:
    for path in FILES:
        expect = json.loads(path.read_text(encoding="utf-8"))["expect"]
        assert path.stem.startswith("valid-") == (expect in ("valid", "VALID")), path


def test_vectors_are_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < 3_500_000


def test_vectors_are_what_the_script_makes() -> None:
    script = FOLDER.parents[1] / "scripts" / "make-vectors"
    done = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
