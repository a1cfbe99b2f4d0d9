"""A region whose VRF key was stolen goes over to another, as its operators do it: by commands.

Four nodes on five validators, governed by the Council. Evidence of before stays valid,
evidence of afterwards is refused by whoever has not got the new trust root.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from worlds.commands import ledger
from worlds.four_nodes import REGIONS, FourNodes
from worlds.node import penalties, penalty, uscc
from worlds.shared_consortium import NEEDS_CONSORTIUM

from ledger.core import canonical
from ledger.core.chain.head_slots import stream_id
from ledger.core.trust import parse_trust_root
from ledger.core.verify import Outcome, Verdict, verify_evidence

pytestmark = NEEDS_CONSORTIUM

ASKED, _, _, ROBBED = REGIONS
PUNISHED, CLEAN = uscc(2), uscc(900)


class Governed:
    """Four nodes under a Council, and the trust roots they had."""

    def __init__(self, net: FourNodes) -> None:
        self.net = net
        self.deployment = net.devnet / "deployment.json"
        self.folders = [str(node.folder) for node in net.nodes.values()]
        self.roots = [net.trust_root]

    def council(self, *words: str) -> None:
        ledger("council", *words, "--deployment", str(self.deployment))

    def update(self, *keys: Path) -> None:
        """Make an update, have it signed, and give it to every node."""
        folder = self.net.folder
        previous, update = folder / "previous.json", folder / "update.json"
        signatures = folder / f"signatures-{len(self.roots)}.json"
        previous.write_bytes(self.roots[-1])
        made = ("--previous", str(previous), "--out", str(update))
        ledger("trust-root", "make", "--deployment", str(self.deployment), *made)
        for key in keys:
            arguments = ("--key", str(key), "--signatures", str(signatures))
            ledger("trust-root", "sign", str(update), *arguments)
        for node in self.folders:
            arguments = ("--signatures", str(signatures), "--dir", node)
            ledger("trust-root", "update", str(update), *arguments)
        self.roots.append(update.read_bytes())

    def restart(self) -> None:
        for node in self.net.nodes.values():
            node.stop()
        for node in self.net.nodes.values():
            node.start()
        for node in self.net.nodes.values():
            self.net.wait(node.is_ready, node)

    def publish(self, *numbers: int) -> None:
        node = self.net.nodes[ROBBED]
        place = node.publish(penalties(*(penalty(number) for number in numbers)))
        self.net.wait(lambda: node.state_of(place) == "confirmed", node)

    def evidence(self, subject: str) -> tuple[str, bytes]:
        """What another region's node answers about a subject in the region that was robbed."""
        (answer,) = self.net.nodes[ASKED].ask(subject, [ROBBED])
        assert answer["evidence"] is not None, answer
        return answer["result"], canonical.encode(answer["evidence"])


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    with FourNodes(tmp_path_factory.mktemp("generation"), "qbft") as net:
        for node in net.nodes.values():
            node.start()
        for node in net.nodes.values():
            net.wait(node.is_ready, node)
        yield Governed(net)


def check(evidence: bytes, root: bytes) -> Verdict:
    return verify_evidence(evidence, root, now=datetime.now(UTC))


def test_stolen_vrf_key_is_replaced_while_questions_are_answered(governed: Governed) -> None:
    net = governed.net
    governed.publish(1, 2, 3)
    result, before = governed.evidence(PUNISHED)
    _, absent = governed.evidence(CLEAN)
    assert result == "records"

    # The regions govern from here on, and sign what comes next.
    governed.council("found", *governed.folders, "--veto-window-s", "1")
    governed.update(net.devnet / "owner-key")
    second = parse_trust_root(governed.roots[-1])
    assert (len(second.signers), second.threshold, second.sequence) == (4, 3, 2)
    governed.restart()
    assert check(before, governed.roots[-1]).outcome is Outcome.VALID

    # Another key, entered by decision of the Council, named by the next root.
    robbed = net.nodes[ROBBED].folder
    ledger("keys", "renew", "generation", "--stream", "records", "--dir", str(robbed))
    signers = [part for folder in governed.folders[:3] for part in ("--as", folder)]
    governed.council("propose", "registration", str(robbed), *signers, "--carry-out")
    governed.update(*(Path(folder) / "operator-key" for folder in governed.folders[1:]))
    third = parse_trust_root(governed.roots[-1])
    assert [
        one.generation for one in third.vrf_keys if (one.region, one.stream) == (ROBBED, "records")
    ] == [1, 2]
    governed.restart()

    def is_over() -> bool:
        result, found = governed.evidence(PUNISHED)
        assert result == "records", "a question was answered otherwise on the way"
        return check(found, governed.roots[1]).outcome is not Outcome.VALID

    net.wait(is_over, net.nodes[ROBBED], net.nodes[ASKED])
    head = net.chain.fetch_head(stream_id(ROBBED, "records"))
    assert head is not None and head.vrf_key == 2
    result, after = governed.evidence(PUNISHED)
    assert result == "records"
    _, absent_after = governed.evidence(CLEAN)
    for evidence in (before, absent, after, absent_after):
        assert check(evidence, governed.roots[2]).outcome is Outcome.VALID
    for evidence in (after, absent_after):
        for root in governed.roots[:2]:
            assert check(evidence, root).outcome is not Outcome.VALID
    assert _hidden(before).isdisjoint(_hidden(after)), "two generations can be linked"

    # And on it goes: published, amended, confirmed by the others, sound in the audit.
    governed.publish(4)
    assert governed.evidence(uscc(4))[0] == "records"
    # Who has mirrored both logs finds in the new one what was in force in the former, no more.
    file, mirror = net.folder / "statement.jsonl", net.nodes[ASKED].folder
    ledger("generation", "statement", str(file), "--dir", str(robbed))
    ledger("generation", "compare", str(file), "--dir", str(mirror))
    net.nodes[ROBBED].stop()
    copy = net.folder / "copy"
    shutil.copytree(robbed, copy)
    ledger("fsck", "--dir", str(copy))


def _hidden(evidence: bytes) -> set[str]:
    """What everybody sees of an item, and what hides the rest of it."""
    tree = canonical.decode(evidence)
    opened = [one[name] for one in tree["opened"] for name in ("entry", "salt")]
    assert opened
    return {tree["vrf_proof"], *opened}
