"""The secret of one account in a file of its own: an operator's, the regulator's, a founder's.

For development and small operators. In production such a key is in a wallet or a signing service,
and what these accounts do is sent from there.
"""

import secrets
import stat
from pathlib import Path
from typing import Final

from ledger.adapters.evm.signing import address_of
from ledger.adapters.files import write_whole
from ledger.errors import FatalStateError, InputError

OPERATOR_FILE: Final = "operator-key"
"""In a node's folder: the key of the region's seat in the Council. The running node needs none."""

SECRET_BYTES: Final = 32


def make_account_key(path: Path) -> bytes:
    """The key of a file, made on first use; mode 600.

    Returns:
        The secret, 32 bytes.

    Raises:
        InputError: The file is not of the format.
        FatalStateError: Others may read it.
    """
    if not path.exists():
        write_whole(path, secrets.token_bytes(SECRET_BYTES).hex().encode() + b"\n")
    return load_account_key(path)


def load_account_key(path: Path) -> bytes:
    """The key of a file: 64 hexadecimal digits.

    Raises:
        InputError: There is none, or it is not of the format.
        FatalStateError: Others may read it.
    """
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise FatalStateError(f"{path.name}: expected mode 600, others may read it")
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip().removeprefix("0x"))
    except FileNotFoundError:
        raise InputError(f"{path.name}: not found") from None
    except ValueError:
        # The cause is left out: it may repeat a part of the file.
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise InputError(f"{path.name}: expected 64 hexadecimal digits")
    address_of(secret)
    return secret
