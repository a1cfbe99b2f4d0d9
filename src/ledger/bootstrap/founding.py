"""Making a node's folder, before there is anything to run."""

import json
from pathlib import Path
from typing import Final

from ledger.adapters.keystore import FILE_NAME as KEYS_NAME
from ledger.adapters.keystore import generate_keys, save_keys
from ledger.errors import InputError
from ledger.settings import NodeSettings, save_settings

REGISTRATION_NAME: Final = "registration.json"


def make_node(folder: Path, settings: NodeSettings) -> None:
    """Make a node's folder: fresh keys, settings, and the registration for governance.

    Raises:
        InputError: The folder already holds a node, or other regions could not reach it.
    """
    if (folder / KEYS_NAME).exists():
        raise InputError(f"{KEYS_NAME}: expected a folder without a node, found one")
    keys = generate_keys()
    registration = keys.registration(settings.region, settings.public_endpoint)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    save_settings(folder, settings)
    text = json.dumps(registration, indent=2, sort_keys=True)
    (folder / REGISTRATION_NAME).write_text(text + "\n", encoding="utf-8")
    # Last: with its keys the node exists, and everything else about it is there.
    save_keys(folder, keys)
