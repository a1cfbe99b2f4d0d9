"""Making a node's folder, before there is anything to run."""

import json
from pathlib import Path
from typing import Final

from ledger.adapters.keystore import FILE_NAME as KEYS_NAME
from ledger.adapters.keystore import NodeKeys, generate_keys, load_keys, save_keys
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
    text = _registration(keys, settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    save_settings(folder, settings)
    (folder / REGISTRATION_NAME).write_text(text, encoding="utf-8")
    # Last: with its keys the node exists, and everything else about it is there.
    save_keys(folder, keys)


def renew_registration(folder: Path, settings: NodeSettings) -> None:
    """Write a node's registration anew, after a key or the endpoint was changed.

    Raises:
        InputError: The folder holds no keys, or other regions could not reach the node.
        FatalStateError: Others may read the keys.
    """
    text = _registration(load_keys(folder), settings)
    (folder / REGISTRATION_NAME).write_text(text, encoding="utf-8")


def _registration(keys: NodeKeys, settings: NodeSettings) -> str:
    content = keys.registration(settings.region, settings.public_endpoint)
    return json.dumps(content, indent=2, sort_keys=True) + "\n"
