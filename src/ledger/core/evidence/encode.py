"""Writing evidence as the canonical bytes that ``parse_evidence`` reads."""

from ledger.core import canonical
from ledger.core.evidence.model import Claim, Evidence, OneOfList, OpenedItem, WholeList


def encode_evidence(evidence: Evidence) -> bytes:
    """Encode evidence.

    Args:
        evidence: Values within the limits of docs/formats.md; nothing is verified.

    Raises:
        CanonicalizationError: An event or disclosure holds what canonical JSON cannot say.
    """
    end = evidence.map_proof.end
    words = evidence.confirmation_words
    return canonical.encode(
        {
            "v": 1,
            "claim": claim_json(evidence.claim),
            "vrf_proof": evidence.vrf_proof.hex(),
            "map": {
                "siblings": [sibling.hex() for sibling in evidence.map_proof.siblings],
                "end": None if end is None else {"key": end[0].hex(), "value": end[1].hex()},
            },
            "list": _items(evidence.items),
            "opened": [_opened(item) for item in evidence.opened],
            "chain": {
                "chain_id": evidence.chain.chain_id,
                "block_hash": "0x" + evidence.chain.block_hash.hex(),
                "header": evidence.chain.header.hex(),
                "nodes": [node.hex() for node in evidence.chain.nodes],
            },
            "confirmations": None if words is None else {"words": list(words)},
            "authority": evidence.authority,
            "consent": evidence.consent,
        }
    )


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
