"""Four real nodes confirm each other; a map without one subject is contradicted by all."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pysqlite3  # type: ignore[import-untyped]
import pytest
from worlds.four_nodes import REGIONS, FourNodes, Node
from worlds.node import penalties, penalty, uscc

from ledger.adapters.devnet import control
from ledger.core import canonical
from ledger.core.chain.head_slots import CONTRADICTION, stream_id
from ledger.core.verify import Outcome, verify_evidence

pytestmark = [pytest.mark.devnet, pytest.mark.slow]

ASKED, OTHER, THIRD, PUNISHED = REGIONS

HIDING_NODE = Path(__file__).parent / "hiding_node.py"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FourNodes]:
    with FourNodes(tmp_path_factory.mktemp("four")) as net:
        for node in net.nodes.values():
            node.start()
        for node in net.nodes.values():
            net.wait(node.is_ready, node)
        yield net


def confirm_all(net: FourNodes, region: str, by: set[str]) -> None:
    """Wait until these regions' mirrors have confirmed the newest head."""
    net.wait(
        lambda: all(net.lanes(region)[one] == net.epoch(region) for one in by),
        *(net.nodes[one] for one in by),
    )


def publish(net: FourNodes, region: str, *numbers: int) -> None:
    node = net.nodes[region]
    place = node.publish(penalties(*(penalty(number) for number in numbers)))
    net.wait(lambda: node.state_of(place) == "confirmed", node)


def test_four_nodes_confirm_each_other_and_evidence_says_so(net: FourNodes) -> None:
    publish(net, PUNISHED, 1, 2, 3)
    confirm_all(net, PUNISHED, {ASKED, OTHER, THIRD})
    answers = {one["region"]: one for one in net.nodes[ASKED].ask(uscc(2), list(REGIONS))}
    assert {region: one["result"] for region, one in answers.items()} == {
        ASKED: "none",
        OTHER: "none",
        THIRD: "none",
        PUNISHED: "records",
    }
    for one in answers.values():
        evidence = canonical.encode(one["evidence"])
        verdict = verify_evidence(evidence, net.trust_root, now=datetime.now(UTC))
        assert verdict.outcome is Outcome.VALID
        (step,) = [step for step in verdict.steps if step.id == "confirmation"]
        assert (step.state.value, step.code) == ("pass", "ok")
        assert verdict.basis is not None and verdict.basis.confirmed_by >= 2


def test_node_mirrors_the_others_and_never_itself(net: FourNodes) -> None:
    for region, node in net.nodes.items():
        sources = node.status()["mirroring"]["sources"]
        assert {one["region"] for one in sources} == set(REGIONS) - {region}
        assert net.numbers[region] not in node.tally()["confirmed_by"]
        assert net.chain.fetch_mirror(net.numbers[region]) is not None


def test_one_dead_mirror_does_not_stop_the_service_two_do_until_one_is_back(
    net: FourNodes,
) -> None:
    net.nodes[OTHER].kill()
    publish(net, ASKED, 11)
    assert len(net.nodes[ASKED].tally()["confirmed_by"]) == 2

    net.nodes[THIRD].kill()
    node = net.nodes[ASKED]
    place = node.publish(penalties(penalty(12)))
    net.wait(lambda: node.state_of(place) == "anchored", node)
    net.wait(lambda: node.tally()["confirmed_by"] == [net.numbers[PUNISHED]], node)
    # One confirmation is not enough: the key is pending, the others are still proved.
    (answer,) = node.ask(uscc(12), [ASKED])
    assert answer["result"] == "pending" and answer["evidence"] is None
    (answer,) = node.ask(uscc(11), [ASKED])
    assert answer["result"] == "records"
    epoch = net.epoch(ASKED)
    # And nothing is anchored on top of what nobody confirmed.
    node.publish(penalties(penalty(13)))
    mined = net.chain.latest_block()
    net.wait(lambda: net.chain.latest_block() >= mined + 3)
    assert net.epoch(ASKED) == epoch

    net.nodes[THIRD].start()
    net.wait(lambda: node.state_of(place) == "confirmed", node, net.nodes[THIRD])
    net.nodes[OTHER].start()
    for one in REGIONS:
        net.wait(net.nodes[one].is_ready, net.nodes[one])
    net.wait(lambda: node.ask(uscc(13), [ASKED])[0]["result"] == "records", node)


def test_mirror_that_lost_its_database_catches_up_from_nothing(net: FourNodes) -> None:
    node = net.nodes[THIRD]
    node.kill()
    publish(net, OTHER, 21, 22)
    # Only the copies: the region's own log cannot be made again.
    forget_copies(node)
    node.start()
    net.wait(node.is_ready, node)
    for region in set(REGIONS) - {THIRD}:
        net.wait(lambda region=region: node.source(region)["state"] == "confirmed", node)
        assert node.source(region)["size"] == node.source(region)["head_size"]


def test_all_nodes_killed_and_started_in_another_order_go_on(net: FourNodes) -> None:
    for region in REGIONS:
        net.nodes[region].kill()
    for region in (THIRD, PUNISHED, ASKED, OTHER):
        net.nodes[region].start()
    for node in net.nodes.values():
        net.wait(node.is_ready, node)
    publish(net, THIRD, 31)
    confirm_all(net, THIRD, {ASKED, OTHER, PUNISHED})


def test_chain_that_is_killed_is_confirmed_again(net: FourNodes) -> None:
    publish(net, PUNISHED, 41)
    killed = control.status(net.devnet)
    assert killed.anvil_pid is not None
    os.kill(killed.anvil_pid, signal.SIGKILL)
    publish(net, PUNISHED, 42)
    confirm_all(net, PUNISHED, {ASKED, OTHER, THIRD})


def forget_copies(node: Node) -> None:
    with closing(pysqlite3.connect(node.folder / "node.db")) as connection, connection:
        connection.execute("DELETE FROM mirrored_entries")


def test_node_that_leaves_a_subject_out_is_contradicted_by_every_mirror(net: FourNodes) -> None:
    node, hidden, other = net.nodes[PUNISHED], 666, 52
    publish(net, PUNISHED, 51)
    node.stop()
    head = net.chain.fetch_head(stream_id(PUNISHED, "records"))
    assert head is not None
    node.start(str(HIDING_NODE), LEFT_OUT=str(head.size))
    net.wait(node.is_ready, node)
    node.publish(penalties(penalty(hidden), penalty(other)))
    net.wait(lambda: net.epoch(PUNISHED) == head.epoch + 1, node)
    others = {ASKED, OTHER, THIRD}
    wrong = head.epoch + 1 + CONTRADICTION
    net.wait(lambda: all(net.lanes(PUNISHED)[one] == wrong for one in others), node)
    for region in others:
        mirror = net.nodes[region]
        net.wait(lambda mirror=mirror: mirror.source(PUNISHED)["alarm"] is not None, mirror)
        assert mirror.source(PUNISHED)["alarm"]["code"] == "map-root-differs"
        assert mirror.source(PUNISHED)["state"] == "contradicted"
        assert "ALARM map-root-differs" in mirror.log
    numbers = {net.numbers[one] for one in others}
    net.wait(lambda: set(node.tally()["contradicted_by"]) == numbers, node)
    # It answers as if the subject were clean; nobody believes it, about anybody.
    net.wait(lambda: node.answer(uscc(hidden))["result"] == "none", node)
    for subject in (uscc(hidden), uscc(other), uscc(51), uscc(99)):
        said = node.answer(subject)
        verdict = verify_evidence(
            canonical.encode(said["evidence"]), net.trust_root, now=datetime.now(UTC)
        )
        assert (verdict.outcome, verdict.reason) == (Outcome.INCOMPLETE, "map-unconfirmed")
        assert verdict.basis is not None
        assert set(verdict.basis.contradicting_mirrors) == numbers
        (answer,) = net.nodes[ASKED].ask(subject, [PUNISHED])
        assert answer["result"] not in ("none", "records")
        assert answer["evidence"] is None
