"""A node on a real development chain with the real contracts: publish, look up, verify, crash."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from worlds.clock import entropy
from worlds.devnet import admit
from worlds.node import (
    ANCHOR_SECRET,
    NODE_KEY,
    REGION,
    SECRETS,
    SEEDS,
    STREAMS,
    change,
    changes,
    penalties,
    penalty,
    trust_root,
    uscc,
)

from ledger.adapters.clock import SystemClock
from ledger.adapters.devnet import control
from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance.deployment import Deployment, load_deployment
from ledger.adapters.governance.registration import Registration, StreamRegistration
from ledger.adapters.sql import open_store
from ledger.bootstrap.streams import make_streams
from ledger.core import vrf
from ledger.core.chain.head_slots import stream_id
from ledger.core.trust import Contract, encode_trust_root
from ledger.core.verify import Outcome, verify_evidence
from ledger.services.anchoring import AnchorKey
from ledger.services.background.worker import Worker
from ledger.services.lookup.answers import Question, Result
from ledger.services.lookup.material import ServedMaterial
from ledger.services.lookup.region import RegionLookup
from ledger.services.publication import Publication
from ledger.services.stream.subject_keys import SubjectKeys

pytestmark = pytest.mark.devnet

DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Deployment]]:
    root = tmp_path_factory.mktemp("devnet")
    command = [
        sys.executable,
        "-m",
        "ledger",
        "devnet",
        "up",
        "--dir",
        str(root),
        "--port",
        "0",
    ]
    try:
        subprocess.run(command, check=True, timeout=DEADLINE_S, capture_output=True)
        directory = DevnetDirectory(root)
        deployment = load_deployment(directory.deployment_file)
        admit(
            directory,
            [
                Registration(
                    region=REGION,
                    endpoint="http://127.0.0.1:9",
                    operator=address_of(ANCHOR_SECRET),
                    mirror_key=address_of(b"\x43" * 32),
                    streams=tuple(
                        StreamRegistration(
                            stream=stream,
                            anchor_key=address_of(ANCHOR_SECRET),
                            vrf_key=1,
                            vrf_public_key=vrf.public_key(SEEDS[stream]),
                            checkpoint_public_key=bytes([number]) * 32,
                        )
                        for number, stream in enumerate(STREAMS, 1)
                    ),
                )
            ],
        )
        yield root, deployment
    finally:
        control.reset(root)


class Node:
    """One running node; ``kill`` leaves only its database behind."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        anchor = deployment.contracts["HeadAnchor"]
        slots = {name: anchor.slots[name] for name in ("status", "heads", "confirmations")}
        self.trust_root = trust_root(
            deployment.genesis_hash,
            Contract(anchor.address, anchor.code_hash, slots),
            deployment.chain_id,
        )
        self.clock = SystemClock()
        self.store = open_store(f"sqlite:///{folder}/node.db")
        self.chain = EvmChain(
            deployment.rpc_url, chain_id=deployment.chain_id, head_anchor=anchor.address
        )
        keys = SubjectKeys(region=REGION, secrets=SECRETS)
        chance = entropy(random.randrange(2**32))
        streams = make_streams(self.store, dict.fromkeys(STREAMS, 1))
        self.states = {name: stream.current for name, stream in streams.items()}
        self.publication = Publication(
            region=REGION,
            store=self.store,
            keys=keys,
            node_key=NODE_KEY,
            clock=self.clock,
            entropy=chance,
            streams=streams,
        )
        material = ServedMaterial(streams=streams, store=self.store, keys=keys, clock=self.clock)
        self.lookup = RegionLookup(region=REGION, trust_root=self.trust_root, source=material)
        self.worker = Worker(
            region=REGION,
            trust_root=self.trust_root,
            store=self.store,
            chain=self.chain,
            clock=self.clock,
            entropy=chance,
            keys=keys,
            anchor_keys=[AnchorKey(address_of(ANCHOR_SECRET), ANCHOR_SECRET)],
            streams=streams,
            interval_s=0.1,
        )
        self.worker.start()

    def stop(self) -> None:
        self.worker.stop()
        self.chain.close()
        self.store.close()

    def wait(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not reached():
            assert time.monotonic() < deadline, self.worker.status()
            time.sleep(0.1)

    def result(self, number: int) -> Result:
        (answer,) = self.lookup.answer([Question(uscc(number), REGION, "cf")])
        if answer.evidence is not None:
            verdict = verify_evidence(
                answer.evidence, encode_trust_root(self.trust_root), now=self.clock.now()
            )
            assert verdict.outcome is Outcome.VALID, verdict.steps
        return answer.result

    def wait_for(self, number: int, result: Result) -> None:
        self.wait(lambda: self.result(number) is result)


def test_node_publishes_proves_and_survives_a_killed_chain(
    devnet: tuple[Path, Deployment], tmp_path: Path
) -> None:
    root, deployment = devnet
    node = Node(tmp_path, deployment)
    try:
        # Three streams are opened by one key; nothing is published, and that is proved.
        node.wait(lambda: node.worker.status().is_ready)
        assert node.result(1) is Result.NONE

        node.publication.accept(penalties(*(penalty(n) for n in range(1, 51))), "cf.csv")
        assert node.result(1) is Result.PENDING
        node.wait_for(1, Result.RECORDS)
        assert node.result(99) is Result.NONE

        node.publication.accept(changes(change(1)), "changes.csv")
        assert node.result(1) is Result.PENDING
        node.wait_for(1, Result.NONE)
        assert node.result(2) is Result.RECORDS

        # The node is stopped and started over its database.
        node.stop()
        node = Node(tmp_path, deployment)
        node.wait(lambda: node.worker.status().is_ready)
        assert node.result(2) is Result.RECORDS

        # The chain is killed right after a head was mined: it comes back at its last dump.
        node.publication.accept(penalties(penalty(60)), "cf.csv")
        node.wait_for(60, Result.RECORDS)
        killed = control.status(root)
        assert killed.anvil_pid is not None
        os.kill(killed.anvil_pid, signal.SIGKILL)
        node.publication.accept(penalties(penalty(61)), "cf.csv")
        node.wait_for(61, Result.RECORDS)
        node.wait_for(60, Result.RECORDS)
        size = node.states["records"].size
        head = node.chain.fetch_head(stream_id(REGION, "records"))
        assert head is not None and head.size == size == 54
        node.wait(lambda: node.worker.status().errors == ())
    finally:
        node.stop()
