"""Two processes over one database, and a chain that forgets: nothing is lost or doubled."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from faulting import checks
from faulting.network import Network, Place
from worlds.node import REGION, penalties, penalty, uscc
from worlds.processes import ServedNode, wait_for
from worlds.soundness import assert_sound

from ledger.adapters.devnet import control
from ledger.core.chain.head_slots import stream_id
from ledger.core.trust import parse_trust_root

pytestmark = pytest.mark.devnet


def test_second_process_takes_over_and_the_first_does_nothing_harmful(place: Place) -> None:
    with ServedNode(place.folder) as first:
        first.wait_ready()
        assert first.publish(penalties(penalty(1))).status_code == 202
        first.wait_for_answer(uscc(1), "records")
        with ServedNode(place.folder) as second:
            second.wait_ready()
            # Both are up; the first has lost the right to work and says so.
            wait_for(lambda: first.ready() != "ready", first.words)
            assert "fenced" in first.ready()
            # A file that reaches the wrong process is accepted once, and the right one works on it.
            content = penalties(penalty(2), penalty(3))
            for node in (first, second, first):
                answer = node.publish(content, "one-sending")
                assert answer.status_code == 202, answer.text
                assert answer.json()["rows"] == 2
            second.wait_for_answer(uscc(3), "records")
            assert first.process.poll() is None
            first.stop()
            assert "Traceback" not in first.log.read_text(encoding="utf-8")
            assert second.ready() == "ready"
            assert_sound(place)
            assert second.publish(penalties(penalty(4))).status_code == 202
            second.wait_for_answer(uscc(4), "records")
            second.stop()
    assert_sound(place)


def test_first_process_comes_back_after_the_second_was_killed(place: Place) -> None:
    with ServedNode(place.folder) as second:
        second.wait_ready()
        assert second.publish(penalties(penalty(11))).status_code == 202
        second.kill()
    with ServedNode(place.folder) as third:
        third.wait_ready()
        third.wait_for_answer(uscc(11), "records")
        third.stop()
    assert_sound(place)


@pytest.mark.slow
def test_chain_that_comes_back_older_is_noticed_and_anchored_again(
    net: Network, place: Place, tmp_path: Path
) -> None:
    with ServedNode(place.folder) as node:
        node.wait_ready()
        assert node.publish(penalties(penalty(21))).status_code == 202
        node.wait_for_answer(uscc(21), "records")
        old = size_on_chain(place)
        copy = tmp_path / "devnet"
        control.wait_until_saved(net.devnet, block_of(net))
        shutil.copytree(net.devnet, copy)
        assert node.publish(penalties(penalty(22))).status_code == 202
        node.wait_for_answer(uscc(22), "records")
        new = size_on_chain(place)
        assert new > old
        # The machine of the chain dies and is restored from an older copy.
        kill_chain(net)
        for name in ("chain.json.gz", "history.jsonl"):
            shutil.copy(copy / name, net.devnet / name)
        assert node.publish(penalties(penalty(23))).status_code == 202
        control.up(net.devnet)
        assert size_on_chain(place) in (old, new + 1)
        node.wait_for_answer(uscc(23), "records")
        node.wait_for_answer(uscc(22), "records")
        wait_for(lambda: size_on_chain(place) == new + 1, node.words)
        node.stop()
    assert_sound(place)


def kill_chain(net: Network) -> None:
    now = control.status(net.devnet)
    assert now.supervisor_pid is not None and now.anvil_pid is not None
    os.kill(now.supervisor_pid, signal.SIGKILL)
    try:
        os.kill(now.anvil_pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # It ends with its supervisor.
    wait_for(lambda: not control.status(net.devnet).running, lambda: "the chain runs on")


def block_of(net: Network) -> int:
    block = control.status(net.devnet).block
    assert block is not None
    return block


def size_on_chain(place: Place) -> int:
    root = parse_trust_root((place.folder / "trust-root.json").read_bytes())
    chain = checks.open_chain(place, root)
    try:
        head = chain.fetch_head(stream_id(REGION, "records"))
    finally:
        chain.close()
    assert head is not None
    return head.size
