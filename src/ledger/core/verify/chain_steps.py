"""Steps 2 to 6: the trust root, the block, the contract's words, their age, the mirrors."""

import re
from datetime import timedelta

from ledger.core.chain.head_slots import PAUSED
from ledger.core.headers import verify_qbft
from ledger.core.trust import STREAM_OF_CLASS
from ledger.core.verify.case import STALE, Case, failed, skipped, unknown
from ledger.core.verify.chain_state import confirmation_words, read_stream_state
from ledger.core.verify.confirmations import (
    CONTRADICTED,
    NOT_REQUIRED,
    UNCONFIRMED,
    count_confirmations,
)
from ledger.core.verify.verdict import day_of
from ledger.errors import UnsupportedFormatError

MAX_FUTURE = timedelta(seconds=60)
"""How far a block's time may lie ahead of the caller's clock."""

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


def is_month(record_type: str) -> bool:
    """Whether a record type is a month of the query stream, ``YYYY-MM``."""
    return _MONTH.fullmatch(record_type) is not None


def check_trust_root(case: Case) -> None:
    """Step 2: this chain's trust root, in date; the region covers the type, on its stream."""
    claim = case.evidence.claim
    if case.evidence.chain.chain_id != case.root.chain_id:
        raise failed(
            "wrong-chain",
            f"expected chain {case.root.chain_id}, found {case.evidence.chain.chain_id}",
        )
    # A month is a type of the query stream and of no other, whatever a region lists.
    month = is_month(claim.record_type)
    case.coverage = case.root.covered(claim.region, "queries" if month else claim.record_type)
    covered = case.coverage is not None and (case.coverage.klass == "queries") == month
    if case.coverage is not None and covered:
        expected = STREAM_OF_CLASS[case.coverage.klass]
        if claim.stream != expected:
            raise failed("wrong-stream", f"expected {expected}, found {claim.stream}")
    if case.now > case.root.expires_at:
        raise unknown("trust-root-expired", f"expired at {case.root.expires_at.isoformat()}")
    if case.root.issued_at - case.now > MAX_FUTURE:
        raise unknown("trust-root-not-yet-valid", f"issued {case.root.issued_at.isoformat()}")
    as_of = case.policy.as_of or day_of(case.block_time)
    if case.coverage is None or not covered or case.coverage.since > as_of:
        raise unknown("not-covered", "the region does not undertake this record type on this day")


def check_consensus(case: Case) -> None:
    """Step 3: the header is the block's, and enough trusted validators sealed it."""
    expected = case.evidence.chain.block_hash
    if case.root.is_development:
        if case.header.block_hash != expected:
            raise failed(
                "block-hash-mismatch",
                f"expected {expected.hex()}, computed {case.header.block_hash.hex()}",
            )
        raise skipped("development-chain")
    trusted = case.root.validators_at(case.header.number)
    if trusted is None:
        raise unknown("validators-unknown", f"no validators for block {case.header.number}")
    try:
        sealed = verify_qbft(case.evidence.chain.header, trusted.addresses)
    except UnsupportedFormatError as error:
        raise unknown("unsupported-consensus", str(error)) from None
    if sealed.block_hash != expected:
        raise failed(
            "block-hash-mismatch", f"expected {expected.hex()}, computed {sealed.block_hash.hex()}"
        )
    if trusted.last_block is None or trusted.last_time is None:
        return
    # Retired validators may have sold their keys: what they sealed counts only up to the pin.
    case.closed_range = True
    if case.header.timestamp > trusted.last_time:
        raise failed("after-closed-range", "the block is later than its validators' pinned last")
    if case.header.number == trusted.last_block and sealed.block_hash != trusted.last_hash:
        raise failed("pinned-block-mismatch", "the pinned last block has another hash")


def check_state(case: Case) -> None:
    """Step 4: account, code, status and head words under the block's state root."""
    claim = case.evidence.claim
    state = read_stream_state(
        contract=case.root.head_anchor,
        region=claim.region,
        stream=claim.stream,
        state_root=case.header.state_root,
        nodes=case.evidence.chain.nodes,
        words=case.evidence.confirmation_words or (),
    )
    if state.status.has_successor:
        raise failed("superseded", f"successor 0x{state.status.successor.hex()}")
    if state.head.anchored_at > case.header.timestamp:
        raise failed("anchored-after-block", "anchoredAt is later than block M")
    case.state = state


def check_freshness(case: Case) -> str:
    """Step 5: block M is not from the future, of the day asked for, not paused, not too old."""
    age = case.now - case.block_time
    if age < -MAX_FUTURE:
        raise failed("future-block", f"block M is {-age} ahead of the clock")
    as_of = case.policy.as_of
    if as_of is not None and as_of != day_of(case.block_time):
        raise unknown("as-of-not-proved", f"expected {as_of}, M is of {day_of(case.block_time)}")
    if case.proved_state.status.state == PAUSED:
        raise unknown("paused", "HeadAnchor is paused at block M")
    if case.policy.max_age_s is None:
        return "any-age-closed-range" if case.closed_range else "any-age"
    if age.total_seconds() > case.policy.max_age_s:
        raise unknown(STALE, f"block M is {age} old, accepted {case.policy.max_age_s} s")
    return "ok"


def check_confirmation(case: Case) -> None:
    """Step 6: enough distinct operators' mirrors have confirmed this epoch's map."""
    claim = case.evidence.claim
    words = case.evidence.confirmation_words
    wanted = confirmation_words(case.root, claim.region, claim.stream)
    if words is not None and words != wanted:
        raise failed("wrong-confirmation-words", f"expected words {wanted}, found {words}")
    # Words left out could hide a contradiction, so they are due even where none has to confirm.
    if words is None and wanted:
        raise unknown(UNCONFIRMED, "no confirmation was proved")
    found = count_confirmations(case.root, claim.region, claim.stream, case.proved_state)
    case.confirmed_by, case.contradicting = found.confirmed, found.contradicting
    if found.code == NOT_REQUIRED:
        raise skipped(NOT_REQUIRED)
    if found.code == CONTRADICTED:
        raise unknown(CONTRADICTED, "the regulator computed another map root")
    if not found.is_enough:
        raise unknown(UNCONFIRMED, f"expected {found.required} operators, found {found.confirmed}")
