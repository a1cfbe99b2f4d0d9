"""What is on this machine: software, files, keys, trust root, database, disk."""

import platform
import shutil
import stat
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pysqlite3  # type: ignore[import-untyped]
from sqlalchemy import column, inspect, select, table
from sqlalchemy.engine import make_url

from ledger.adapters.keystore import FILE_NAME as KEYS_NAME
from ledger.adapters.keystore import load_keys
from ledger.adapters.sql.engine import OLDEST_SQLITE, open_engine
from ledger.adapters.sql.errors import mapped
from ledger.adapters.sql.migrate import revisions
from ledger.bootstrap.diagnosis.finding import Finding, failed, ok, warning
from ledger.core import vrf
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.errors import LedgerError
from ledger.settings import NodeSettings, masked

OLDEST_PYTHON: Final = (3, 11)
EXPIRES_SOON: Final = timedelta(days=14)
LITTLE_SPACE: Final = 2 << 30
"""Bytes free below which somebody should look."""
NO_SPACE: Final = 128 << 20
"""Bytes free below which a file may not be taken any more."""

_MEGABYTE: Final = 1 << 20


def check_software() -> Finding:
    """Python, and the SQLite that the node brings."""
    found = f"Python {platform.python_version()}, SQLite {pysqlite3.sqlite_version}"
    if sys.version_info < OLDEST_PYTHON:
        return failed("software", "python-too-old", found)
    if pysqlite3.sqlite_version_info < OLDEST_SQLITE:
        return failed("software", "sqlite-too-old", found)
    return ok("software", found)


def check_keys(folder: Path) -> Finding:
    """The key file: there, complete, and for its owner alone."""
    path = folder / KEYS_NAME
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return failed("keys", "keys-missing", KEYS_NAME)
    if mode & 0o077:
        return failed("keys", "keys-readable", f"{KEYS_NAME} {mode:04o}")
    try:
        load_keys(folder)
    except LedgerError as error:
        return failed("keys", "keys-broken", error.code)
    return ok("keys", f"{KEYS_NAME} {mode:04o}")


def check_trust_root(
    folder: Path, settings: NodeSettings, now: datetime
) -> tuple[Finding, TrustRoot | None]:
    """The trust root: there, well formed, in date, and about this node."""
    try:
        content = (folder / settings.trust_root).read_bytes()
    except OSError:
        return failed("trust-root", "trust-root-missing", settings.trust_root), None
    try:
        root = parse_trust_root(content)
    except LedgerError as error:
        return failed("trust-root", "trust-root-broken", error.code), None
    until = f"sequence {root.sequence}, until {root.expires_at:%Y-%m-%d}"
    if not any(one.region == settings.region for one in root.coverage):
        return failed("trust-root", "region-not-covered", settings.region), root
    if not _is_about_own_keys(folder, settings.region, root):
        return failed("trust-root", "vrf-key-differs", until), root
    if root.expires_at <= now:
        return failed("trust-root", "trust-root-expired", until), root
    if root.expires_at - now < EXPIRES_SOON:
        return warning("trust-root", "trust-root-expires-soon", until), root
    if settings.clock_offset_s and not root.is_development:
        return failed("trust-root", "clock-offset", f"{settings.clock_offset_s} s"), root
    return ok("trust-root", until), root


def check_database(folder: Path, settings: NodeSettings, default_name: str) -> Finding:
    """The database: it opens, it is this node's, and this release knows its schema."""
    address = settings.database_url or f"sqlite:///{folder / default_name}"
    shown = masked(address) if settings.database_url else default_name
    try:
        url = make_url(address)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            return warning("database", "database-new", str(shown))
        return _opened(address, settings.region, str(shown))
    except LedgerError as error:
        return failed("database", error.code, str(shown))
    except Exception as error:  # an address or a driver that is none may raise anything
        return failed("database", "database-url", type(error).__name__)


def check_disk(folder: Path) -> Finding:
    """Room for the database, its log and its temporary files."""
    free = shutil.disk_usage(folder).free
    found = f"{free // _MEGABYTE} MiB free"
    if free < NO_SPACE:
        return failed("disk", "disk-full", found)
    return warning("disk", "disk-low", found) if free < LITTLE_SPACE else ok("disk", found)


def _is_about_own_keys(folder: Path, region: str, root: TrustRoot) -> bool:
    try:
        seeds = load_keys(folder).vrf_seeds
    except LedgerError:
        return True  # the keys' own finding says so
    newest: dict[str, tuple[int, bytes]] = {}
    for key in root.vrf_keys:
        if key.region == region and key.generation >= newest.get(key.stream, (0, b""))[0]:
            newest[key.stream] = (key.generation, key.public_key)
    return all(
        generation in seeds[stream] and vrf.public_key(seeds[stream][generation]) == public
        for stream, (generation, public) in newest.items()
    )


def _opened(address: str, region: str, shown: str) -> Finding:
    engine = open_engine(address)
    try:
        with mapped(), engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return warning("database", "database-new", shown)
            version = table("alembic_version", column("version_num"))
            schema = connection.scalar(select(version.c.version_num))
            facts = table("facts", column("name"), column("value"))
            bound = connection.scalar(select(facts.c.value).where(facts.c.name == "region"))
    finally:
        engine.dispose()
    found = f"{shown}, schema {schema}"
    if schema not in revisions():
        return failed("database", "schema-unknown", found)
    if bound not in (None, region):
        return failed("database", "database-of-another-region", f"{shown}, region {bound}")
    if schema != revisions()[-1]:
        return warning("database", "schema-old", found)
    return ok("database", found)
