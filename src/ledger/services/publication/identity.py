"""By what a record is known again after its content is erased: HMACs under a key of the node.

A plain hash would let anyone who sees the database try all codes and numbers.
"""

import hmac
from typing import Final

from ledger.core.canonical import encode_scalar
from ledger.core.records.catalogue import RECORD_TYPES
from ledger.core.records.record import Record, natural_key
from ledger.core.types import Hash32
from ledger.errors import CanonicalizationError

NATURAL_KEY_DOMAIN: Final = b"credit-ledger/natural-key/v1\x00"
CONTENT_DOMAIN: Final = b"credit-ledger/record-content/v1\x00"
FINGERPRINT_DOMAIN: Final = b"credit-ledger/node-key/v1\x00"
NODE_KEY_BYTES: Final = 32


_CONTENT_MEMBERS: Final = {
    code: tuple(
        (name, f'"{name}":') for name in sorted(kind.field_names) if name != "document_number"
    )
    for code, kind in RECORD_TYPES.items()
}


class RecordIdentity:
    """Derives the identities of a region's records.

    Args:
        region: GB/T 2260 code, six digits.
        node_key: 32 secret bytes, kept apart from the database and never changed.
    """

    def __init__(self, *, region: str, node_key: bytes) -> None:
        if len(node_key) != NODE_KEY_BYTES:
            raise ValueError(f"node key: expected {NODE_KEY_BYTES} bytes, found {len(node_key)}")
        self._region = region
        self._node_key = node_key

    @property
    def fingerprint(self) -> Hash32:
        """Tells two node keys apart and says nothing of either."""
        return self._hmac(FINGERPRINT_DOMAIN, self._region.encode())

    def natural_key(self, record: Record) -> Hash32:
        """Equal for two rows that are about the same decision."""
        name = natural_key(
            region=self._region,
            record_type=record.record_type,
            issuer=record.issuer,
            document_number=record.document_number,
            subject=record.subject,
        )
        return self._hmac(NATURAL_KEY_DOMAIN, name)

    def content_digest(self, record: Record) -> Hash32:
        """Equal for two rows that say the same of it.

        The spelling of the document number does not count: brackets and widths differ from system
        to system, and the natural key compares the number already.
        """
        # The canonical JSON of [record type, fields]; names of fields are ASCII without escapes.
        fields = record.fields
        members = ",".join(
            [
                start + encode_scalar(fields[name])
                for name, start in _CONTENT_MEMBERS[record.record_type]
            ]
        )
        try:
            content = f'["{record.record_type}",{{{members}}}]'.encode()
        except UnicodeEncodeError:
            raise CanonicalizationError("text: expected no lone surrogate, found one") from None
        return self._hmac(CONTENT_DOMAIN, content)

    def _hmac(self, domain: bytes, message: bytes) -> Hash32:
        return hmac.digest(self._node_key, domain + message, "sha256")
