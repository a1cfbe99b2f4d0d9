"""The rows of the chain's table and the order in which they are run."""

from collections.abc import Callable

from faulting.chain.rows.crashes import kill_all, wipe_one
from faulting.chain.rows.endpoints import switch_validator
from faulting.chain.rows.kills import kill_publishers
from faulting.chain.rows.partitions import partition
from faulting.chain.rows.rpc_faults import on_anvil, on_qbft
from faulting.chain.rows.sender_queue import revert_in_queue
from faulting.chain.rows.stops import stall, stop_one
from faulting.chain.rows.workers import second_worker
from faulting.chain.run import Run

Row = Callable[[Run], None]

ROWS: dict[str, Row] = {
    "one-stopped": stop_one,
    "two-stopped": stall,
    "all-killed": kill_all,
    "one-wiped": wipe_one,
    "partitions": partition,
    "rpc-anvil": on_anvil,
    "rpc-qbft": on_qbft,
    "publishers-killed": kill_publishers,
    "sender-queue": revert_in_queue,
    "validator-switch": switch_validator,
    "two-workers": second_worker,
}
