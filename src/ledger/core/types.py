"""Names for the shapes that cross module borders; no behaviour."""

from typing import Final, TypeAlias

Hash32: TypeAlias = bytes
"""A SHA-256 or Keccak-256 digest, 32 bytes."""

LeafIndex: TypeAlias = int
"""Zero-based position of an entry in its log."""

TreeSize: TypeAlias = int
"""Number of entries under a root."""

UnixSeconds: TypeAlias = int
"""Seconds since 1970-01-01T00:00:00Z."""

STREAMS: Final = ("records", "restricted", "queries")
"""The closed list of streams of a region."""

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Largest integer of canonical JSON (RFC 8785, section 3.2.2.3)."""
