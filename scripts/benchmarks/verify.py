"""Verifying one evidence beside the sum of its primitives, and how large evidence is.

The primitives of an evidence are noted while it is verified: the input of every SHA-256 and Keccak
call, every JSON text and the VRF proof. The floor is the time of the same calls made again, one
after the other, with nothing in between.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from benchmarks.figure import Figure, Say, make_cost, time_best, uncollected
from benchmarks.great_region import known, make_region, unknown
from ledger.core import canonical, vrf
from ledger.core.chain import keccak
from ledger.core.evidence import parse_evidence
from ledger.core.headers import parse_header
from ledger.core.trust import TrustRoot, encode_trust_root
from ledger.core.verify import Policy, verify_against, verify_evidence
from ledger.core.verify.verdict import moment_of
from ledger.services.lookup.answers import Question

AIM_FLOORS: Final = 1.5
_REPEAT: Final = 400
_FLOOR: Final = (
    "the same SHA-256 and Keccak calls, the VRF proof, and each JSON text read and written again,"
    " as the format asks of every verifier"
)
_WRITER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@dataclass
class _Primitives:
    """Inputs of the calls that one verification makes."""

    sha256: list[bytes] = field(default_factory=list)
    keccak: list[bytes] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    proofs: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)

    def repeat(self) -> None:
        """Make the calls again."""
        for content in self.sha256:
            hashlib.sha256(content).digest()
        for content in self.keccak:
            keccak.keccak_256(content).digest()
        for text in self.texts:
            if _WRITER.encode(json.loads(text)) != text:
                raise ValueError("expected canonical JSON")
        for proof in self.proofs:
            vrf.verify(*proof)

    def named(self) -> str:
        """How many of each."""
        return (
            f"{len(self.sha256)} SHA-256, {len(self.keccak)} Keccak, {len(self.texts)} JSON texts,"
            f" {len(self.proofs)} VRF"
        )


def run(*, quick: bool, say: Say) -> list[Figure]:
    """Measure verification and sizes of an absence and of one record."""
    keys = 20_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        world = make_region(Path(folder), keys=keys, companies=2_000, say=say)
        world.settle(6)
        codes = {"absence": [unknown(number) for number in range(20)]}
        codes["one record"] = [known(number) for number in range(20)]
        figures = []
        for name, subjects in codes.items():
            say(f"{name}, {keys:,} keys")
            answers = world.lookup.answer([Question(one, "310000", "cf") for one in subjects])
            evidence = [answer.evidence for answer in answers if answer.evidence is not None]
            figures += _measure(name, evidence, world.trust_root)
        world.kill()
    return figures


def _measure(name: str, evidence: list[bytes], root: TrustRoot) -> list[Figure]:
    middle = sorted(evidence, key=len)[len(evidence) // 2]
    now = moment_of(parse_header(parse_evidence(middle).chain.header).timestamp)
    now += timedelta(seconds=1)
    content = encode_trust_root(root)

    def against() -> None:
        if not verify_against(middle, root, now=now, policy=Policy()):
            raise ValueError(f"{name}: expected VALID")

    primitives = _noted(against)
    works = (against, primitives.repeat, lambda: verify_evidence(middle, content, now=now))
    with uncollected():
        # In turns, so that a busy neighbour disturbs all of them alike.
        turns = [[time_best(work, repeat=1) for work in works] for _ in range(_REPEAT)]
    against_s, floor_s, whole_s = map(min, zip(*turns, strict=True))
    kib = 7 if name == "absence" else 12
    return [
        make_cost(
            f"verify, {name}, trust root parsed before",
            against_s * 1e3,
            "ms CPU",
            floor_name=_FLOOR,
            floor=floor_s * 1e3,
            aim=AIM_FLOORS * floor_s * 1e3,
            note=primitives.named(),
        ),
        make_cost(
            f"verify, {name}, trust root read each time",
            whole_s * 1e3,
            "ms CPU",
            floor_name=_FLOOR,
            floor=floor_s * 1e3,
        ),
        make_cost(
            f"evidence, {name}",
            len(middle),
            "bytes",
            aim=kib * 1024,
            note=f"{min(map(len, evidence)):,} to {max(map(len, evidence)):,} of {len(evidence)}",
        ),
    ]


def _noted(work: Callable[[], None]) -> _Primitives:
    """The primitives of one run; what the VRF hashes inside belongs to the VRF."""
    noted = _Primitives()

    def note(calls: list[Any], function: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*inputs: Any) -> Any:
            calls.append(inputs[0] if len(inputs) == 1 else inputs)
            return function(*inputs)

        return noting

    class Decoder:
        raw_decode = staticmethod(note(noted.texts, canonical._DECODER.raw_decode))

    with ExitStack() as stack:
        for place, name, calls in (
            (hashlib, "sha256", noted.sha256),
            (keccak, "keccak_256", noted.keccak),
            (vrf, "verify", noted.proofs),
        ):
            function = getattr(place, name)
            stack.enter_context(patch.object(place, name, note(calls, function)))
        stack.enter_context(patch.object(canonical, "_DECODER", Decoder))
        work()
    return noted
