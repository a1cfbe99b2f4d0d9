"""Whether keys, trust root and region of a node's folder belong together."""

from collections.abc import Mapping
from pathlib import Path

from ledger.adapters.keystore import NodeKeys
from ledger.core import vrf
from ledger.core.trust import STREAM_OF_CLASS, TrustRoot
from ledger.errors import FatalStateError, InputError
from ledger.services.stored import StreamLog
from ledger.services.stream.subject_keys import SubjectKeys


def read_trust_root(path: Path) -> bytes:
    """The bytes of a trust root file.

    Raises:
        InputError: There is none.
    """
    try:
        return path.read_bytes()
    except OSError:
        raise InputError(f"{path.name}: not found; put the trust root into the folder") from None


def generations_of(trust_root: TrustRoot, region: str) -> dict[str, int]:
    """The newest generation of each stream that carries a type the region covers.

    Raises:
        InputError: The trust root does not cover the region, or lacks a key.
    """
    streams = {STREAM_OF_CLASS[one.klass] for one in trust_root.coverage if one.region == region}
    if not streams:
        raise InputError(f"trust root: expected region {region} among those covered")
    known: dict[str, int] = {}
    for key in trust_root.vrf_keys:
        if key.region == region and key.stream in streams:
            known[key.stream] = max(key.generation, known.get(key.stream, 0))
    if missing := streams - known.keys():
        raise InputError(f"trust root: expected a VRF key for {', '.join(sorted(missing))}")
    return dict(sorted(known.items()))


def check_own_keys(
    keys: NodeKeys, trust_root: TrustRoot, region: str, generations: Mapping[str, int]
) -> None:
    """Compare the keys of a folder with those that the trust root names.

    Raises:
        FatalStateError: They are others.
    """
    for stream, generation in generations.items():
        expected = trust_root.vrf_key(region, stream, generation)
        seed = keys.vrf_seeds[stream].get(generation)
        if seed is None or expected != vrf.public_key(seed):
            raise FatalStateError(
                f"{stream}: the trust root names another VRF key of generation {generation}"
                " than this node's"
            )


def subject_keys(
    keys: NodeKeys, trust_root: TrustRoot, region: str, generations: Mapping[str, int]
) -> SubjectKeys:
    """Derives map keys of every log whose VRF secret is here, up to the newest generation.

    The secret of a former generation may be lost, and the folder hold another in its place: it
    counts as missing.
    """
    secrets = {
        StreamLog(stream, generation): seed
        for stream, newest in generations.items()
        for generation, seed in keys.vrf_seeds[stream].items()
        if generation <= newest
        and trust_root.vrf_key(region, stream, generation) == vrf.public_key(seed)
    }
    return SubjectKeys(region=region, secrets=secrets)
