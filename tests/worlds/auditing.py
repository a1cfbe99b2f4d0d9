"""Audits of the node of ``worlds.node``, over a chain whose transactions are real ones."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from worlds.chain import CHAIN_ID, HEAD_ANCHOR, ChainTwin
from worlds.clock import entropy
from worlds.node import (
    ANCHOR_SECRET,
    NODE_KEY,
    REGION,
    World,
    change,
    changes,
    penalties,
    penalty,
    trust_root,
    uscc,
)

from ledger.adapters.evm.head_anchor import HeadAnchorCalls
from ledger.adapters.evm.reading import EvmTransactions
from ledger.adapters.evm.signing import address_of, sign
from ledger.adapters.sql.inspection import open_inspection
from ledger.core.chain.head_slots import stream_id
from ledger.core.chain.keccak import keccak256
from ledger.core.stream.entry import Entry, encode_entry, opening_entry
from ledger.services.anchoring import AnchorKey
from ledger.services.audit import AuditReport, Memory, NodeIdentity, audit
from ledger.services.onchain import Call, Receipt, SendOutcome, SignedTransaction
from ledger.services.ports import Chain
from ledger.services.ports.mirroring import LogName
from ledger.services.publication.identity import RecordIdentity
from ledger.services.publication.report import Mode
from ledger.services.stream.subject_keys import SubjectKeys

EXAMPLES = Path(__file__).parents[2] / "examples"
GAS = 1_000_000
TRANSACTIONS = EvmTransactions()


class SignedTwin(ChainTwin):
    """The chain of tests, taking the bytes that a real chain takes."""

    def __init__(self, time: Any) -> None:
        self._calls = HeadAnchorCalls(HEAD_ANCHOR)
        self._plain: dict[bytes, bytes] = {}
        """Call data -> the call as the twin executes it."""
        self._raws: dict[bytes, bytes] = {}
        self._hashes: dict[bytes, bytes] = {}
        super().__init__(time)

    def open_call(self, sender: bytes, *, stream: bytes, **arguments: Any) -> Call:
        call = self._calls.open_call(sender, stream=stream, **arguments)
        self._plain[call.data] = super().open_call(sender, stream=stream, **arguments).data
        return call

    def anchor_call(self, sender: bytes, *, stream: bytes, **arguments: Any) -> Call:
        call = self._calls.anchor_call(sender, stream=stream, **arguments)
        self._plain[call.data] = super().anchor_call(sender, stream=stream, **arguments).data
        return call

    def simulate(self, call: Call) -> None:
        super().simulate(replace(call, data=self._plain[call.data]))

    def sign_call(self, key: bytes, nonce: int, to: bytes, data: bytes) -> SignedTransaction:
        signed = sign(key, chain_id=CHAIN_ID, nonce=nonce, to=to, data=data, gas=GAS)
        members = {
            "from": address_of(key).hex(),
            "nonce": nonce,
            "to": to.hex(),
            "data": self._plain[data].hex(),
        }
        raw = json.dumps(members).encode()
        self._raws[signed.raw] = raw
        self._hashes[signed.tx_hash] = keccak256(raw)
        return signed

    def send_raw(self, raw: bytes) -> SendOutcome:
        outcome = super().send_raw(self._raws[raw])
        self.sent[-1] = raw
        return outcome

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        return super().receipt(self._hashes[tx_hash])


class AuditedWorld(World):
    """A node over such a chain; everything in its database follows from the seed."""

    chain: SignedTwin

    def __init__(
        self, folder: Path, streams: tuple[str, ...] = ("records",), seed: int = 1
    ) -> None:
        super().__init__(folder, streams)
        # Nothing was written yet: the same node begins again over the other chain.
        self.kill()
        self.chain = SignedTwin(lambda: self.clock.now().timestamp())
        self.anchor_key = AnchorKey(address_of(ANCHOR_SECRET), ANCHOR_SECRET)
        self.anchor_keys = [self.anchor_key]
        for stream in streams:
            self.chain.approve(stream_id(REGION, stream), self.anchor_key.address)
        self.chain.mine()
        self.trust_root = trust_root(self.chain.genesis_hash())
        self.entropy = entropy(seed)
        self.start()

    @property
    def path(self) -> Path:
        return self.folder / "node.db"

    def identity(self) -> NodeIdentity:
        own = {log: seed for log, seed in self.secrets.items() if log.stream in self.streams}
        subjects = SubjectKeys(region=REGION, secrets=own)
        return NodeIdentity(
            region=REGION,
            trust_root=self.trust_root,
            generations=dict(self.generations),
            vrf_public_keys={log: subjects.public_key(log) for log in subjects.logs},
            map_key_of=subjects.map_key_of,
            records=RecordIdentity(region=REGION, node_key=NODE_KEY),
            anchor_addresses=frozenset(one.address for one in self.anchor_keys),
        )

    def audit(self, *, is_offline: bool = False, is_quick: bool = False) -> AuditReport:
        return audit_file(
            self.path, self.identity(), None if is_offline else self.chain, is_quick=is_quick
        )


def audit_file(
    path: Path,
    node: NodeIdentity,
    chain: Chain | None,
    *,
    is_quick: bool = False,
    memory: Memory | None = None,
) -> AuditReport:
    inspection = open_inspection(f"sqlite:///{path}")
    try:
        return audit(
            inspection,
            node,
            transactions=TRANSACTIONS,
            chain=chain,
            is_quick=is_quick,
            memory=memory,
        )
    finally:
        inspection.close()


class Killed(BaseException):
    """The process dies here."""


def lived_in(folder: Path, seed: int = 1, *, is_renewed: bool = True) -> AuditedWorld:
    """A stopped node whose database holds something of everything, and two unfinished things.

    Its records are in their second generation, if they were renewed.
    """
    world = AuditedWorld(folder, ("records", "restricted"), seed)
    world.store.bind("region", REGION)
    world.store.bind("genesis", world.trust_root.genesis_hash.hex())
    first = [penalty(number, fine=f"{number}.500000") for number in range(1, 9)]
    world.publish(penalties(*first, penalty(9, until="2026-10-31"), penalty(10, fine="x")), "一")
    world.settle()
    licences = (EXAMPLES / "310000-xk.csv").read_bytes().splitlines(keepends=True)
    world.publish(b"".join(licences[:4]))
    world.publish(changes(change(1), change(2, kind="revoke"), change(99)))
    world.settle()
    amended = penalties(penalty(3, fine="7.000000"), penalty(4, until="2026-10-01"), first[4])
    world.publication.accept(amended, "改.csv", "key-2", mode=Mode.AMEND)
    world.publish(penalties(penalty(20, until="2026-10-20"), first[6]))
    world.settle()
    _lose_a_transaction(world)
    _mirror(world)
    world.clock.advance(86_400)  # What ended on the first day is swept.
    world.settle()
    if is_renewed:
        world.renew()
        world.approve()
        world.settle()
    world.publish(changes(change(6)))
    world.publish(penalties(penalty(23)))
    world.settle()
    _sign_without_sending(world)
    world.publish(penalties(penalty(40), penalty(41, subject=uscc(5))))
    world.kill()
    return world


def _lose_a_transaction(world: AuditedWorld) -> None:
    """Its nonce is used by another one: the row is withdrawn and the head signed again."""
    world.publish(penalties(penalty(21), penalty(22)))
    world.chain.sends_lost = 1
    world.tick()
    world.chain.use_nonce(world.anchor_key.address)
    world.settle(20)


def _mirror(world: AuditedWorld) -> None:
    log, chance = LogName("320000", "records", 1), random.Random(7)
    entries = [opening_entry(log.region, log.stream, log.vrf_key)]
    for _ in range(12):
        entry = Entry(chance.randbytes(32), chance.randbytes(32), "put", None)
        entries.append(encode_entry(entry))
    fence = world.store.acquire_fence("mirror")
    world.store.append_mirrored(fence, log, 0, entries)


def _sign_without_sending(world: AuditedWorld) -> None:
    world.publish(penalties(penalty(30), penalty(31)))

    def die(raw: bytes) -> SendOutcome:
        raise Killed

    world.chain.send_raw = die  # type: ignore[method-assign]
    try:
        world.worker.run_once()
    except Killed:
        pass
    del world.chain.send_raw
    world.restart()
