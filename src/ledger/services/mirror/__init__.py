"""Mirroring: rebuilding other regions' maps from their logs and saying on chain what came out."""

from ledger.services.mirror.alarms import Alarm
from ledger.services.mirror.confirming import ChainKey
from ledger.services.mirror.mirroring import Mirroring
from ledger.services.mirror.status import MirroringStatus, SourceStatus

__all__ = ["Alarm", "ChainKey", "Mirroring", "MirroringStatus", "SourceStatus"]
