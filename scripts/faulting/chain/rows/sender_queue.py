"""A sender's queue with reverts in the middle: later heads of the same key must not be stuck.

On Besu transactions behind reverted ones of the same sender have been seen to wait until a
validator was restarted (its issue 9598). Here the anchor key's own next nonces are taken by 115
transactions that the node does not know, four of which revert: repeats of a head that was replaced
long ago. Meanwhile the node goes on publishing under the same key.
"""

import time

from faulting.chain.run import Run
from faulting.chain.setting import Setting
from faulting.checks import STUCK, WRONG, Finding, open_chain, read_tables
from faulting.checks.anchored import read_events
from faulting.network import Place
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.contract import load_contract
from ledger.adapters.evm.reading import EvmTransactions
from ledger.adapters.evm.signing import address_of
from ledger.adapters.keystore import load_keys
from ledger.core.chain.keccak import keccak256
from ledger.core.trust import parse_trust_root
from ledger.services.onchain import SendState

QUEUE = 115
REVERTS = 4
TIMES = 5
STUCK_S = 300.0
"""A head that takes longer is stuck."""


def revert_in_queue(run: Run) -> None:
    """115 foreign transactions of one anchor key, 4 of them reverting, while the node anchors."""
    with Setting(run) as setting:
        setting.traffic.start()
        place = run.chance.choice(setting.places)
        _wait_heads(setting, place, 3)
        for number in range(1, 2 if run.is_quick else TIMES + 1):
            _one_queue(setting, place, number)
            time.sleep(5.0)
        setting.rest(idle=None)
        setting.require_level()
        run.note("region", place.region)


def _wait_heads(setting: Setting, place: Place, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(_anchored(place)) < count:
        if time.monotonic() > deadline:
            setting.run.report(Finding(STUCK, f"{place.region}: no {count} heads within 60 s"))
            return
        time.sleep(0.5)


def _one_queue(setting: Setting, place: Place, number: int) -> None:
    run = setting.run
    what = f"{number}. queue"
    root = parse_trust_root((place.folder / "trust-root.json").read_bytes())
    epoch = read_events(place, root, "records")[-1].epoch
    begun = time.monotonic()
    hashes = _send_queue(setting, place)
    while read_events(place, root, "records")[-1].epoch <= epoch + 1:
        # One head may have been under way; the one after it was signed behind the queue.
        if time.monotonic() > begun + STUCK_S:
            run.report(Finding(STUCK, f"{what}: no later head within {STUCK_S:.0f} s"))
            return
        time.sleep(0.2)
    run.note(f"{what}: later head anchored after s", time.monotonic() - begun)
    mined, reverted = _outcome(setting, place, hashes)
    run.note(f"{what}: foreign transactions mined", mined)
    run.note(f"{what}: of these reverted", reverted)
    if reverted == 0:
        run.report(Finding(WRONG, f"{what}: nothing reverted, so nothing was shown"))


def _send_queue(setting: Setting, place: Place) -> list[bytes]:
    """Send the queue to every validator that the node reads, as fast as they take it."""
    chance, secret = setting.run.chance, load_keys(place.folder).anchor_keys[-1]
    root = parse_trust_root((place.folder / "trust-root.json").read_bytes())
    chains = [_client(url, place) for url in setting.net.rpc_urls]
    reverting = set(chance.sample(range(QUEUE // 6, QUEUE - QUEUE // 6), REVERTS))
    replaced = _replaced_call(place)
    harmless = load_contract("HeadAnchor").encode("status", [])
    first = chains[0].transaction_count(address_of(secret))
    hashes = []
    for number in range(QUEUE):
        data = replaced if number in reverting else harmless
        signed = chains[0].sign_call(secret, first + number, root.head_anchor.address, data)
        hashes.append(keccak256(signed.raw))
        for chain in chains:
            if chain.send_raw(signed.raw).state is SendState.ACCEPTED:
                break
    for chain in chains:
        chain.close()
    return hashes


def _replaced_call(place: Place) -> bytes:
    """The call of a head that was replaced: what it builds on is not there any more."""
    from ledger.core.chain import rlp

    reader = EvmTransactions()
    older = next(raw for raw in _anchored(place) if not reader.read_head(raw).is_open)
    return bytes(rlp.decode_strings(older)[5])


def _anchored(place: Place) -> list[bytes]:
    """Signed bytes of the heads of ``records`` that are proved, oldest first."""
    tables = read_tables(place.database)
    if tables is None:
        return []
    return [
        bytes(one["raw_tx"])
        for one in tables.outbox
        if one["state"] == "anchored" and one["stream"] == "records"
    ]


def _outcome(setting: Setting, place: Place, hashes: list[bytes]) -> tuple[int, int]:
    root = parse_trust_root((place.folder / "trust-root.json").read_bytes())
    chain = open_chain(place, root)
    try:
        found = [chain.receipt(one) for one in hashes]
    finally:
        chain.close()
    mined = [one for one in found if one is not None]
    return len(mined), sum(one.status == 0 for one in mined)


def _client(url: str, place: Place) -> EvmChain:
    root = parse_trust_root((place.folder / "trust-root.json").read_bytes())
    return EvmChain(url, chain_id=root.chain_id, head_anchor=root.head_anchor.address)
