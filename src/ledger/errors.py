"""Every expected failure, ordered by who must act.

    LedgerError
      InputError            the caller's mistake            -> 422
        CanonicalizationError  MalformedProofError  MalformedRecordError  MalformedEvidenceError
        MalformedNoteError  MalformedTrustRootError  MalformedStatementError
        UsccError (core.records)
        FileError (core.intake)
      VerificationError     the evidence is wrong           -> in the verdict
        RootMismatchError  SignatureError (SealError)  UnsetHeadError  UnsupportedFormatError
        HeaderError (WrongValidatorsError, TooFewSealsError)  TrustRootUpdateError
      StateError            our own state refuses           -> 409
        ConflictError  RollbackError  NotIntegratedError  FencedError  FatalStateError
        StoreDamagedError  ContractRevertError  GovernanceError
        KeyReusedError      the caller's mistake    -> 422
      UnavailableError      try again later                 -> 503
        ChainUnavailableError  RegionUnavailableError  StoreUnavailableError  WrongChainError
        StoreBusyError  StoreFullError  StoreReadOnlyError  DevnetError  GenerationChangingError

Each error has a stable ``code``; a message says what was expected and what was found. Messages
never hold an identifier of a subject. Anything that is not a ``LedgerError`` is a bug and stays a
500.
"""

from collections.abc import Mapping
from typing import ClassVar


class LedgerError(Exception):
    """Base of every expected failure; ``code`` is stable and may be switched on."""

    code: ClassVar[str] = "ledger-error"


class InputError(LedgerError):
    """The caller sent something that cannot be used."""

    code = "input"


class CanonicalizationError(InputError):
    """A value has no canonical JSON, or bytes are not their own canonical JSON."""

    code = "not-canonical"


class MalformedProofError(InputError):
    """A proof has the wrong shape for what it claims to prove."""

    code = "malformed-proof"


class MalformedRecordError(InputError):
    """A record, event, subject or entry breaks its format."""

    code = "malformed-record"


class MalformedEvidenceError(InputError):
    """An evidence file breaks its format."""

    code = "malformed-evidence"


class MalformedNoteError(InputError):
    """A signed note, checkpoint or vkey breaks its format."""

    code = "malformed-note"


class MalformedTrustRootError(InputError):
    """A trust root breaks its format."""

    code = "malformed-trust-root"


class MalformedStatementError(InputError):
    """A statement of a change of generation breaks its format."""

    code = "malformed-statement"


class VerificationError(LedgerError):
    """Something that was well formed does not verify."""

    code = "verification"


class RootMismatchError(VerificationError):
    """A proof leads to another root than the one expected.

    Attributes:
        expected: The root to be proved, 32 bytes.
        computed: The root the proof leads to, 32 bytes.
    """

    code = "root-mismatch"

    def __init__(self, *, expected: bytes, computed: bytes) -> None:
        super().__init__(f"expected root {expected.hex()}, computed {computed.hex()}")
        self.expected = expected
        self.computed = computed


class SignatureError(VerificationError):
    """A signature or VRF proof does not verify."""

    code = "signature"


class HeaderError(VerificationError):
    """A block header breaks a rule of its chain."""

    code = "header"


class SealError(SignatureError):
    """A validator's seal is not canonical, of nobody trusted, or one validator sealed twice."""

    code = "seal"


class WrongValidatorsError(HeaderError):
    """A header names other validators than those trusted for its height."""

    code = "wrong-validators"


class TooFewSealsError(HeaderError):
    """Fewer than two thirds of the trusted validators sealed a header."""

    code = "too-few-seals"


class TrustRootUpdateError(VerificationError):
    """A trust root does not follow the one before it, or too few of its signers want it."""

    code = "trust-root-update"


class ValidatorChangeError(VerificationError):
    """The validators of a chain changed in a way that no vote of theirs explains."""

    code = "validator-change"


class UnsetHeadError(VerificationError):
    """Head words that were never written, or that no contract could have written."""

    code = "unset-head"


class UnsupportedFormatError(VerificationError):
    """A version, suite or engine this release does not know."""

    code = "unsupported"


class StateError(LedgerError):
    """Our own state does not allow the operation."""

    code = "state"


class ConflictError(StateError):
    """The same key with other content."""

    code = "conflict"


class KeyReusedError(ConflictError):
    """An idempotency key came with other content before."""

    code = "idempotency-key-reused"


class RollbackError(StateError):
    """A size or epoch went backwards."""

    code = "rollback"


class NotIntegratedError(StateError):
    """The record is not in the log and map yet."""

    code = "not-integrated"


class FencedError(StateError):
    """Another worker holds a newer fence; this one must stop."""

    code = "fenced"


class FatalStateError(StateError):
    """Stored state contradicts itself or the chain; stop and look."""

    code = "fatal-state"


class StoreDamagedError(FatalStateError):
    """The database is no database any more; nothing mends itself, restore it."""

    code = "store-damaged"


class ChainForkedError(FatalStateError):
    """Validators sealed two blocks at one height: nothing of this chain can be believed."""

    code = "chain-forked"


class ContractRevertError(StateError):
    """A contract refuses a call.

    Attributes:
        name: Name of the contract's error; ``Error`` or ``Panic`` for Solidity's own, empty for a
            revert without data or with data of no known error.
        values: Its values by name, bytes as 0x-hex.
    """

    code = "contract-revert"

    def __init__(self, name: str, values: Mapping[str, object]) -> None:
        shown = ", ".join(f"{key}={value}" for key, value in values.items())
        super().__init__(f"the contract refuses: {name or 'no reason given'}({shown})")
        self.name = name
        self.values = dict(values)


class GovernanceError(StateError):
    """The contracts cannot be created or governed in this way; the message names cause and cure.

    Attributes:
        problem: The kind of cause, a stable word.
    """

    code = "governance"

    def __init__(self, problem: str, message: str) -> None:
        super().__init__(message)
        self.problem = problem


class UnavailableError(LedgerError):
    """Nothing is known now; the same call may succeed later.

    Attributes:
        retry_after_s: Seconds to wait before the next try.
    """

    code = "unavailable"

    def __init__(self, message: str, *, retry_after_s: int = 2) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ChainUnavailableError(UnavailableError):
    """The chain does not answer, or answers with something unusable."""

    code = "chain-unavailable"


class WrongChainError(ChainUnavailableError):
    """The endpoint serves another chain.

    Attributes:
        expected: The chain id this node belongs to.
        found: The chain id the endpoint reports.
    """

    code = "wrong-chain"

    def __init__(self, *, expected: int, found: int) -> None:
        super().__init__(f"expected chain {expected}, the endpoint serves {found}")
        self.expected = expected
        self.found = found


class DevnetError(UnavailableError):
    """The development chain does not start, run or stop; the message names the cause and cure.

    Attributes:
        problem: The kind of cause, a stable word.
    """

    code = "devnet"

    def __init__(self, problem: str, message: str) -> None:
        super().__init__(message)
        self.problem = problem


class StoreUnavailableError(UnavailableError):
    """The database does not answer, or fails in a way that may pass; the outcome is unknown."""

    code = "store-unavailable"


class StoreBusyError(StoreUnavailableError):
    """Another process holds the database's lock for too long; nothing was written."""

    code = "store-busy"


class StoreFullError(StoreUnavailableError):
    """There is no room on the disk; nothing was written, and reading goes on."""

    code = "store-full"

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_s=30)


class StoreReadOnlyError(StoreUnavailableError):
    """The database may not be written; nothing was, and reading goes on."""

    code = "store-read-only"

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_s=30)


class GenerationChangingError(UnavailableError):
    """A stream goes over to its next generation and takes no events until it is there."""

    code = "generation-changing"

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_s=10)


class RegionUnavailableError(UnavailableError):
    """Another region does not answer in time.

    Attributes:
        region: GB/T 2260 code of the region, six digits.
    """

    code = "region-unavailable"

    def __init__(self, region: str, message: str, *, retry_after_s: int = 2) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.region = region
