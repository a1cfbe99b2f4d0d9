"""A stopped node's folder as its operator has it: keys, settings, trust root and database."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

from worlds.auditing import AuditedWorld, lived_in
from worlds.node import ANCHOR_SECRET, NODE_KEY, REGION, SEEDS

from ledger.adapters.keystore import generate_keys, save_keys
from ledger.core.trust import Coverage, encode_trust_root


def lived_in_folder(folder: Path) -> AuditedWorld:
    """Its records are in their second generation; nobody listens where its chain should be."""
    world = lived_in(folder)
    restricted = Coverage(REGION, "r1", "restricted", date(2026, 1, 1))
    world.trust_root = replace(world.trust_root, coverage=(*world.trust_root.coverage, restricted))
    write_settings(folder, REGION, encode_trust_root(world.trust_root))
    secrets: dict[str, dict[int, bytes]] = {stream: {} for stream in SEEDS}
    for log, seed in world.secrets.items():
        secrets[log.stream][log.generation] = seed
    keys = replace(
        generate_keys(),
        anchor_keys=(ANCHOR_SECRET,),
        vrf_seeds=secrets,
        checkpoint_seeds=secrets,
        natural_key_secret=NODE_KEY,
    )
    save_keys(folder, keys)
    return world


def write_settings(folder: Path, region: str, trust_root: bytes) -> None:
    """Settings and trust root of a node that has no chain."""
    (folder / "trust-root.json").write_bytes(trust_root)
    settings = {"region": region, "rpc_url": "http://127.0.0.1:9"}
    (folder / "node.json").write_text(json.dumps(settings))
