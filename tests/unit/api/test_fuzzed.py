"""A small slice of ./scripts/fuzz-api: every operation, a few requests each."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "scripts"))

from fuzzing.node import FuzzedNode
from fuzzing.run import run


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
