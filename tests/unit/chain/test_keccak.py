import subprocess
import sys

import pytest
from Crypto.Hash import keccak as other_keccak

from ledger.core.chain.keccak import keccak256


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"\x80", "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
    ],
)
def test_keccak256_known_input_gives_published_digest(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


def test_keccak256_every_length_up_to_three_blocks_equals_other_implementation() -> None:
    for size in range(3 * 136 + 2):
        data = bytes(position % 251 for position in range(size))
        assert keccak256(data) == other_keccak.new(digest_bits=256, data=data).digest()


def test_keccak_import_loads_no_ethereum_library() -> None:
    program = (
        "import sys, ledger.core.chain.state_proof, ledger.core.headers;"
        "print([n for n in ('web3', 'eth_utils', 'eth_hash', 'rlp', 'trie') if n in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=30
    )
    assert out.stdout.decode().strip() == "[]"
