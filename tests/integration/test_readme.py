"""What the README shows is run here, word for word but for free ports."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ledger.adapters.devnet.ports import find_free_port

ROOT = Path(__file__).resolve().parents[2]
STEP_LIMIT_S = 120
READY_WITHIN_S = 60

pytestmark = [pytest.mark.devnet, pytest.mark.slow]


def commands(name: str) -> list[str]:
    """The shell commands of a README's ``sh`` block."""
    text = (ROOT / name).read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return block.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty working folder with the examples; whatever was started in it is stopped."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    tmp_path.joinpath("var").mkdir()
    yield tmp_path
    for pid in tmp_path.joinpath("var").glob("*.pid"):
        os.kill(int(pid.read_text()), signal.SIGTERM)
    ledger = [sys.executable, "-m", "ledger", "devnet", "down", "--dir", "var/devnet"]
    subprocess.run(ledger, cwd=tmp_path, check=False, capture_output=True)


def test_readme_both_languages_show_the_same_commands() -> None:
    assert commands("README.md") == commands("README.zh.md")


def test_readme_commands_publish_look_up_and_verify(folder: Path) -> None:
    chain, node = str(find_free_port()), str(find_free_port())
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
    }
    shown = ""
    for line in commands("README.md"):
        command = line.replace("18545", chain).replace("18340", node)
        if command.endswith("&"):
            command = f"({command[:-1]} >var/node.log 2>&1 & echo $! >var/node.pid)"
        elif " publish " in command:
            wait_ready(f"http://127.0.0.1:{node}")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=STEP_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        shown += done.stdout
    assert "有效 VALID  [测试链]" in shown


def wait_ready(url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    pytest.fail("the node is not ready in time")
