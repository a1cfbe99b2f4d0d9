"""What mirrors say of a stream's newest head."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Confirmations as the chain counts them at one block."""

    epoch: int
    """Of the head."""
    required: int
    """Distinct operators that must have confirmed."""
    confirmed: int
    """Distinct operators that have."""
    confirmed_by: tuple[int, ...]
    """Numbers of the counting mirrors that have."""
    contradicted_by: tuple[int, ...]
    """Numbers of those that computed another map root."""
    is_enough: bool
    """Whether evidence under the head may be believed."""
