"""Writing evidence as the canonical bytes that ``parse_evidence`` reads.

``encode_evidence`` follows the format word for word. A node that answers many questions under one
snapshot writes the same bytes with a ``SnapshotEncoder``, which encodes what they share once and
splices the rest; tests hold one against the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.core import canonical
from ledger.core.evidence.model import (
    ChainProof,
    Claim,
    Evidence,
    OneOfList,
    OpenedItem,
    WholeList,
)
from ledger.core.prefix_tree import MapProof


def encode_evidence(evidence: Evidence) -> bytes:
    """Encode evidence.

    Args:
        evidence: Values within the limits of docs/formats.md; nothing is verified.

    Raises:
        CanonicalizationError: An event or disclosure holds what canonical JSON cannot say.
    """
    return canonical.encode(
        {
            "v": 1,
            "claim": claim_json(evidence.claim),
            "vrf_proof": evidence.vrf_proof.hex(),
            "map": _map(evidence.map_proof),
            "list": _items(evidence.items),
            "opened": [_opened(item) for item in evidence.opened],
            "chain": _chain(evidence.chain),
            "confirmations": _confirmations(evidence.confirmation_words),
            "authority": evidence.authority,
            "consent": evidence.consent,
        }
    )


@dataclass(frozen=True, slots=True)
class EncodedItem:
    """An item to be opened whose event is at hand as the canonical JSON it was committed as."""

    index: int
    entry: bytes
    event: bytes
    salt: bytes
    disclosures: tuple[str, ...]
    path: tuple[bytes, ...]


class SnapshotEncoder:
    """Writes complete evidence under one snapshot, without authority and consent.

    Args:
        chain: Block M and its nodes.
        confirmation_words: None where the member is null.
    """

    def __init__(self, chain: ChainProof, confirmation_words: tuple[int, ...] | None) -> None:
        words = canonical.encode(_confirmations(confirmation_words))
        # Names stand in ascending order: what is shared stands before and after the claim.
        self._front = b'{"authority":null,"chain":' + canonical.encode(_chain(chain)) + b',"claim":'
        self._middle = b',"confirmations":' + words + b',"consent":null,"list":'

    def encode(
        self,
        *,
        claim: Claim,
        vrf_proof: bytes,
        map_proof: MapProof,
        pairs: Sequence[tuple[int, bytes]],
        opened: Sequence[EncodedItem],
    ) -> bytes:
        """The bytes of ``encode_evidence``.

        Args:
            claim: A complete claim.
            vrf_proof: 80 bytes.
            map_proof: For the claim's key.
            pairs: The whole list; none for an absence.
            opened: Every event is its own canonical JSON, every disclosure base64url.
        """
        listed = b"null"
        if pairs:
            texts = [f'[{index},"{leaf_hash.hex()}"]' for index, leaf_hash in pairs]
            listed = f'{{"pairs":[{",".join(texts)}]}}'.encode()
        return b"".join(
            (
                self._front,
                canonical.encode(claim_json(claim)),
                self._middle,
                listed,
                b',"map":',
                canonical.encode(_map(map_proof)),
                b',"opened":[',
                b",".join([_splice(item) for item in opened]),
                f'],"v":1,"vrf_proof":"{vrf_proof.hex()}"}}'.encode(),
            )
        )


def _splice(item: EncodedItem) -> bytes:
    front = (
        f'{{"disclosures":{_texts(item.disclosures)},'
        f'"entry":{canonical.encode(item.entry.decode()).decode()},"event":'
    )
    path = _texts([sibling.hex() for sibling in item.path])
    back = f',"index":{item.index},"path":{path},"salt":"{item.salt.hex()}"}}'
    return front.encode() + item.event + back.encode()


def _texts(values: Sequence[str]) -> str:
    """A JSON array of strings without anything to escape."""
    return '["' + '","'.join(values) + '"]' if values else "[]"


def claim_json(claim: Claim) -> dict[str, object]:
    """The claim as its JSON object."""
    own: dict[str, object] = (
        {"record_id": claim.record_id} if claim.count is None else {"count": claim.count}
    )
    return {
        "kind": claim.kind,
        "region": claim.region,
        "stream": claim.stream,
        "record_type": claim.record_type,
        "subject": claim.subject,
        **own,
    }


def _map(proof: MapProof) -> dict[str, object]:
    end = proof.end
    return {
        "siblings": [sibling.hex() for sibling in proof.siblings],
        "end": None if end is None else {"key": end[0].hex(), "value": end[1].hex()},
    }


def _chain(chain: ChainProof) -> dict[str, object]:
    return {
        "chain_id": chain.chain_id,
        "block_hash": "0x" + chain.block_hash.hex(),
        "header": chain.header.hex(),
        "nodes": [node.hex() for node in chain.nodes],
    }


def _confirmations(words: tuple[int, ...] | None) -> dict[str, object] | None:
    return None if words is None else {"words": list(words)}


def _items(items: WholeList | OneOfList | None) -> object:
    if items is None:
        return None
    if isinstance(items, WholeList):
        return {"pairs": [[index, leaf_hash.hex()] for index, leaf_hash in items.pairs]}
    return {
        "count": items.count,
        "position": items.position,
        "pair": [items.pair[0], items.pair[1].hex()],
        "path": [sibling.hex() for sibling in items.path],
    }


def _opened(item: OpenedItem) -> dict[str, object]:
    return {
        "index": item.index,
        "entry": item.entry.decode(),
        "event": item.event,
        "salt": item.salt.hex(),
        "disclosures": list(item.disclosures),
        "path": [sibling.hex() for sibling in item.path],
    }
