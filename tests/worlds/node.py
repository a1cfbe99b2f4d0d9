"""A whole node over a real database file and a chain in memory, and files to publish in it."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from worlds.chain import CHAIN_ID, CODE, HEAD_ANCHOR, SLOTS, ChainTwin, address_of
from worlds.clock import StandingClock, entropy

from ledger.adapters.sql import open_store
from ledger.bootstrap.streams import make_streams
from ledger.core import vrf
from ledger.core.chain.head_slots import stream_id
from ledger.core.chain.keccak import keccak256
from ledger.core.records.subject import check_character
from ledger.core.trust import Contract, Coverage, TrustRoot, VrfKey, encode_trust_root
from ledger.core.verify import Verdict, verify_evidence
from ledger.services.anchoring import AnchorKey
from ledger.services.background.worker import Worker
from ledger.services.lookup.answers import Answer, Question
from ledger.services.lookup.material import Material, Pending, ServedMaterial, Unavailable
from ledger.services.lookup.region import RegionLookup
from ledger.services.publication import BatchReport, Mode, Publication
from ledger.services.stored import StreamLog
from ledger.services.stream.state import StreamState
from ledger.services.stream.subject_keys import SubjectKeys

REGION = "310000"
STREAMS = ("records", "restricted", "queries")
SEEDS = {stream: bytes([number]) * 32 for number, stream in enumerate(STREAMS, 1)}
SECRETS = {StreamLog(stream, 1): seed for stream, seed in SEEDS.items()}
"""VRF seeds of the first generation of each stream."""

RECORDS = StreamLog("records", 1)
ANCHOR_SECRET = b"\x42" * 32
NODE_KEY = b"\x07" * 32

CF_COLUMNS = (
    "CF_XDR_MC,CF_XDR_LB,CF_XDR_SHXYM,CF_WSH,CF_WFXW,CF_SY,CF_YJ,CF_CFLB,CF_NR,CF_NR_FK,"
    "CF_JDRQ,CF_GSJZQ,CF_CFJG,CF_CFJGDM"
)
CHANGE_COLUMNS = "region,CF_WSH,CF_XDR_SHXYM,change,decided_on"


def uscc(number: int, prefix: str = "91310118MA") -> str:
    """A code with a right check character."""
    body = f"{prefix}{number:07d}"
    return body + check_character(body)


ISSUER = uscc(1, "11310151MA")
OTHER_ISSUER = uscc(2, "11310104MA")


def penalty(
    number: int,
    *,
    subject: str | None = None,
    fine: str = "1.000000",
    until: str = "",
    issuer: str = ISSUER,
) -> str:
    """One row of a penalty file."""
    code = subject or uscc(number)
    return (
        f"某某有限公司,法人及非法人组织,{code},31罚〔2026〕{number:05d}号,超标排放,事实,依据,罚款,"
        f"处以罚款,{fine},2026-02-21,{until},崇明区卫生健康委员会,{issuer}"
    )


def penalties(*rows: str) -> bytes:
    return "\n".join((CF_COLUMNS, *rows, "")).encode()


def change(
    number: int, *, subject: str | None = None, kind: str = "repair", region: str = REGION
) -> str:
    return f"{region},31罚〔2026〕{number:05d}号,{subject or uscc(number)},{kind},2026-10-20"


def changes(*rows: str, columns: str = CHANGE_COLUMNS) -> bytes:
    return "\n".join((columns, *rows, "")).encode()


def trust_root(
    genesis_hash: bytes,
    head_anchor: Contract | None = None,
    chain_id: int = CHAIN_ID,
) -> TrustRoot:
    return TrustRoot(
        sequence=1,
        previous=None,
        signers=(b"\x01" * 20,),
        threshold=1,
        issued_at=datetime(2026, 1, 1, tzinfo=UTC),
        expires_at=datetime(2028, 1, 1, tzinfo=UTC),
        chain_id=chain_id,
        genesis_hash=genesis_hash,
        consensus="development",
        validators=(),
        head_anchor=head_anchor or Contract(HEAD_ANCHOR, keccak256(CODE), SLOTS),
        region_registry=None,
        consent_registry=None,
        vrf_keys=tuple(
            VrfKey(REGION, stream, 1, vrf.public_key(seed)) for stream, seed in SEEDS.items()
        ),
        mirrors=(),
        confirmations=(),
        coverage=(
            Coverage(REGION, "cf", "public", date(2026, 1, 1)),
            Coverage(REGION, "xk", "public", date(2026, 1, 1)),
        ),
        authority_required=False,
    )


class World:
    """A node that can be killed and started again over the same database and chain."""

    def __init__(self, folder: Path, streams: tuple[str, ...] = ("records",)) -> None:
        self.folder = folder
        self.streams = streams
        self.clock = StandingClock()
        self.chain = ChainTwin(lambda: self.clock.now().timestamp())
        self.anchor_key = AnchorKey(address_of(ANCHOR_SECRET), ANCHOR_SECRET)
        self.anchor_keys = [self.anchor_key]
        self.secrets = dict(SECRETS)
        self.generations = dict.fromkeys(streams, 1)
        for stream in streams:
            self.chain.approve(stream_id(REGION, stream), self.anchor_key.address)
        self.chain.mine()
        self.trust_root = trust_root(self.chain.genesis_hash())
        self.entropy = entropy(random.Random(str(folder)).randrange(2**32))
        self.opened: list[object] = []
        self.start()

    def start(self) -> None:
        """A new process: everything in memory is new."""
        self.store = open_store(f"sqlite:///{self.folder}/node.db")
        self.keys = SubjectKeys(region=REGION, secrets=self.secrets)
        self.node_streams = make_streams(self.store, self.generations)
        self.publication = Publication(
            region=REGION,
            store=self.store,
            keys=self.keys,
            node_key=NODE_KEY,
            clock=self.clock,
            entropy=self.entropy,
            streams=self.node_streams,
        )
        self.material = ServedMaterial(
            streams=self.node_streams, store=self.store, keys=self.keys, clock=self.clock
        )
        self.lookup = RegionLookup(
            region=REGION,
            trust_root=self.trust_root,
            source=self.material,
            is_near=self.store.is_near,
        )
        self.worker = self.new_worker()

    def new_worker(self) -> Worker:
        return Worker(
            region=REGION,
            trust_root=self.trust_root,
            store=self.store,
            chain=self.chain,
            clock=self.clock,
            entropy=self.entropy,
            keys=self.keys,
            anchor_keys=self.anchor_keys,
            streams=self.node_streams,
        )

    def kill(self) -> None:
        self.store.close()

    def restart(self) -> None:
        self.kill()
        self.start()

    def renew(self, generation: int = 2, *, stream: str = "records") -> None:
        """Another generation in keys and trust root, and a restart under them."""
        seed = bytes([0x40 + generation]) * 32
        self.secrets[StreamLog(stream, generation)] = seed
        self.generations[stream] = generation
        key = VrfKey(REGION, stream, generation, vrf.public_key(seed))
        self.trust_root = replace(self.trust_root, vrf_keys=(*self.trust_root.vrf_keys, key))
        self.restart()

    def approve(self, generation: int = 2, *, stream: str = "records") -> None:
        """What governance does for it."""
        self.chain.approve(stream_id(REGION, stream), self.anchor_keys[-1].address, generation)

    # --- What happens in it

    def publish(self, content: bytes, key: str | None = None) -> BatchReport:
        return self.publication.accept(content, "file.csv", key)

    def amend(self, content: bytes, key: str | None = None) -> BatchReport:
        return self.publication.accept(content, "file.csv", key, mode=Mode.AMEND)

    def tick(self, seconds: float = 1) -> bool:
        """One round of the worker, one block, one second."""
        going = self.worker.run_once()
        self.clock.advance(seconds)
        self.chain.mine()
        return going

    def settle(self, rounds: int = 12) -> None:
        """Rounds until nothing is on its way any more, at least three if so many are allowed."""
        for done in range(1, rounds + 1):
            if not self.tick() or (done >= 3 and self._is_level()):
                return

    def _is_level(self) -> bool:
        if self.chain.is_down or self.worker.status().errors:
            return False
        for stream, state in self.states.items():
            head = self.chain.fetch_head(stream_id(REGION, stream))
            newest = self.store.newest_outbox(state.name)
            sizes = {state.size, state.served_size, head.size if head else 0}
            is_anchored = newest is not None and newest.state == "anchored"
            if (
                len(sizes) != 1
                or not is_anchored
                or self.store.pending_count(state.name, state.size)
            ):
                return False
        return True

    # --- What can be asked

    @property
    def states(self) -> dict[str, StreamState]:
        """The newest log of each stream."""
        return {name: stream.current for name, stream in self.node_streams.items()}

    @property
    def records(self) -> StreamState:
        return self.states["records"]

    def ask(self, number: int, record_type: str = "cf") -> Material | Pending | Unavailable:
        return self.material.material("records", record_type, uscc(number))

    def answer(self, number: int) -> Answer:
        (answer,) = self.lookup.answer([Question(uscc(number), REGION, "cf")])
        return answer

    def verdict(self, number: int) -> Verdict:
        evidence = self.answer(number).evidence
        assert evidence is not None
        return verify_evidence(evidence, encode_trust_root(self.trust_root), now=self.clock.now())

    def numbers(self, number: int) -> list[object]:
        """Document numbers in force of a subject, proved; fails unless the verdict is VALID."""
        verdict = self.verdict(number)
        assert verdict, verdict.steps
        return [record.values["document_number"] for record in verdict.records]
