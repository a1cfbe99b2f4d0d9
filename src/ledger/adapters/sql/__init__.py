"""The store on a SQL database: SQLite by default, no feature that PostgreSQL lacks.

``open_store`` brings the schema up to date and returns the store.
"""

from ledger.adapters.sql.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
