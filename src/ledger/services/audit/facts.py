"""Facts that never change, against keys and trust root; fence tokens; and generations."""

from ledger.services.audit.case import Case
from ledger.services.inspected import FactRow, FenceRow, GenerationRow
from ledger.services.stored import StreamLog


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


def check_generations(case: Case) -> None:
    """Each stream of the node takes events in one of its generations."""
    for position, row in enumerate(case.read(GenerationRow, "generations"), 1):
        if not case.node.has_log(StreamLog(row.stream, row.generation)):
            place = ("a generation of this node", "another")
            case.findings.add("stream-unknown", "generations", position, *place)


def _expected(case: Case) -> dict[str, str]:
    node = case.node
    expected = {
        "region": node.region,
        "genesis": node.trust_root.genesis_hash.hex(),
        "node-key": node.records.fingerprint.hex(),
    }
    for log, public_key in node.vrf_public_keys.items():
        expected[f"vrf-key:{log.stream}:{log.generation}"] = public_key.hex()
    return expected
