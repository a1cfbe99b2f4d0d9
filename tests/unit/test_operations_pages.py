"""What operations pages name exists: commands, options, tests, links; what they show holds."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ledger.adapters.evm.contract import load_contract
from ledger.adapters.governance.deployment import COUNCIL, HEAD_ANCHOR, REGION_REGISTRY
from ledger.cli.app import app
from ledger.core.chain import qbft

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    name: (ROOT / "docs" / "operations" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("consortium", "validators", "regions")
}
COMMAND = re.compile(r"(?:credit-ledger |`)((?:contracts|council|trust-root|devnet) [^`\n]*)")


def commands(page: str) -> Iterator[list[str]]:
    """Every command of a page in words, comments and values left out."""
    text = page.replace("\\\n", " ")
    for line in COMMAND.findall(text):
        yield line.split("        #")[0].split()


def command_of(words: list[str]) -> Any:
    """The command that words name."""
    found: Any = typer.main.get_command(app)
    for word in words:
        inner = getattr(found, "commands", None)
        if inner is None:
            break
        assert word in inner, f"{' '.join(words)}: there is no {word}"
        found = inner[word]
    return found


@pytest.mark.parametrize("name", PAGES)
def test_commands_and_options_of_the_page_exist(name: str) -> None:
    found = [words for words in commands(PAGES[name]) if "|" not in words[1]]
    assert len(found) >= 5
    for words in found:
        command = command_of(words)
        known = {option for one in command.params for option in one.opts}
        for word in words:
            if word.startswith("--") and word not in ("--engine", "--chain"):
                assert word.strip(".,)[]") in known, f"{' '.join(words)}: no option {word}"


@pytest.mark.parametrize("name", PAGES)
def test_tests_and_links_of_the_page_exist(name: str) -> None:
    page = PAGES[name]
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = re.findall(r"`(?:[a-z_/]+/)?(test_[a-z_]+\.py)", page)
    assert named and set(named) <= tests
    for path in re.findall(r"`((?:tests|src|scripts)/[a-z_/]+\.py)", page):
        assert (ROOT / path).is_file(), path
    for where, function in re.findall(r"`(tests/[a-z_/]+\.py)::([a-z_]+)`", page):
        assert f"def {function}(" in (ROOT / where).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([a-z./-]+\.md)(?:#[a-z-]+)?\)", page):
        assert (ROOT / "docs" / "operations" / link).is_file(), link


def genesis() -> dict[str, Any]:
    found = re.search(r"```json\n(.*?)```", PAGES["consortium"], re.DOTALL)
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def test_genesis_of_the_page_is_that_of_its_validators() -> None:
    extra = qbft.parse_extra(bytes.fromhex(genesis()["extraData"][2:]))
    listed = [f"0x{one.hex()}" for one in extra.validators]
    assert json.dumps(listed) in PAGES["consortium"]
    assert listed == sorted(listed)
    assert extra.encode(0) == bytes.fromhex(genesis()["extraData"][2:])
    assert (extra.vote, extra.round, extra.seals) == (None, 0, ())


def test_genesis_of_the_page_is_one_that_this_release_can_use() -> None:
    content = genesis()
    rules = content["config"]
    assert content["mixHash"] == f"0x{qbft.MIX_HASH.hex()}"
    assert content["difficulty"] == "0x1"
    assert 1 < rules["chainId"] < 2**53
    assert rules["berlinBlock"] == 0
    assert not {"ibft2", "clique", "terminalTotalDifficulty", "londonBlock"} & set(rules)
    assert set(rules["qbft"]) == {"epochlength", "blockperiodseconds", "requesttimeoutseconds"}
    sizes = {
        name: len(load_contract(name).artifact.runtime)
        for name in (HEAD_ANCHOR, REGION_REGISTRY, COUNCIL)
    }
    assert max(sizes.values()) == sizes[HEAD_ANCHOR] < min(24_576, rules["contractSizeLimit"])
    assert f"{sizes[HEAD_ANCHOR]:,} bytes" in PAGES["consortium"]


def test_methods_that_a_proxy_passes_on_are_those_that_are_asked_for() -> None:
    adapters = ROOT / "src" / "ledger" / "adapters"
    asked = {
        method
        for folder in ("evm", "governance", "rooting")
        for path in (adapters / folder).rglob("*.py")
        for method in re.findall(r'"(eth_[a-zA-Z]+|net_[a-zA-Z]+)"', path.read_text())
    }
    (listed,) = re.findall(r"^    (eth_[a-zA-Z_ ]+)$", PAGES["consortium"], re.MULTILINE)
    assert set(listed.split()) == asked


def test_table_of_validators_is_the_arithmetic_of_qbft() -> None:
    rows = re.findall(r"^\| (\d) \| (\d) \| (\d) \| (\d) \| (\d) \|$", PAGES["consortium"], re.M)
    assert len(rows) == 3
    for size, away, seals, votes, endpoints in (map(int, row) for row in rows):
        assert away == (size - 1) // 3
        assert seals == -(-2 * size // 3)
        assert votes == endpoints == size // 2 + 1
