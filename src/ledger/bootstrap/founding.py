"""Making a node's folder, before there is anything to run."""

import json
from pathlib import Path
from typing import Final

from ledger.adapters.account_key import OPERATOR_FILE, make_account_key
from ledger.adapters.evm.signing import address_of
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
    endpoint = settings.public_endpoint
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = _registration(folder, keys, settings.region, endpoint)
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
    text = _registration(folder, load_keys(folder), settings.region, settings.public_endpoint)
    (folder / REGISTRATION_NAME).write_text(text, encoding="utf-8")


def _registration(folder: Path, keys: NodeKeys, region: str, endpoint: str) -> str:
    # The operator governs and the node does not need it, so its key has a file of its own.
    operator = address_of(make_account_key(folder / OPERATOR_FILE))
    content = keys.registration(region, endpoint, f"0x{operator.hex()}")
    return json.dumps(content, indent=2, sort_keys=True) + "\n"
