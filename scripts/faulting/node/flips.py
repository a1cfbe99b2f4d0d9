"""Flipping single bits of a real node's database: ``fsck`` must find each, or it must be harmless.

    PYTHONPATH=scripts:tests python -m faulting.node.flips [--count 10000] [--seed N]

A node over a chain in memory is run until its database holds something of everything: several
heads, drops, amendments, expiries, a withdrawn transaction, one that was signed and not sent,
events without an index, snapshots, another region's log. It is stopped, and then, one at a time and
each undone again:

- a bit of one stored value is flipped by a statement, so that its indexes agree with it; half of
  these values are drawn from all stored bits alike, the other half from all columns alike;
- a bit of the raw file is flipped.

A flip is *found* if the audit has a finding or refuses the database, and *harmless* if every table
still reads the same and SQLite's own check is clean: the bit was in free space. Any other is
*missed*. The chain is left out: it could only find more.
"""

import argparse
import random
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from worlds.auditing import audit_file, lived_in

from faulting.node.stored_bits import cells, dump, is_harmless, set_bit
from ledger.errors import LedgerError
from ledger.services.audit import Memory

FILE: Final = "file"
"""Where bits of the raw file are counted."""

DRAWS: Final = 1_000
"""Tries to find a flip that the database takes: two rows may not have one key."""

EVERY: Final = 500
"""Flips between two words on how far it is."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Flip:
    """One flipped bit.

    Attributes:
        place: ``table.column``, or ``file``.
        row: The row's number in SQLite; the byte's offset in the file.
        bit: Which of the value or byte, from 0; counted from the low end of each byte.
    """

    place: str
    row: int
    bit: int


@dataclass(slots=True)
class FlipReport:
    """What became of the flips.

    Attributes:
        seed: Repeats the same flips.
        flips: How many were made, by place.
        found: How many of them the audit found.
        harmless: How many changed nothing that is stored.
        missed: Those that it did not find.
        broken: Those at which the audit itself broke, with the name of the error.
        codes: How often each code, or refusal, was the first one.
    """

    seed: int
    flips: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    harmless: Counter[str] = field(default_factory=Counter)
    missed: list[Flip] = field(default_factory=list)
    broken: list[tuple[Flip, str]] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Whether every flip was found or harmless."""
        return not self.missed and not self.broken

    def lines(self) -> list[str]:
        """The report for people: totals, then a line for each place."""
        totals = (self.flips.total(), self.found.total(), self.harmless.total())
        lines = [
            "seed {}: {} flips, {} found, {} harmless, {} missed, {} broken".format(
                self.seed, *totals, len(self.missed), len(self.broken)
            )
        ]
        lines += [
            f"  {place}: {count} flips, {self.found[place]} found, {self.harmless[place]} harmless"
            for place, count in sorted(self.flips.items())
        ]
        lines += [f"  MISSED {flip}" for flip in self.missed]
        lines += [f"  BROKEN {flip}: {error}" for flip, error in self.broken]
        return lines


def run(count: int, say: Say, seed: int) -> FlipReport:
    """Flip ``count`` bits, one at a time; the seed repeats the database and the flips.

    Args:
        count: How many.
        say: Told how far it is.
        seed: Chooses content and flips.

    Raises:
        LedgerError: The database that nothing was flipped in is not clean.
    """
    report, told = FlipReport(seed), 0
    with tempfile.TemporaryDirectory(prefix="credit-ledger-flips-") as folder:
        bench = Bench(Path(folder), seed)
        chance = random.Random(seed)  # noqa: S311 - repeats itself, guards nothing
        for done in range(1, count + 1):
            bench.flip_one(chance, done, report)
            unseen = len(report.missed) + len(report.broken)
            if unseen > told:
                told = unseen
                say(report.lines()[-1].strip())
            if done % EVERY == 0 or done == count:
                say(f"{done} of {count} flips, {unseen} missed")
    return report


class Bench:
    """One database, flipped and put back again and again.

    Raises:
        LedgerError: It is not clean to begin with.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        world = lived_in(folder, seed)
        self._path = world.path
        self._node = world.identity()
        self._memory = Memory()
        self._template = self._path.read_bytes()
        self._dump = dump(self._path)
        self._cells = cells(self._path)
        self._columns = sorted({(cell.table, cell.column) for cell in self._cells})
        self._weights = [cell.bits for cell in self._cells]
        first = audit_file(self._path, self._node, world.chain, memory=self._memory)
        if not first.is_clean:
            raise LedgerError(f"nothing was flipped and found: {first.findings} {first.unknown}")
        self._restore()

    def flip_one(self, chance: random.Random, turn: int, report: FlipReport) -> None:
        """Flip a bit, look for it, put it back; every third one in the raw file."""
        flip = self._flip_file(chance) if turn % 3 == 0 else self._flip_value(chance, turn % 3)
        report.flips[flip.place] += 1
        try:
            code = self._look()
        except Exception as error:
            # The audit must have an answer to whatever it reads.
            report.broken.append((flip, f"{type(error).__name__}: {error}"))
        else:
            if code is not None:
                report.found[flip.place] += 1
                report.codes[code] += 1
            elif is_harmless(self._path, self._dump):
                report.harmless[flip.place] += 1
            else:
                report.missed.append(flip)
        self._restore()

    def _look(self) -> str | None:
        """The first finding's code, or the refusal's; None where nothing was found."""
        try:
            report = audit_file(self._path, self._node, None, memory=self._memory)
        except LedgerError as error:
            return f"refused: {error.code}"
        return report.findings[0].code if report.findings else None

    def _flip_file(self, chance: random.Random) -> Flip:
        position = chance.randrange(len(self._template) * 8)
        at, bit = divmod(position, 8)
        with self._path.open("r+b") as file:
            file.seek(at)
            file.write(bytes([self._template[at] ^ 1 << bit]))
        return Flip(FILE, at, bit)

    def _flip_value(self, chance: random.Random, by_column: int) -> Flip:
        for _ in range(DRAWS):
            if by_column == 1:
                chosen = chance.choice(self._columns)
                among = [cell for cell in self._cells if (cell.table, cell.column) == chosen]
                cell = chance.choice(among)
            else:
                (cell,) = chance.choices(self._cells, self._weights)
            bit = chance.randrange(cell.bits)
            if set_bit(self._path, cell, bit):
                return Flip(f"{cell.table}.{cell.column}", cell.row, bit)
        raise LedgerError(f"no flip in {DRAWS} draws that the database takes")

    def _restore(self) -> None:
        self._path.write_bytes(self._template)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def main() -> int:
    """Flip bits and print the report; gives the exit code."""
    parser = argparse.ArgumentParser(prog="flips", description="Flip bits; fsck finds each.")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    report = run(options.count, lambda text: print(text, flush=True), options.seed)
    print("\n".join(report.lines()))
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
