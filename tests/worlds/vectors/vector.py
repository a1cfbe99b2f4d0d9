"""One vector: a file of tests/vectors, named after its fault."""

import json
from dataclasses import dataclass
from typing import Any

VALID = "valid"
NOT_CANONICAL = "not-canonical"
MALFORMED_RECORD = "malformed-record"
MALFORMED_PROOF = "malformed-proof"
ROOT_MISMATCH = "root-mismatch"
MALFORMED_NOTE = "malformed-note"
SIGNATURE = "signature"
INPUT = "input"


@dataclass(frozen=True)
class Vector:
    """A file ``<format>/<name>.json``; ``expect`` is ``valid`` or the code of the refusal."""

    format: str
    name: str
    description: str
    expect: str
    members: dict[str, Any]

    @property
    def path(self) -> str:
        return f"{self.format}/{self.name}.json"

    @property
    def content(self) -> bytes:
        tree = {"description": self.description, **self.members, "expect": self.expect}
        return (json.dumps(tree, ensure_ascii=False, indent=1) + "\n").encode()


def hexes(values: Any) -> list[str]:
    return [value.hex() for value in values]
