"""Endpoints that break off, stall and lie, in front of real nodes that publish and anchor.

Counted are answers that were really changed: a fault that only concerns receipts does nothing to
the question for a block. On the embedded chain a node has one endpoint and must believe some of
what it says; on a consortium's chain it has three, of which one lies, or all break off.
"""

import time
from collections.abc import Mapping

from worlds import rpc_faults
from worlds.rpc_faults import FAULTS, Exchange, Fault, FaultProxy

from faulting.chain.run import Run
from faulting.chain.setting import Setting
from faulting.checks import STUCK, Finding
from faulting.network import ANVIL, REGIONS

LIES = (
    *("nothing", "other_id", "wrong_chain", "stale", "ahead", "reverts"),
    *("other_header", "few_seals", "other_proof", "old_proof"),
    *("other_receipt", "forged_receipt"),
)
"""Kinds of which a node must find the truth among three endpoints if one has them."""

SEALS_ONLY = ("few_seals",)
"""Kinds that change nothing where nobody seals."""

OF_SENDING = (
    *("already_known", "nonce_too_low", "swallowed"),
    *("other_receipt", "forged_receipt", "wrong_chain"),
)
"""Kinds that concern one request of many."""

SHARE, SHARE_OF_SENDING = 25, 60
"""How many of a hundred requests meet the fault."""

STIRRING = 0.3
"""Share of the other requests that give a fault its occasion."""

ANVIL_TIMES, QBFT_TIMES = 200, 10
KIND_S = 900.0
"""Longest until one kind was injected as often as wanted."""

CALM_S = 120.0
"""Longest until everything is confirmed once the fault is gone."""


def on_anvil(run: Run) -> None:
    """Every kind that the embedded chain can show, before its only endpoint."""
    kinds = [one for one in FAULTS if one not in SEALS_ONLY]
    regions = REGIONS[:2] if run.is_quick else REGIONS
    _inject(
        run, Setting(run, ANVIL, regions=regions, is_proxied=True, every_s=0.5), kinds, ANVIL_TIMES
    )


def on_qbft(run: Run) -> None:
    """Every kind, before one endpoint where it is a lie, before all where it is not."""
    _inject(run, Setting(run, is_proxied=True), list(FAULTS), QBFT_TIMES)


def _inject(run: Run, made: Setting, kinds: list[str], times: int) -> None:
    wanted = [one for one in kinds if not run.kinds or one in run.kinds]
    times = min(times, 5) if run.is_quick else times
    with made as setting:
        setting.traffic.start()
        for kind in wanted:
            _one_kind(setting, kind, times)
        setting.rest(idle=None)
        if setting.engine != ANVIL:
            setting.require_level()
        run.note("kinds", len(wanted))
        run.note("injected", sum(sum(one.bitten.values()) for one in setting.proxies))


def _one_kind(setting: Setting, kind: str, times: int) -> None:
    run, begun = setting.run, time.monotonic()
    is_lie = setting.engine != ANVIL and kind in LIES
    proxies = setting.proxies[:1] if is_lie else setting.proxies
    before = _bitten(proxies)
    for proxy in proxies:
        proxy.share = SHARE_OF_SENDING if kind in OF_SENDING else SHARE
        proxy.fault = STIRRED.get(kind, FAULTS[kind])
    while _bitten(proxies) - before < times and time.monotonic() < begun + KIND_S:
        time.sleep(0.1)
    for proxy in proxies:
        proxy.fault = None
    injected = _bitten(proxies) - before
    if injected < times:
        text = f"{kind}: injected {injected} of {times} in {KIND_S:.0f} s"
        run.report(Finding(STUCK, text))
    healed_at = time.monotonic()
    _calm(setting, kind)
    run.note(f"{kind}: injected", injected)
    run.note(f"{kind}: calm after s", time.monotonic() - healed_at)


def _calm(setting: Setting, kind: str) -> None:
    setting.traffic.pause()
    if setting.traffic.wait_confirmed(CALM_S) is None:
        words = " / ".join(one.last_words() for one in setting.senders.values())
        setting.run.report(Finding(STUCK, f"{kind}: not all confirmed in {CALM_S:.0f} s: {words}"))
    for sender in setting.senders.values():
        for one in sender.standing():
            setting.run.report(one)
    setting.traffic.resume()


def _bitten(proxies: list[FaultProxy]) -> int:
    return sum(sum(one.bitten.values()) for one in proxies)


def _stirred(fault: Fault, method: str, occasion: Fault) -> Fault:
    """A fault in an answer that is asked for only on some occasion, together with the occasion."""

    def stirred(x: Exchange) -> None:
        if x.method == method:
            fault(x)
        elif x.proxy.rng.random() < STIRRING:
            occasion(x)
            x.is_bitten = False  # The occasion is not counted.
        else:
            x.answer(x.forward())

    stirred.__name__ = fault.__name__
    return stirred


STIRRED: Mapping[str, Fault] = {
    # Asked for again only after a failure.
    "wrong_chain": _stirred(rpc_faults.wrong_chain, "eth_chainId", rpc_faults.cut_before),
    # Asked for only while the newest block does not show the head yet.
    "other_receipt": _stirred(
        rpc_faults.other_receipt, "eth_getTransactionReceipt", rpc_faults.stale
    ),
}
