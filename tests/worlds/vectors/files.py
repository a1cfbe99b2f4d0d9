"""All vectors together, and whether the files in tests/vectors are what they should be."""

from collections.abc import Iterator
from pathlib import Path

from worlds.vectors import chain, evidence, published, text, trees
from worlds.vectors.vector import Vector

FOLDER = Path(__file__).resolve().parents[2] / "vectors"
FAMILIES = (
    text.uscc,
    text.canonical_json,
    text.disclosure,
    text.event,
    text.commitments,
    text.entry,
    trees.inclusion,
    trees.consistency,
    trees.prefix_trees,
    trees.lists,
    trees.map_functions,
    trees.vrfs,
    chain.stream_ids,
    chain.heads,
    chain.headers,
    chain.qbft_headers,
    chain.state_proofs,
    published.checkpoints,
    published.tiles,
    published.entry_bundles,
    evidence.trust_roots,
    evidence.evidences,
)
BY_HAND = frozenset({"README.md", "vrf/rfc9381.json"})
"""Files of the folder that are not made from code."""


def all_vectors() -> Iterator[Vector]:
    for family in FAMILIES:
        yield from family()


def expected_files() -> dict[str, bytes]:
    """Content by path below the folder; a path twice is a mistake."""
    files: dict[str, bytes] = {}
    for vector in all_vectors():
        if vector.path in files:
            raise ValueError(f"{vector.path} is made twice")
        files[vector.path] = vector.content
    return files


def present_files() -> dict[str, bytes]:
    found = (path for path in sorted(FOLDER.rglob("*")) if path.is_file())
    files = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in found}
    return {name: content for name, content in files.items() if name not in BY_HAND}


def differences() -> list[str]:
    """Paths that are missing, surplus or different."""
    expected, present = expected_files(), present_files()
    return sorted(
        name for name in expected.keys() | present.keys() if expected.get(name) != present.get(name)
    )


def write() -> int:
    """Write every vector and remove what is none any more; gives their number."""
    expected = expected_files()
    for name in present_files().keys() - expected.keys():
        (FOLDER / name).unlink()
    for name, content in expected.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(expected)
