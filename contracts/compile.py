"""Compile the deployed contracts and write, or compare, their artifacts.

Takes the sources in ``src/`` and OpenZeppelin's from ``node_modules/``, with the settings of
``foundry.toml``. An artifact holds what the ledger needs of a contract: ABI, both bytecodes, where
the immutables stand in the runtime code, and the storage layout. Run by
``scripts/compile-contracts``.
"""

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import solcx

CONTRACTS: Final = Path(__file__).resolve().parent
ARTIFACTS: Final = CONTRACTS / "artifacts"
DEPLOYED: Final = ("HeadAnchor", "RegionRegistry", "Council")
IMPORT: Final = re.compile(r'^import\b[^;]*?"([^"]+)";', re.MULTILINE)


def collect_sources(names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Read the contracts and all they import, by the name the compiler knows them under."""
    sources: dict[str, dict[str, str]] = {}
    waiting = [f"src/{name}.sol" for name in names]
    while waiting:
        name = waiting.pop()
        if name in sources:
            continue
        folder = CONTRACTS / "node_modules" if name.startswith("@") else CONTRACTS
        content = (folder / name).read_text(encoding="utf-8")
        sources[name] = {"content": content}
        for target in IMPORT.findall(content):
            waiting.append(target if target.startswith("@") else _join(name, target))
    return dict(sorted(sources.items()))


def _join(importer: str, target: str) -> str:
    """Resolve a relative import as the compiler does: against the importer's name."""
    parts = importer.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def compiler_settings() -> dict[str, Any]:
    """Translate the settings of ``foundry.toml`` to the compiler's own words."""
    profile = tomllib.loads((CONTRACTS / "foundry.toml").read_text(encoding="utf-8"))["profile"]
    chosen = profile["default"]
    return {
        "evmVersion": chosen["evm_version"],
        "viaIR": chosen["via_ir"],
        "optimizer": {"enabled": chosen["optimizer"], "runs": chosen["optimizer_runs"]},
        "metadata": {
            "appendCBOR": chosen["cbor_metadata"],
            "bytecodeHash": chosen["bytecode_hash"],
        },
    }


def compile_all() -> dict[str, dict[str, Any]]:
    """Compile every deployed contract; the result maps its name to its artifact."""
    outputs = ["abi", "evm.bytecode", "evm.deployedBytecode", "storageLayout"]
    settings = compiler_settings()
    answer = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": collect_sources(DEPLOYED),
            "settings": {**settings, "outputSelection": {"*": {"*": outputs}}},
        },
        solc_binary=CONTRACTS / "solc-shim",
    )
    for problem in answer.get("errors", []):
        print(problem["formattedMessage"], file=sys.stderr)
    tool = json.loads((CONTRACTS / "package.json").read_text(encoding="utf-8"))
    compiler = {"name": "solc", "version": tool["devDependencies"]["solc"], "settings": settings}
    return {
        name: _artifact(name, answer["contracts"][f"src/{name}.sol"][name], compiler)
        for name in DEPLOYED
    }


def _artifact(name: str, output: dict[str, Any], compiler: dict[str, Any]) -> dict[str, Any]:
    runtime = output["evm"]["deployedBytecode"]
    places = [place for found in runtime["immutableReferences"].values() for place in found]
    return {
        "_note": "Written by scripts/compile-contracts; do not edit.",
        "contractName": name,
        "abi": output["abi"],
        "bytecode": "0x" + output["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + runtime["object"],
        "immutableReferences": sorted(places, key=lambda place: place["start"]),
        "storageLayout": _without_ids(output["storageLayout"]),
        "compiler": compiler,
    }


def _without_ids(layout: Any) -> Any:
    """Drop the numbers of syntax tree nodes: they change with any edit anywhere."""
    if isinstance(layout, dict):
        return {
            re.sub(r"\)\d+", ")", key): _without_ids(value)
            for key, value in layout.items()
            if key != "astId"
        }
    if isinstance(layout, list):
        return [_without_ids(value) for value in layout]
    return re.sub(r"\)\d+", ")", layout) if isinstance(layout, str) else layout


def encode_artifact(artifact: dict[str, Any]) -> str:
    """Encode an artifact as it is committed."""
    return json.dumps(artifact, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def differences(compiled: dict[str, dict[str, Any]]) -> list[str]:
    """Name every member of every artifact that is not what the sources give."""
    found: list[str] = []
    for name, artifact in compiled.items():
        path = ARTIFACTS / f"{name}.json"
        if not path.exists():
            found.append(f"{path.name}: missing")
            continue
        text = path.read_text(encoding="utf-8")
        if text == encode_artifact(artifact):
            continue
        stored = json.loads(text)
        members = sorted(set(stored) | set(artifact))
        wrong = [m for m in members if stored.get(m) != artifact.get(m)] or ["encoding"]
        found.append(f"{path.name}: differs in {', '.join(wrong)}")
    expected = {f"{name}.json" for name in compiled}
    found += [
        f"{p.name}: no such contract" for p in ARTIFACTS.glob("*.json") if p.name not in expected
    ]
    return found


def main() -> int:
    """Write the artifacts, or with ``--check`` compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    check = parser.parse_args().check
    compiled = compile_all()
    if check:
        found = differences(compiled)
        for line in found:
            print(f"compile-contracts: {line}", file=sys.stderr)
        if found:
            print("compile-contracts: run scripts/compile-contracts and commit", file=sys.stderr)
            return 1
        print(f"compile-contracts: {len(compiled)} artifacts are what the sources give")
        return 0
    ARTIFACTS.mkdir(exist_ok=True)
    for name, artifact in compiled.items():
        (ARTIFACTS / f"{name}.json").write_text(encode_artifact(artifact), encoding="utf-8")
        print(f"compile-contracts: wrote artifacts/{name}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
