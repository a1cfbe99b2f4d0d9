"""A head under way while its endpoint dies, and while the whole chain stands for two minutes."""

import time
from threading import Event

from worlds.rpc_faults import Exchange, Fault, FaultProxy, cut_before

from faulting.chain.rows.stops import CURE_S, note_cure
from faulting.chain.run import Run
from faulting.chain.setting import Setting
from faulting.checks import STUCK, Finding, read_tables
from faulting.network import REGIONS
from faulting.sender import today
from ledger.adapters.devnet.qbft import control

TIMES = 3
AWAY_S = 20.0
STALL_S = 120.0
HEAD_S = 30.0
"""Longest until a head is on its way."""


def switch_validator(run: Run) -> None:
    """The node's first endpoint dies between sending and receipt, then the chain stalls."""
    with Setting(run, is_proxied=True) as setting:
        setting.traffic.start()
        time.sleep(3.0)
        for number in range(1, 2 if run.is_quick else TIMES + 1):
            _lose_endpoint(setting, number)
        _stall_with_head(setting)
        setting.rest()
        setting.require_level()


def _lose_endpoint(setting: Setting, number: int) -> None:
    run, proxy, first = setting.run, setting.proxies[0], setting.names[0]
    dead = Event()
    proxy.share, proxy.fault = 100, dies_after_sending(proxy, dead)
    if not dead.wait(HEAD_S):
        run.report(Finding(STUCK, f"{number}. switch: nothing was sent in {HEAD_S:.0f} s"))
        return
    lost_at = time.monotonic()
    control.stop(setting.devnet, first)
    setting.traffic.pause()
    confirmed_at = setting.traffic.wait_confirmed(CURE_S)
    if confirmed_at is None:
        run.report(Finding(STUCK, f"{number}. switch: not confirmed without {first}"))
    else:
        took = max(0.0, confirmed_at - lost_at)
        run.note(f"{number}. switch: all confirmed without its endpoint after s", took)
    setting.traffic.resume()
    time.sleep(max(0.0, AWAY_S - (time.monotonic() - lost_at)))
    control.start(setting.devnet, first)
    proxy.fault = None
    setting.require_level()


def dies_after_sending(proxy: FaultProxy, dead: Event) -> Fault:
    """An endpoint that takes one transaction, answers it, and nothing any more."""

    def dies(x: Exchange) -> None:
        if dead.is_set():
            cut_before(x)
            return
        x.answer(x.forward())
        if x.method == "eth_sendRawTransaction":
            dead.set()

    return dies


def _stall_with_head(setting: Setting) -> None:
    """Two validators stopped, then a head is signed and sent; two minutes later they are back."""
    run = setting.run
    stall_s = 10.0 if run.is_quick else STALL_S
    stopped = run.chance.sample(setting.names, 2)
    setting.traffic.pause()
    setting.traffic.wait_confirmed(CURE_S)
    for name in stopped:
        control.stop(setting.devnet, name)
    if not setting.blocks.wait_still(3.0, 30.0):
        run.report(Finding(STUCK, "blocks go on with three of five"))
    for region, sender in setting.senders.items():
        sender.take(sender.book.fresh_file(today()))
        with sender.client() as client:
            sender.send(client, setting.nodes[region], time.monotonic() + HEAD_S)
    run.note("heads under way while it stood", _under_way(setting))
    height, begun = setting.blocks.sealed.height, time.monotonic()
    time.sleep(stall_s)
    if setting.blocks.sealed.height != height:
        run.report(Finding(STUCK, "a block came while two of five were stopped"))
    cured_at = time.monotonic()
    for name in stopped:
        control.start(setting.devnet, name)
    run.note("stood for s", cured_at - begun)
    note_cure(setting, "after the stall", height, cured_at)
    setting.traffic.resume()
    time.sleep(5.0)


def _under_way(setting: Setting) -> int:
    """Heads that are signed and sent; waits until every node has one."""
    deadline, found = time.monotonic() + HEAD_S, 0
    while time.monotonic() < deadline:
        found = 0
        for place in setting.places:
            tables = read_tables(place.database)
            found += tables is not None and any(one["state"] == "sent" for one in tables.outbox)
        if found == len(REGIONS):
            return found
        time.sleep(0.2)
    setting.run.report(Finding(STUCK, f"{found} of {len(REGIONS)} heads are under way"))
    return found
