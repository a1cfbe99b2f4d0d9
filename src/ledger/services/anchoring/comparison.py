"""What the chain's head of a stream means for the outbox of one of its logs; a pure decision.

The chain is right: it holds the head that everybody verifies against. The outbox says which heads
this node ever signed. The chain may be behind (a development chain that was rolled back), level, or
hold a head whose row had been given up (the lost transaction was mined after all). A head that this
node never signed means that another holder of the key writes, or that the database is not the one
that signed: nothing may be signed any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.core.chain.head_slots import Head
from ledger.errors import FatalStateError
from ledger.services.stored import ANCHORED, IN_FLIGHT, MINED, WITHDRAWN, OutboxRow, StreamLog


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to do about the rows of one log."""

    adopted: OutboxRow | None
    """The chain has this head, and the row does not say so yet."""
    replaced: tuple[OutboxRow, ...]
    """Rows in flight for the epoch that ``adopted`` holds."""
    lost: tuple[OutboxRow, ...]
    """Rows whose head was on chain and is no more."""
    stranded: tuple[OutboxRow, ...]
    """Rows in flight that build on a head the chain does not have."""

    @property
    def is_behind(self) -> bool:
        """Whether the chain lacks something it had."""
        return bool(self.lost or self.stranded)


def compare(
    head: Head | None,
    *,
    log: StreamLog,
    of_epoch: Sequence[OutboxRow],
    after: Sequence[OutboxRow],
) -> Comparison:
    """Compare the chain's head with the rows of a log.

    Args:
        head: The head on chain, None before the first.
        log: The generation this node works for; the chain may still have one before it.
        of_epoch: Every row of the head's epoch, withdrawn ones too, newest first.
        after: Rows of higher epochs that are not withdrawn.

    Raises:
        FatalStateError: The chain has a head that this node did not sign.
    """
    epoch = 0 if head is None else head.epoch
    size = head.size if head is not None and head.vrf_key == log.generation else 0
    adopted: OutboxRow | None = None
    replaced: tuple[OutboxRow, ...] = ()
    is_open = head is not None and head.vrf_key >= log.generation
    if head is not None and is_open:
        ours = _signed_by_us(head, log, of_epoch)
        if ours.state not in (MINED, ANCHORED):
            adopted = ours
            replaced = tuple(
                row for row in of_epoch if row.id != ours.id and row.state != WITHDRAWN
            )
    return Comparison(
        adopted=adopted,
        replaced=replaced,
        lost=tuple(row for row in after if row.state in (MINED, ANCHORED)),
        stranded=tuple(
            row
            for row in after
            if row.state in IN_FLIGHT and (row.epoch != epoch + 1 or row.old_size != size)
        ),
    )


def _signed_by_us(head: Head, log: StreamLog, of_epoch: Sequence[OutboxRow]) -> OutboxRow:
    if head.vrf_key != log.generation:
        raise FatalStateError(f"{log}: expected this generation, found {head.vrf_key} on chain")
    for row in of_epoch:
        if is_head_of(row, head):
            return row
    signed = ", ".join(f"{row.new_size} {row.log_root.hex()}" for row in of_epoch) or "none"
    raise FatalStateError(
        f"{log}: expected at epoch {head.epoch} a head signed here ({signed}),"
        f" found {head.size} {head.log_root.hex()} on chain"
    )


def is_head_of(row: OutboxRow, head: Head) -> bool:
    """Whether a row's head is the chain's."""
    return (row.epoch, row.new_size, row.log_root, row.map_root) == (
        head.epoch,
        head.size,
        head.log_root,
        head.map_root,
    )
