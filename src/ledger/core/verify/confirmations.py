"""What mirrors say of a head: one count for step 6 and for a node that serves snapshots."""

from dataclasses import dataclass
from typing import Final

from ledger.core.chain.head_slots import CONTRADICTION
from ledger.core.trust import TrustRoot
from ledger.core.verify.chain_state import StreamState

CONFIRMED: Final = "ok"
NOT_REQUIRED: Final = "no-mirrors-required"
UNCONFIRMED: Final = "map-unconfirmed"
CONTRADICTED: Final = "contradicted"


@dataclass(frozen=True, slots=True)
class Confirmations:
    """What the counting mirrors say of one head; ``code`` is one of the words above."""

    code: str
    required: int
    """Distinct operators that must have confirmed."""
    confirmed: int
    """Distinct operators that have; contradicting ones never count."""
    contradicting: tuple[int, ...]
    """Numbers of the counting mirrors that computed another map root."""

    @property
    def is_enough(self) -> bool:
        """Whether evidence under this head may be believed."""
        return self.code in (CONFIRMED, NOT_REQUIRED)


def count_confirmations(
    root: TrustRoot, region: str, stream: str, state: StreamState
) -> Confirmations:
    """Count distinct confirming operators by the stream's rule.

    Args:
        root: Says which mirrors count, for whom they work, and how many operators are required.
        region: GB/T 2260 code, six digits.
        stream: One of the closed list.
        state: The stream at block M, with the words that ``confirmation_words`` names.

    Raises:
        MalformedProofError: A counting mirror's word is not among those proved.
    """
    rule = root.confirmation(region, stream)
    if rule is None:
        # Only a development chain may do without mirrors.
        code = NOT_REQUIRED if root.is_development else UNCONFIRMED
        return Confirmations(code, required=0, confirmed=0, contradicting=())
    epoch = state.head.epoch
    mirrors = {one.number: one for one in root.mirrors}
    against = tuple(n for n in rule.mirrors if state.lane(n) == epoch + CONTRADICTION)
    confirmed = len({mirrors[n].operator for n in rule.mirrors if state.lane(n) == epoch})
    if any(mirrors[number].role == "regulator" for number in against):
        code = CONTRADICTED
    elif confirmed < rule.required:
        code = UNCONFIRMED
    else:
        code = CONFIRMED if rule.required else NOT_REQUIRED
    return Confirmations(code, rule.required, confirmed, against)
