"""Copies of a node's database to be changed in one place and audited."""

from pathlib import Path
from typing import Any

import pysqlite3
from worlds.auditing import AuditedWorld, audit_file

from ledger.adapters.sql.checksums import COVERED, checksum
from ledger.services.audit import AuditReport, Memory, NodeIdentity
from ledger.services.ports import Chain

Statement = str | tuple[str, list[Any]]


class Damaged:
    """A copy of the database, to be changed and audited."""

    def __init__(self, path: Path, world: AuditedWorld, node: NodeIdentity, memory: Memory) -> None:
        self.path = path
        self.world = world
        self.node = node
        self._memory = memory

    def run(self, *statements: Statement, keeps_checksums: bool = False) -> None:
        """Change it as somebody would who also writes the checksums that go with the change."""
        connection = pysqlite3.connect(self.path, isolation_level=None)
        connection.row_factory = pysqlite3.Row
        connection.execute("BEGIN")
        for statement in statements:
            sql, values = (statement, []) if isinstance(statement, str) else statement
            changed = connection.execute(sql, values).rowcount
            assert changed != 0, f"nothing to change: {sql}"
        if not keeps_checksums:
            self._renew(connection)
        connection.execute("COMMIT")
        connection.close()

    def _renew(self, connection: Any) -> None:
        for table in COVERED:
            rows = connection.execute(f"SELECT rowid AS at, * FROM {table}").fetchall()
            for row in rows:
                try:
                    renewed = checksum(table, dict(row))
                except TypeError:
                    continue
                connection.execute(
                    f"UPDATE {table} SET checksum = ? WHERE rowid = ?", [renewed, row["at"]]
                )

    def one(self, sql: str) -> Any:
        """One value of it."""
        connection = pysqlite3.connect(self.path)
        (value,) = connection.execute(sql).fetchone()
        connection.close()
        return value

    def audit(
        self, chain: Chain | None = None, node: NodeIdentity | None = None, is_quick: bool = False
    ) -> AuditReport:
        """What an audit finds in it."""
        return audit_file(
            self.path, node or self.node, chain, is_quick=is_quick, memory=self._memory
        )
