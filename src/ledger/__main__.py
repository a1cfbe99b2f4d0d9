"""``python -m ledger`` is ``credit-ledger``."""

from ledger.cli import main

main()
