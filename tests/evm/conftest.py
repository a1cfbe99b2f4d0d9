import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from live_chain import BUILD_DEADLINE_S, FORGE, ROOT, LiveChain, start_chain


@pytest.fixture(scope="session")
def chain() -> Iterator[LiveChain]:
    with start_chain() as running:
        yield running


@pytest.fixture(scope="session")
def harness_code() -> bytes:
    """Creation code of ConsistencyHarness, a contract of the tests only."""
    subprocess.run(
        [str(FORGE), "build", "--skip", "t.sol"],
        cwd=ROOT / "contracts",
        check=True,
        timeout=BUILD_DEADLINE_S,
        stdout=subprocess.DEVNULL,
    )
    built = ROOT / "contracts/out/ConsistencyHarness.sol/ConsistencyHarness.json"
    content: dict[str, Any] = json.loads(built.read_text(encoding="utf-8"))
    return bytes.fromhex(content["bytecode"]["object"].removeprefix("0x"))
