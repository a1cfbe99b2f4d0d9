"""The tables of docs/api.md: operations, and problem codes. ``python -m documenting.problems``."""

import re
import sys
from pathlib import Path
from typing import Any, Final

from ledger.api.problem_table import PROBLEMS

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "api.md"
_PART: Final = "<!-- {name}: made by scripts/make-api-tables -->"
_END: Final = "<!-- end -->"


def problem_table() -> str:
    """Every code, by status."""
    rows = sorted(PROBLEMS.items(), key=lambda one: (one[1].status, one[0]))
    lines = ["| status | code | 中文 | English |", "|---|---|---|---|"]
    lines += [f"| {one.status} | `{code}` | {one.zh} | {one.en} |" for code, one in rows]
    return "\n".join(lines)


def operation_table(description: dict[str, Any]) -> str:
    """Every operation of an OpenAPI description."""
    lines = ["| operation | for | what |", "|---|---|---|"]
    for path, members in sorted(description["paths"].items()):
        for method, operation in members.items():
            codes = {
                code
                for answer in operation["responses"].values()
                for content in answer.get("content", {}).values()
                for code in content.get("examples", {})
            }
            who = "operator" if "unauthorized" in codes else "anyone"
            if "mirror-required" in codes:
                who = "mirrors"
            lines.append(f"| `{method.upper()} {path}` | {who} | {operation['summary']} |")
    return "\n".join(lines)


def with_part(page: str, name: str, content: str) -> str:
    """A page with one of its made parts replaced."""
    begin = _PART.format(name=name)
    pattern = re.compile(re.escape(begin) + r"\n.*?" + re.escape(_END), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"expected one part {name}")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{_END}", page)


def made(page: str, description: dict[str, Any]) -> str:
    """The page with all of its made parts as they should be."""
    page = with_part(page, "operations", operation_table(description))
    return with_part(page, "problems", problem_table())


def main() -> int:
    """Rewrite the page."""
    import tempfile

    from worlds.node import World
    from worlds.node_app import app_of

    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        description = app_of(world).openapi()
        world.kill()
    PAGE.write_text(made(PAGE.read_text(encoding="utf-8"), description), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
