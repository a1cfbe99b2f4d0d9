"""Looking at everything a node stands on, one finding a dependency, without changing anything."""

from ledger.bootstrap.diagnosis.finding import Finding, Level
from ledger.bootstrap.diagnosis.run import diagnose

__all__ = ["Finding", "Level", "diagnose"]
