"""Holds every answer of an application against its own OpenAPI description."""

import json
import re
from typing import Any

from fastapi import FastAPI

ROUTER_CODES = {
    (404, "not-found"),
    (405, "method-not-allowed"),
    (400, "framing"),
    (414, "target-too-long"),
    (415, "content-encoding"),
    (429, "rate-limited"),
    (431, "header-too-large"),
    (503, "stopping"),
}
"""What is answered where there is no operation."""


class Description:
    """Knows which status and which code each operation may answer with."""

    def __init__(self, app: FastAPI) -> None:
        content = app.openapi()
        self._operations = [
            # As the router reads it: a place may hold a line end, or nothing.
            (re.compile(_pattern(path), re.DOTALL), operations)
            for path, operations in content["paths"].items()
        ]

    def complaint(self, method: str, path: str, status: int, media_type: str, body: bytes) -> str:
        """What about an answer is not described, or nothing."""
        is_problem = media_type == "application/problem+json"
        code = json.loads(body)["code"] if is_problem and body else None
        operation = self._operation(method, path)
        if operation is None:
            is_known = (status, code) in ROUTER_CODES or (not body and method == "HEAD")
            return "" if is_known else f"{method}: {status} {code} without an operation"
        described = operation["responses"].get(str(status))
        if described is None:
            return f"{operation['operationId']}: {status} {code} is not described"
        content: dict[str, Any] = described.get("content", {})
        if status == 304:
            return ""
        plain = media_type.partition(";")[0]
        if plain not in content:
            return f"{operation['operationId']}: {status} came as {media_type}"
        if is_problem and code not in content[plain]["examples"]:
            return f"{operation['operationId']}: {status} {code} is not described"
        return ""

    def operation_id(self, method: str, path: str) -> str | None:
        """The operation that a request reaches."""
        operation = self._operation(method, path)
        return None if operation is None else str(operation["operationId"])

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        for pattern, operations in self._operations:
            if pattern.fullmatch(path) and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        return None


def _pattern(path: str) -> str:
    parts = re.split(r"(\{\w+\})", path)
    return "".join(
        (".*" if part == "{place}" else "[^/]+") if part.startswith("{") else re.escape(part)
        for part in parts
    )
