"""What the chain costs where it is a consortium's: five GoQuorum validators that run QBFT.

Validators, nodes of four regions and their mirrors are the real programs, all on this machine. The
chain's pace is the peer: what takes time stands beside the block period measured in the same run.

Disk is that of a validator's whole folder, as an archive keeps it, in three looks: nothing sent; a
batch of one record a second; and, at the end, one validator started again, upon which its database
sorts and compresses what until then stood in its journal. A day is extrapolated from a minute or
so: the journal grows evenly, yet what is sorted later becomes smaller, so it is rather too much.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

from benchmarks.chain_watch import (
    ChainWatch,
    Sealed,
    block_bytes,
    block_period_s,
    gas_used,
    height,
)
from benchmarks.consortium_site import Look, Site, open_site
from benchmarks.figure import Figure, Say, make_cost
from benchmarks.footprint import folder_bytes, per_day
from benchmarks.waits import STATES, Followed, Waits, make_wait_figures, percentile, send, wait_for
from ledger.adapters.devnet.qbft import control

TRANSACTION: Final = 21_000
"""Gas of any transaction."""

BATCHES_WITHIN_S: Final = 450.0
"""No batch is sent later, so that a slow machine ends as well."""
SETTLE_S: Final = 8.0
"""After which the mirrors have confirmed what was sent last."""
MIB: Final = 2**20

BLOCK: Final = "one block of the chain in the same run"
NEEDED: Final = {
    "anchored": (1.0, "the block it needs, with the head"),
    "confirmed": (2.0, "the blocks it needs, one with the head, one with confirmations"),
}
"""Blocks from the acknowledgement on: each batch is sent just after a block, see ``_follow``."""

PEERS: Final = {(state, share): peer for state, peer in NEEDED.items() for share in (50, 99)}
OWN_BYTES: Final = "the blocks themselves: headers with their seals, and transactions"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    idle_s: float = 60.0
    load_s: float = 90.0
    batches: int = 100


QUICK: Final = Plan(idle_s=10.0, load_s=15.0, batches=8)


def run(*, quick: bool, say: Say) -> list[Figure]:
    """Measure a consortium: at rest, under load, batch by batch, and started again."""
    plan = QUICK if quick else Plan()
    say("starting five validators and four nodes")
    with open_site() as site:
        wait_for(site.node, site.headers, site.next_batch())  # the first one opens the stream
        time.sleep(SETTLE_S)
        say(f"nothing sent for {plan.idle_s:.0f} s")
        rest = site.look()
        time.sleep(plan.idle_s)
        before = site.look()
        say(f"a batch a second for {plan.load_s:.0f} s")
        sent = _load(site, plan.load_s)
        after = site.look()
        time.sleep(SETTLE_S)
        first = height(site.rpc)
        with ChainWatch(site.rpc_url, site.contract) as watch:
            followed = _follow(site, plan.batches, say)
            time.sleep(SETTLE_S)
        block_s = block_period_s(site.rpc, first, height(site.rpc))
        say("one validator started again")
        return [
            *_gas_figures(site, watch.sealed),
            *_chain_figures(watch.sealed, block_s),
            *_known_figures(watch.sealed, followed, block_s),
            *_wait_figures(followed, block_s),
            *_growth_figures(site, "idle", rest, before, "nothing sent"),
            *_growth_figures(site, "a batch a second", before, after, f"{sent} batches"),
            *_memory_figures(rest, after),
            _kept_figure(site),
        ]


def _load(site: Site, seconds: float) -> int:
    """Send a batch at each second, whatever became of the ones before; gives how many."""
    started, sent = time.monotonic(), 0
    while (now := time.monotonic() - started) < seconds:
        if now < sent:
            time.sleep(sent - now)
            continue
        send(site.node, site.headers, site.next_batch())
        sent += 1
    return sent


def _follow(site: Site, batches: int, say: Say) -> list[Followed]:
    """Send one batch after the other, each when the one before is confirmed by a block."""
    followed: list[Followed] = []
    started = time.monotonic()
    for number in range(1, batches + 1):
        if time.monotonic() - started > BATCHES_WITHIN_S:
            break
        if number % 10 == 1:
            say(f"batch {number} of {batches}")
        followed.append(wait_for(site.node, site.headers, site.next_batch()))
    return followed


def known_after_s(sealed: Sequence[Sealed], followed: Sequence[Followed]) -> list[float]:
    """Seconds from the pool until the node knew its head anchored, batch by batch.

    A batch's head is the one sealed between its acknowledgement and its confirmation.
    """
    heads = [one for one in sealed if one.function == "anchor"]
    return [
        batch.reached_at("anchored") - head.pooled_at
        for batch in followed
        for head in heads
        if batch.accepted_at < head.sealed_at <= batch.reached_at("confirmed")
    ]


def _gas_figures(site: Site, sealed: list[Sealed]) -> list[Figure]:
    by_function: dict[str, list[int]] = {}
    for one, gas in zip(sealed, gas_used(site.rpc, [x.transaction for x in sealed]), strict=True):
        by_function.setdefault(one.function, []).append(gas)
    figures = []
    for function, name in (("anchor", "an anchored head"), ("confirm", "a confirmation")):
        found = by_function[function]
        figures.append(
            make_cost(
                f"gas of {name}",
                median(found),
                "gas",
                floor_name="any transaction",
                floor=TRANSACTION,
                note=f"{len(found)} of them, {min(found):,} to {max(found):,}",
            )
        )
    heads = len(by_function["anchor"])
    figures.append(
        make_cost(
            "gas of a head with its confirmations",
            sum(map(sum, by_function.values())) / heads,
            "gas",
            floor_name="as many transactions of any kind",
            floor=TRANSACTION * len(sealed) / heads,
            note=f"{len(by_function['confirm']) / heads:.2f} confirmations a head",
        )
    )
    return figures


def _chain_figures(sealed: list[Sealed], block_s: float) -> list[Figure]:
    figures = []
    for function, name in (("anchor", "head"), ("confirm", "confirmation")):
        waited = [one.waited_s for one in sealed if one.function == function]
        for share in (50, 99):
            figures.append(
                make_cost(
                    f"{name} sent -> its block, p{share}",
                    percentile(waited, share),
                    "s",
                    floor_name=BLOCK,
                    floor=block_s,
                    note=f"{len(waited)} of them, from the pool of one validator to its block",
                )
            )
    return figures


def _known_figures(sealed: list[Sealed], followed: list[Followed], block_s: float) -> list[Figure]:
    known = known_after_s(sealed, followed)
    return [
        make_cost(
            f"head sent -> known by its node, p{share}",
            percentile(known, share),
            "s",
            floor_name=BLOCK,
            floor=block_s,
            note=f"{len(known)} of them, from the pool of one validator to the state `anchored`",
        )
        for share in (50, 99)
    ]


def _wait_figures(followed: list[Followed], block_s: float) -> list[Figure]:
    waits: Waits = {state: [one.waited_s[state] for one in followed] for state in STATES}
    note = f"{len(waits['confirmed'])} batches, one at a time; a block every {block_s:.2f} s"
    return make_wait_figures(waits, PEERS, block_s=block_s, note=note)


def _growth_figures(site: Site, what: str, old: Look, new: Look, note: str) -> list[Figure]:
    """What a validator's folder grew by, by day and by block, mean of all validators."""
    seconds, blocks = new.at - old.at, new.height - old.height
    grown = [new.disk[name] - size for name, size in old.disk.items()]
    own = block_bytes(site.rpc, old.height, new.height)
    shown = f"{note} in {seconds:.0f} s, {blocks} blocks"
    return [
        make_cost(
            f"disk of a validator, {what}",
            per_day(fmean(grown), seconds) / MIB,
            "MiB/day",
            floor_name=OWN_BYTES,
            floor=per_day(own * blocks, seconds) / MIB,
            note=f"{shown}; at most {per_day(max(grown), seconds) / MIB:,.0f}",
        ),
        make_cost(
            f"disk of a block, {what}",
            fmean(grown) / blocks,
            "bytes/block",
            floor_name=OWN_BYTES,
            floor=own,
            note=shown,
        ),
    ]


def _kept_figure(site: Site) -> Figure:
    """Start the last validator again and see what its folder takes then."""
    devnet = site.network.devnet
    name = control.status(devnet).validators[-1].name
    control.stop(devnet, name)
    blocks, before = height(site.rpc), folder_bytes(site.folder(name))
    control.start(devnet, name)
    return make_cost(
        "disk of a block, all until then, after a restart",
        folder_bytes(site.folder(name)) / blocks,
        "bytes/block",
        floor_name="the same folder before",
        floor=before / blocks,
        note=f"{blocks} blocks; the journal is sorted and compressed",
    )


def _memory_figures(rest: Look, after: Look) -> list[Figure]:
    figures = []
    for what, look in (("idle", rest), ("under load", after)):
        for name, size in look.memory.items():
            figures.append(
                make_cost(
                    f"memory of {name}, {what}",
                    size / MIB,
                    "MiB",
                    floor_name="the node of a region at the same moment",
                    floor=look.node_memory / MIB,
                    note="proportional set size",
                )
            )
    return figures
