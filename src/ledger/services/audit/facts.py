"""Facts that never change, against keys and trust root; and fence tokens."""

from ledger.services.audit.case import Case
from ledger.services.inspected import FactRow, FenceRow


def check_facts(case: Case) -> None:
    """Compare every fact that follows from keys and trust root.

    A fact is written when it is first needed, so one may be missing; one of another name is of a
    part of the node that has no say here, and has its checksum.
    """
    expected = _expected(case)
    for position, row in enumerate(case.read(FactRow, "facts"), 1):
        if row.name in expected and row.value != expected[row.name]:
            case.findings.add(
                "fact-value", "facts", position, "that of keys and trust root", "another"
            )


def check_fences(case: Case) -> None:
    """Tokens count from 1."""
    for position, row in enumerate(case.read(FenceRow, "fences"), 1):
        if row.token < 1:
            case.findings.add("fence-token", "fences", position, "at least 1", row.token)


def _expected(case: Case) -> dict[str, str]:
    node = case.node
    expected = {
        "region": node.region,
        "genesis": node.trust_root.genesis_hash.hex(),
        "node-key": node.records.fingerprint.hex(),
    }
    for stream, generation in node.generations.items():
        expected[f"vrf-key:{stream}:{generation}"] = node.vrf_public_keys[stream].hex()
    return expected
