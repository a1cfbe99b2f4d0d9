"""The story: a penalty in Anhui, asked about from Shanghai, repaired, proved gone everywhere."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ledger.adapters.account_key import OPERATOR_FILE, load_account_key
from ledger.adapters.evm.signing import address_of
from ledger.cli.client import call
from ledger.cli.language import current, pick
from ledger.cli.lookup import answer_line, keep_evidence
from ledger.core.trust import parse_trust_root
from story.network import REGIONS, THRESHOLD, Network
from story.offline import offline_command

COMPANY = "91310115MAEXAM011N"
"""The Shanghai company the bank asks about (examples/README.md)."""

CONFIRMATIONS = 2
"""Other regions that must have rebuilt a map before anybody relies on it."""

_CONFIRMED_BY = re.compile(r"(?:confirmed by )?([0-9]+) (?:regions|个地区确认)")

ASKED, PUNISHED, DOWN = "310000", "340000", "330000"


class StoryError(Exception):
    """The ledger did not do what the story says."""


class Teller:
    """Prints numbered steps with the time each took."""

    def __init__(self) -> None:
        self._number = 0

    def step(self, zh: str, en: str, work: Callable[[], None]) -> None:
        """Print a step's sentence, do its work, print its time."""
        self._number += 1
        print(f"\n{self._number}. {pick(zh, en)}", flush=True)
        started = time.monotonic()
        work()
        print(f"   ({time.monotonic() - started:.1f} s)", flush=True)


def tell(network: Network, examples: Path) -> None:
    """Tell the whole story; each claim is checked.

    Raises:
        StoryError: A result is not what the story says.
    """
    teller, trust = Teller(), network.nodes[ASKED].folder / "trust-root.json"
    if network.engine == "qbft":
        tell_governance(network, trust)
    before, after = network.folder / "before", network.folder / "after"
    teller.step(
        "四个地区发布双公示文件(行政许可、行政处罚)并上链,其他地区重算地图并确认;有错的行被点名。",
        "Four regions publish and anchor; the others rebuild each map and confirm it; bad rows are"
        " named.",
        lambda: publish_examples(network, examples),
    )
    teller.step(
        "上海的银行询问一家上海企业:四地有没有有效的行政处罚?安徽有一条,其余三地证明没有。",
        "A bank in Shanghai asks: any penalty in force? Anhui has one; the others prove none.",
        lambda: ask(network, before, {region: _first(region) for region in REGIONS}),
    )
    teller.step(
        "另一个没有网络的进程,只凭证据和信任根核验这四个答案。",
        "A separate process without network verifies the four answers.",
        lambda: verify(sorted(before.glob("*.json")), trust, expect=0),
    )
    teller.step(
        "安徽完成信用修复;下一个上链并获确认之后,四地都证明“没有”。",
        "Anhui repairs the penalty; once the next head is confirmed all four regions prove none.",
        lambda: repair(network, examples, after),
    )
    teller.step(
        "再次离线核验四个“没有”。",
        "The four absences are verified offline.",
        lambda: verify(sorted(after.glob("*.json")), trust, expect=0),
    )
    teller.step(
        "把证据改动一个比特:核验拒绝。",
        "One bit of the evidence is flipped: verification refuses it.",
        lambda: flip_and_verify(before / f"{COMPANY}-{PUNISHED}-cf.json", trust),
    )
    teller.step(
        "浙江节点停机:答案是“暂不可用”,绝不是“没有”;其他地区仍有两个镜像确认,照常。",
        "Zhejiang goes away: the answer is unavailable, never none; the others still have two"
        " mirrors each and stand.",
        lambda: lose_a_region(network),
    )


def tell_governance(network: Network, trust: Path) -> None:
    """Say who governs the contracts; the trust root must name the regions' operators."""
    root = parse_trust_root(trust.read_bytes())
    keys = [node.folder / OPERATOR_FILE for node in network.nodes.values()]
    operators = {address_of(load_account_key(key)) for key in keys}
    if set(root.signers) != operators or root.threshold != THRESHOLD:
        raise StoryError("the trust root does not name the four operators, three of whom sign")
    print(
        pick(
            f"合约由治理委员会掌管:{len(operators)} 个地区各一席,{THRESHOLD} 席赞成即通过,监管者可"
            f"异议;信任根的下一版须 {root.threshold}/{len(root.signers)} 签署。",
            f"The Council governs the contracts: {len(operators)} regions, a seat each,"
            f" {THRESHOLD} must approve, the regulator may object; the next trust root needs"
            f" {root.threshold} of {len(root.signers)} signatures.",
        )
    )


def _first(region: str) -> str:
    return "records" if region == PUNISHED else "none"


def publish_examples(network: Network, examples: Path) -> None:
    """Publish each region's files, all regions at once, and print what became of them."""

    def publish(region: str) -> dict[str, Any]:
        files = [str(examples / f"{region}-{kind}.csv") for kind in ("cf", "xk")]
        return _publish(network, region, [*files, str(examples / "changes.csv")])

    with ThreadPoolExecutor() as pool:
        for region, files in zip(REGIONS, pool.map(publish, REGIONS), strict=True):
            for name, batch in files.items():
                rejected = len({problem["row"] for problem in batch["rejected"]})
                counts = (name, batch["accepted"], rejected)
                print(
                    f"   {region} "
                    + pick("{}:接受 {} 行,拒绝 {} 行", "{}: {} rows accepted, {} rejected").format(
                        *counts
                    )
                )


def _publish(network: Network, region: str, files: list[str]) -> dict[str, Any]:
    folder = str(network.nodes[region].folder)
    done = network.ledger("publish", *files, "--region", region, "--dir", folder, "--json")
    return dict(json.loads(done.stdout)["files"])


def ask(network: Network, folder: Path, expected: dict[str, str]) -> None:
    """Ask the Shanghai node about the company in all regions; print, check and keep the answers."""
    request = {"subjects": [COMPANY], "regions": list(REGIONS), "record_types": ["cf"]}
    answers = call("POST", network.nodes[ASKED].url, "/v1/lookups", json=request)["answers"]
    for answer in answers:
        print("   " + answer_line(answer))
    results = {answer["region"]: answer["result"] for answer in answers}
    if results != expected:
        raise StoryError(f"expected {expected}, found {results}")
    for path in keep_evidence(answers, folder):
        print(f"   {path.name}: {path.stat().st_size} " + pick("字节", "bytes"))


def verify(files: list[Path], trust: Path, *, expect: int) -> None:
    """Verify files in a process without network and check its exit code."""
    arguments = ("--lang", current(), "verify", "--trust", str(trust), "--quiet", *map(str, files))
    done = subprocess.run(offline_command(*arguments), capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        print("   " + line.rsplit("/", 1)[-1])
        found = _CONFIRMED_BY.search(line)
        if expect == 0 and (found is None or int(found[1]) < CONFIRMATIONS):
            raise StoryError(f"verify: expected {CONFIRMATIONS} confirmations: {line}")
    if done.returncode != expect:
        raise StoryError(f"verify: expected exit {expect}, found {done.returncode}: {done.stderr}")


def repair(network: Network, examples: Path, folder: Path) -> None:
    """Publish the repair in Anhui and ask again."""
    _publish(network, PUNISHED, [str(examples / "repair" / "changes.csv")])
    ask(network, folder, dict.fromkeys(REGIONS, "none"))


def flip_and_verify(evidence: Path, trust: Path) -> None:
    """Flip one bit in the middle of the VRF proof and show that it is refused."""
    content = bytearray(evidence.read_bytes())
    place = content.index(b'"vrf_proof":"') + 50
    # A hexadecimal digit stays one, so that the forgery is well formed and only wrong.
    content[place] ^= 2 if content[place] in b"af" else 1
    forged = evidence.with_name("forged.json")
    forged.write_bytes(content)
    verify([forged], trust, expect=1)


def lose_a_region(network: Network) -> None:
    """Stop Zhejiang's node and ask once more."""
    network.stop_node(DOWN)
    expected = {region: "unavailable" if region == DOWN else "none" for region in REGIONS}
    ask(network, network.folder / "alone", expected)
