"""A small slice of ./scripts/fuzz-api: every operation, a few requests each."""

import sys
from pathlib import Path

import httpx
import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "scripts"))

from fuzzing.node import FuzzedNode
from fuzzing.run import run

from ledger.api.problems import ApiProblem


@pytest.mark.filterwarnings("ignore")  # those of a generator are not ours
def test_every_operation_answers_generated_requests_as_described(tmp_path: Path) -> None:
    node = FuzzedNode(tmp_path)
    try:
        found = run(node, requests=200, seed=20261123, say=lambda _: None, phases=("fuzzing",))
    finally:
        node.close()
    operations = {
        operation["operationId"]
        for operations in node.app.openapi()["paths"].values()
        for operation in operations.values()
    }
    assert set(node.requests) >= operations
    assert node.total >= 200
    assert (node.server_errors, dict(node.complaints)) == (0, {})
    assert (dict(found.failures), dict(found.errors)) == ({}, {})


async def test_fuzzed_node_finds_what_is_not_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = FuzzedNode(tmp_path)

    async def ask(path: str) -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(node), base_url="http://node"
        ) as client:
            await client.get(path)

    def planted(status: int, code: str) -> None:
        def fail() -> None:
            raise ApiProblem(status, code, "planted")

        monkeypatch.setattr(node.app.state.context.watch, "checks", fail)

    try:
        await ask("/readyz")
        assert node.complaints == {}
        planted(404, "not-found")  # a status that the operation has not
        await ask("/readyz")
        assert list(node.complaints) == ["readyz: 404 not-found is not described"]
        planted(503, "store-unavailable")  # a code that the status has not
        await ask("/readyz")
        assert "readyz: 503 store-unavailable is not described" in node.complaints
        monkeypatch.setattr(node.app.state.context.watch, "checks", None)  # a bug
        await ask("/readyz")
        assert node.server_errors == 2
    finally:
        node.close()
